"""Gives the shapes of questions and answers, for checking the former and describing both; never stands between a store and its answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from wellhead.consumers.attacks.api.cursors import MOST_CHARS
from wellhead.consumers.attacks.api.filters import Filters, HitFilters
from wellhead.consumers.attacks.api.requests import By, Sort

LIMIT = 100
ATTACK: JsonDict = {
    "id": "202602:9f86d081884c7d659a2feaa0",
    "client_id": 4242,
    "rule": "basic",
    "type": "sqli",
    "domain": "shop.example.com",
    "path": "/login",
    "parameter": "GET_q",
    "first_time": 1769904000000,
    "last_time": 1769905200000,
    "hits": 17,
    "ip_count": 2,
    "ip_top": [{"ip": "203.0.113.7", "count": 12, "country": "NL"}],
    "state": "open",
    "merged_into": None,
    "merged": [],
    "version": 17,
}
HIT: JsonDict = {
    "id": "hits_4242_202602:Zk3Q",
    "attack_id": "202602:9f86d081884c7d659a2feaa0",
    "client_id": 4242,
    "type": "sqli",
    "time": 1769904000000,
    "ip": "203.0.113.7",
    "remote_country": "NL",
    "domain": "shop.example.com",
    "path": "/login",
    "status_code": 403,
}
CURSOR = "WyJiNDQ4OWNhZjExYjVkYmMwMTViOGIyNzUiLDE3Njk5MTQ4MDAwMDAsIjIwMjYwMjpfIl0"
_Cursor = Field(
    default=None, min_length=1, max_length=MOST_CHARS, description="`cursor` of the last page, with the same filters."
)
_Limit = Field(default=None, ge=1, le=5000, description="Most entries of a page: 100 unless said, at most serve.page.max.")


class AttacksQuery(Filters):
    """A page of attacks."""

    sort: Sort = Field(
        default="last_time",
        description="`last_time`: newest hit first, so an attack that goes on moves to the top; `id`: nothing moves while pages are read.",
    )
    limit: int | None = _Limit
    cursor: str | None = _Cursor


class HitsQuery(HitFilters):
    """A page of hits."""

    limit: int | None = _Limit
    cursor: str | None = _Cursor


class AttackQuery(BaseModel):
    """One attack."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        description="Only if it is this client's; also keeps the answer on this client's store.",
    )


class CountsQuery(Filters):
    """Counts."""

    by: By | None = Field(default=None, description="What is counted by; without it only totals. A day is one of UTC.")
    top: int = Field(default=10, ge=1, le=1000, description="Most values: those with most hits, or the newest days.")


class _Shape(BaseModel):
    # Fields may be added.
    model_config = ConfigDict(extra="allow")


class Attack(_Shape):
    """An attack, as the store holds it; a field in which its hits differ is null and named in `multiple`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [ATTACK]})

    id: str = Field(description="`<year and month>:<24 hexadecimal digits>`.")
    client_id: int | None = Field(default=None)
    rule: str | None = Field(default=None, description="The rule that groups its hits.")
    type: str | None = None
    domain: str | None = None
    path: str | None = None
    first_time: int | None = Field(default=None, description="Time of its first hit, epoch milliseconds.")
    last_time: int | None = Field(default=None, description="Time of its newest hit, epoch milliseconds.")
    hits: int | None = Field(default=None, description="How many hits it has.")
    ip_count: int | None = Field(default=None, description="How many addresses took part.")
    state: str | None = Field(default=None, description="`open`, `closed`, or `merged`: it lives on in `merged_into`.")
    merged_into: str | None = None
    merged: list[str] | None = Field(default=None, description="Attacks that live on in this one.")


class OneAttack(Attack):
    """An attack, and which one it lives on in."""

    surviving_id: str = Field(description="Its own id, or that of the attack it was merged into, over however many steps.")


class Hit(_Shape):
    """A hit, as the store holds it."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [HIT]})

    id: str
    attack_id: str | None = Field(
        default=None, description="The attack it was put to at first, which may since live on in another."
    )
    client_id: int | None = None
    type: str | None = None
    time: int | None = Field(default=None, description="Epoch milliseconds.")
    ip: str | None = None


class AttacksPage(_Shape):
    """A page of attacks, newest first."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"attacks": [ATTACK], "cursor": CURSOR}]})

    attacks: list[Attack]
    cursor: str | None = Field(description="Gives the next page; null on the last.")


class HitsPage(_Shape):
    """A page of hits, newest first."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"hits": [HIT], "cursor": None}]})

    hits: list[Hit]
    cursor: str | None = Field(description="Gives the next page; null on the last.")


class AttackHitsPage(HitsPage):
    """A page of an attack's hits, newest first, those of attacks merged into it included."""

    attack_id: str
    attack_ids: list[str] = Field(description="The attacks its hits may name: its own id first.")


class Count(_Shape):
    """How many of one value."""

    value: str | int | bool
    attacks: int | None = Field(description="Null where only hits have the field.")
    hits: int | None = Field(description="Null where only attacks have the field, or a state is asked for.")


class Others(_Shape):
    """How many are not of a value that is shown."""

    attacks: int | None
    hits: int | None


class Counts(_Shape):
    """How many attacks and hits there are."""

    by: str | None
    attacks: int | None = Field(description="Attacks that began in the span, in all.")
    hits: int | None = Field(description="Hits of the span, in all.")
    counts: list[Count] | None = Field(
        default=None, description="By value, the one with most hits first, the newest day first."
    )
    others: Others | None = None
    exact: bool | None = Field(default=None, description="False where the store says that its ranking may be off by some.")


class StoreState(_Shape):
    """Whether a store answers."""

    state: Literal["up", "down", "not asked yet"]
    since_ms: int
    reason: str | None = None


class ApiHealth(_Shape):
    """Whether the API is well, its settings as they are now, and its stores."""

    status: Literal["healthy", "starting", "unhealthy"]
    message: str
    settings: dict[str, Any] | None = None
    stores: dict[str, StoreState] | None = None
