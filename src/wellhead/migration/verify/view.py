"""Takes a layout and a side, gives under which names that side keeps one kind of document; never asks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wellhead.migration.copy.clients import Client
from wellhead.migration.copy.mapping import INDEX, Layout, Unit
from wellhead.migration.verify.spans import Span

SideName = Literal["from", "to"]
MS_PER_SEC = 1000
_MONTH = re.compile(r"(\d{4})[._-]?(0[1-9]|1[0-2])(?!\d)")
_TOPS = {"hits": ("type", "domain", "ip"), "attacks": ("type", "domain")}
_SUMS = {"hits": (), "attacks": ("hits", "version")}


@dataclass(frozen=True, slots=True)
class View:
    """Where one side keeps documents of one kind, and under which names.

    Attributes:
        kind: hits or attacks.
        pattern: Its indices.
        client: Field of the client; None where the index tells it.
        client_from_index: Pattern whose first group is the client in an index's name.
        time: Field of the time by which documents are chosen.
        time_unit: What it holds.
        tie: Field that tells documents of one time apart.
        id: Field that holds the shared id, or `_id`.
        type: Field of the attack type.
        sums: Numbers that are added up, by the shared name.
        tops: Fields whose most frequent values are compared, by the shared name.
        tells_months: Whether the names of both sides' indices tell the same month.
    """

    kind: str
    pattern: str
    client: str | None
    client_from_index: str | None
    time: str
    time_unit: Unit
    tie: str
    id: str
    type: str
    sums: Mapping[str, str]
    tops: Mapping[str, str]
    tells_months: bool

    def client_of(self, index: str) -> str | None:
        """Give the client that an index's name tells."""
        found = re.search(self.client_from_index, index) if self.client_from_index else None
        return found[1] if found else None

    def bounds(self, span: Span) -> dict[str, int]:
        """Give a span in the unit of this side."""
        return {"gte": self.in_unit(span.first_ms), "lt": self.in_unit(span.end_ms)}

    def in_unit(self, at_ms: int) -> int:
        """Give a time in the unit of this side: the first whole one that is not before it."""
        return -(-at_ms // MS_PER_SEC) if self.time_unit == "s" else at_ms

    def query(self, span: Span | None, clients: Iterable[Client | None] = ()) -> dict[str, Any]:
        """Give the query for a span and some clients, None among them for documents that name none; no clients are all of them."""
        filters: list[Any] = [{"range": {self.time: self.bounds(span)}}] if span is not None else []
        chosen = list(clients)
        if not chosen or self.client is None:
            return {"bool": {"filter": filters}}
        named = [client for client in chosen if client is not None]
        either: list[Any] = [{"terms": {self.client: named}}] if named else []
        if len(named) < len(chosen):
            either.append({"bool": {"must_not": [{"exists": {"field": self.client}}]}})
        return {"bool": {"filter": [*filters, {"bool": {"should": either, "minimum_should_match": 1}}]}}


def view_of(kind: str, layout: Layout, side: SideName, prefix: str) -> View:
    """Give one side's view of a kind."""
    is_source = side == "from"
    old_names = {new: old for old, new in layout.rename.items()}

    def name(shared: str) -> str:
        return old_names.get(shared, shared) if is_source else shared

    def own(field: str) -> str:
        return field if is_source else layout.rename.get(field, field)

    made = {*layout.constant, *layout.convert}
    sums = {shared: name(shared) for shared in _SUMS[kind] if shared not in made}
    tops = {shared: name(shared) for shared in _TOPS[kind] if shared not in made}
    becomes_ms = layout.convert.get(own(layout.time)) in ("secs_to_ms", "iso_to_ms")
    return View(
        kind=kind,
        pattern=layout.index.format(prefix=prefix, month="*") if is_source else layout.target.format(prefix=prefix, month="*"),
        client=own(layout.client) if not (is_source and layout.client_from_index) else None,
        client_from_index=layout.client_from_index if is_source else None,
        time=own(layout.time),
        time_unit=layout.time_unit if is_source or not becomes_ms else "ms",
        tie=layout.tie if is_source else own(layout.tie),
        id=layout.id if is_source else "_id",
        type=name("type"),
        sums=sums,
        tops=tops,
        tells_months=layout.month == INDEX,
    )


def month_of(index: str) -> str:
    """Give the month an index's name tells, or the name itself."""
    found = _MONTH.findall(index)
    return ".".join(found[-1]) if found else index
