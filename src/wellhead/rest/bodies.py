"""Takes a request's body, gives what it says as one of the shapes below; never quotes more of it in a refusal than a field's name."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.requests import Request

from wellhead.rest.contract import ApiError

T = TypeVar("T", bound=BaseModel)

_MESSAGES: Final = {
    "missing": "required",
    "string_type": "must be text",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def _as_text(value: Any) -> Any:
    """Read a number or a truth value as the text it is written as, as Connect does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if value is None or isinstance(value, str):
        return value
    raise PydanticCustomError("text", "must be text")


Text = Annotated[str | None, BeforeValidator(_as_text)]
Scalar = str | int | float | bool | None
Words = dict[str, Text]
MAX_MS = 253_402_300_799_000
"""The last second of the year 9999."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)


class OffsetEntry(_Body):
    """One cursor of a connector."""

    partition: dict[str, Scalar] = Field(description="Which cursor: its stream and tenant.", examples=[{"stream": "log"}])
    offset: dict[str, Scalar] | None = Field(description="Where it is to stand; null resets it.")


class CreateRequest(_Body):
    """A connector to be made."""

    name: str | None = Field(None, description="Its name; may stand among the words of its configuration instead.")
    config: Words = Field(description="Its configuration: dotted words, all text.")
    initial_state: Literal["RUNNING", "PAUSED", "STOPPED"] | None = Field(None, description="What it is to be at first.")
    initial_offsets: list[OffsetEntry] | None = Field(None, description="Where its cursors are to stand at first.")


class ConfigRequest(RootModel[Words]):
    """A configuration: dotted words, all text."""

    model_config = ConfigDict(hide_input_in_errors=True)


class OffsetsRequest(_Body):
    """Cursors to be set or reset."""

    offsets: list[OffsetEntry] | None = None


class BackfillRequest(_Body):
    """A span of time to be read again."""

    from_ms: int = Field(ge=0, le=MAX_MS, description="First event time, epoch ms.")
    to_ms: int = Field(ge=0, le=MAX_MS, description="First event time that is left out, epoch ms; not in the future.")
    share: float = Field(0.2, ge=0.01, le=1, description="How much of the time, and of the connector's calls, it may take.")
    streams: list[str] = Field([], description="Which streams; empty for all that can.")
    tenants: list[str] = Field([], description="Whose data; empty for all.")
    id: str | None = Field(None, description="Its name, for one stream of one tenant; by default made of the span.")


class LevelRequest(_Body):
    """A logger's level."""

    level: str | None = Field(None, description="TRACE, DEBUG, INFO, WARN, ERROR, FATAL or OFF.")


async def read(request: Request, shape: type[T]) -> T:
    """Read the body of a request.

    Raises:
        ApiError: 415 when it does not say that it is JSON, 400 when it is none or says something else than `shape`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "HTTP 415 Unsupported Media Type")
    try:
        content = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=True)
        raise ApiError(400, "\n".join(_told(detail, shape) for detail in details)) from None


def _told(detail: ErrorDetails, shape: type[BaseModel]) -> str:
    *_, last = detail["loc"] or ("",)
    where = ".".join(str(part) for part in detail["loc"]) or "the body"
    if detail["type"] == "extra_forbidden":
        model = shape if len(detail["loc"]) == 1 else OffsetEntry
        known = ", ".join(f'"{name}"' for name in model.model_fields)
        return f'Unrecognized field "{last}", not marked as ignorable ({len(model.model_fields)} known properties: {known})'
    return f"{where}: {_MESSAGES.get(detail['type']) or detail['msg'].replace('Input should be', 'must be')}"
