"""Takes what a reader wants to see, gives it checked and frozen, with one text for what is the same wish; never asks a store."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

MOST_VALUES: Final = 100
_EARLIEST_MS: Final = 100_000_000_000  # 1973; what is smaller is a time in seconds
_LATEST_MS: Final = 253_402_300_799_000  # the last second of the year 9999
_LOST_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")


def _moment_ms(value: Any) -> Any:
    """Read epoch milliseconds, a date (its first moment in UTC), or a date and time with its zone."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else _written_ms(value.strip())  # noqa: PLR2004
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LATEST_MS:
        raise _no_moment()
    if 0 < value < _EARLIEST_MS:
        raise PydanticCustomError("moment", "looks like seconds; write milliseconds since 1970, or 2026-02-01T00:00:00Z")
    return value


def _written_ms(text: str) -> int:
    try:
        # A plus sign that was not escaped in a URL arrives as a space.
        found = datetime.fromisoformat(_LOST_PLUS.sub("+", text))
    except ValueError:
        raise _no_moment() from None
    if found.tzinfo is None:
        if len(text) > len("2026-02-01"):
            raise PydanticCustomError("moment", "needs a zone, such as 2026-02-01T00:00:00Z")
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)


def _no_moment() -> PydanticCustomError:
    return PydanticCustomError("moment", "must be a time such as 2026-02-01T00:00:00Z, a date, or milliseconds since 1970")


def _network(value: Any) -> Any:
    """Read an address or a network, and give it in one way of writing it."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise PydanticCustomError("ip", "must be an address or a network such as 203.0.113.7 or 2001:db8::/32") from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _has_no_control_characters(value: Any) -> Any:
    if isinstance(value, str) and not value.isprintable():
        raise PydanticCustomError("text", "must not hold control characters")
    return value


Moment = Annotated[
    int,
    BeforeValidator(_moment_ms),
    WithJsonSchema({"type": "string", "description": "A time with its zone, a date, or milliseconds since 1970."}),
]
Address = Annotated[str, BeforeValidator(_network), WithJsonSchema({"type": "string", "maxLength": 64})]
Word = Annotated[str, StringConstraints(min_length=1, max_length=255), BeforeValidator(_has_no_control_characters)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Client = Annotated[int, Field(ge=0, le=2**63 - 1)]
State = Literal["open", "closed", "merged"]


class HitFilters(BaseModel):
    """Which hits; several values of one filter mean any of them, several filters mean all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    client: Annotated[tuple[Client, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Client ids.", examples=[[4242]]
    )
    from_ms: Moment | None = Field(
        default=None, validation_alias="from", description="From this moment on, inclusive.", examples=["2026-02-01T00:00:00Z"]
    )
    to_ms: Moment | None = Field(
        default=None, validation_alias="to", description="Up to this moment, exclusive.", examples=["2026-03-01"]
    )
    type: Annotated[tuple[Word, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Types of attack.", examples=[["sqli", "xss"]]
    )
    domain: Annotated[tuple[Word, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Domains, as the hits name them.", examples=[["shop.example.com"]]
    )
    ip: Annotated[tuple[Address, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Source addresses or networks.", examples=[["203.0.113.7"]]
    )
    path: Annotated[tuple[Path, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Paths, whole.", examples=[["/login"]]
    )
    path_prefix: Path | None = Field(default=None, description="What the path begins with.", examples=["/api/"])
    rule: Annotated[tuple[Word, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(), description="Grouping rules, by the names the attacks carry.", examples=[["basic"]]
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.from_ms is not None and self.to_ms is not None and self.from_ms >= self.to_ms:
            raise PydanticCustomError("span", "from must be before to")
        return self

    def wish(self, scope: str) -> str:
        """Give one text for the same wish within `scope`: the order of values does not matter, nor where a page begins."""
        found = [scope]
        for name in sorted(set(type(self).model_fields) & WISHED):
            value = getattr(self, name)
            if value not in ((), None):
                found.append(f"{name}={sorted(value) if isinstance(value, tuple) else value!r}")
        return "&".join(found)


class Filters(HitFilters):
    """Which attacks; a span of time means those with a hit within it or around it."""

    state: Annotated[tuple[State, ...], Field(max_length=MOST_VALUES)] = Field(
        default=(),
        description="States; without it open and closed ones, since merged ones live on in another.",
        examples=[["open"]],
    )


WISHED: Final = frozenset(Filters.model_fields)
"""The fields that say what is wished, not how much of it at once."""


def digest(text: str) -> str:
    """Give a short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
