"""Gives one slice of a job as a frozen value, with the query that finds its documents; never reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wellhead.migration.copy.clients import Client
from wellhead.migration.copy.mapping import Layout

MS_PER_SEC = 1000


@dataclass(frozen=True, slots=True)
class Slice:
    """Documents that one process copies in one go, in order.

    Attributes:
        number: Counts from 0 within the job.
        kind: hits or attacks; documents for a topic, which holds both.
        place: The index, or the topic.
        docs: How many there were when it was planned.
        clients: Whose; None = whoever's, () = documents that name no client.
        partition: Of the topic; None for an index.
        first: Epoch milliseconds, or offset, of the first; None = from the beginning.
        end: Where it ends, exclusive; None = nowhere.
        odd: Holds those documents only that lack the field of time, or the one that tells two of one time apart.
    """

    number: int
    kind: str
    place: str
    docs: int
    clients: tuple[Client, ...] | None = None
    partition: int | None = None
    first: int | None = None
    end: int | None = None
    odd: bool = False

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


def slice_of(fields: Mapping[str, Any]) -> Slice:
    """Give the slice that JSON holds.

    Raises:
        TypeError: A field is missing or unknown.
    """
    clients = fields.get("clients")
    return Slice(**{**fields, "clients": None if clients is None else tuple(clients)})


def query_of(wanted: Slice, layout: Layout) -> Mapping[str, Any]:
    """Give the query that finds the documents of a slice of an index."""
    filters = [*time_filter(layout, wanted.first, wanted.end), *order_filter(layout, odd=wanted.odd)]
    if wanted.clients is not None:
        filters.append({"terms": {layout.client: list(wanted.clients)}} if wanted.clients else missing(layout.client))
    return {"bool": {"filter": filters}}


def order_of(wanted: Slice, layout: Layout) -> list[Mapping[str, str]]:
    """Give the order in which a slice is read, of which no two documents have the same place."""
    return [{"_id": "asc"}] if wanted.odd else [{layout.time: "asc"}, {layout.tie: "asc"}]


def order_filter(layout: Layout, *, odd: bool) -> list[Mapping[str, Any]]:
    """Give the filter for documents that have a place in the order of time, or for the odd ones that have none."""
    ordered = [{"exists": {"field": name}} for name in (layout.time, layout.tie) if name != "_id"]
    return [{"bool": {"must_not": [{"bool": {"filter": ordered}}]}}] if odd else list(ordered)


def missing(name: str) -> Mapping[str, Any]:
    """Give the filter for documents without a field."""
    return {"bool": {"must_not": [{"exists": {"field": name}}]}}


def time_filter(layout: Layout, first_ms: int | None, end_ms: int | None) -> list[Mapping[str, Any]]:
    """Give the filter for a range of time in the unit of the source; none for all of it."""
    bounds = {word: in_unit(layout, at_ms) for word, at_ms in (("gte", first_ms), ("lt", end_ms)) if at_ms is not None}
    return [{"range": {layout.time: bounds}}] if bounds else []


def in_unit(layout: Layout, at_ms: int) -> int:
    """Give a time in the unit of the source: the first whole second that is not before it."""
    return -(-at_ms // MS_PER_SEC) if layout.time_unit == "s" else at_ms
