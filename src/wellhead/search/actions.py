"""Gives what goes into a store and what comes back as frozen values; never talks to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from wellhead.search.dialect import Dialect

Op = Literal["index", "create", "delete"]


@dataclass(frozen=True, slots=True)
class Action:
    """One document to be written.

    Attributes:
        index: The index, by name.
        id: The document's id.
        source: The document, one JSON object in UTF-8; empty for a deletion.
        version: Its version, above 0, which must be higher than the stored one's; None lets the store count. A creation has none.
        op: index puts or replaces, create puts only what is not there, delete removes.
    """

    index: str
    id: str
    source: bytes
    version: int | None = None
    op: Op = "index"


class Refused(NamedTuple):
    """A document that the store will never take as it is."""

    action: Action
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What became of a bulk; every action is in exactly one of the four.

    Attributes:
        done: How many are written.
        stale: How many were there already, in this version or a newer one, or (create, delete) needed nothing.
        refused: Those that are wrong in themselves.
        busy: Those the store had no room for now; the same again later may do.
        too_large: Whether the store took the request only in parts: it was over its `http.max_content_length`.
        secs: How long it took.
        known: The stale ones.
    """

    done: int = 0
    stale: int = 0
    refused: list[Refused] = field(default_factory=list)
    busy: list[Action] = field(default_factory=list)
    too_large: bool = False
    secs: float = 0.0
    known: list[Action] = field(default_factory=list)

    def plus(self, other: BulkAnswer) -> BulkAnswer:
        """Give both together."""
        return BulkAnswer(
            self.done + other.done,
            self.stale + other.stale,
            self.refused + other.refused,
            self.busy + other.busy,
            self.too_large or other.too_large,
            self.secs + other.secs,
            self.known + other.known,
        )


class Page(NamedTuple):
    """Some hits of a longer read.

    Attributes:
        hits: As the store gives them: `_id`, `_index`, `_source`, `_version`, `sort`.
        after: Where the next page begins; a later read may go on from here.
    """

    hits: list[dict[str, Any]]
    after: list[Any]


@dataclass(frozen=True, slots=True)
class About:
    """Which store it is.

    Attributes:
        product: opensearch or elasticsearch.
        version: Such as 2.19.6.
        dialect: How it is spoken to.
        cluster: The name of its cluster.
    """

    product: Literal["opensearch", "elasticsearch"]
    version: str
    dialect: Dialect
    cluster: str


def total_of(answer: dict[str, Any]) -> int:
    """Give how many documents a search found: a number in Elasticsearch 6, an object since."""
    total = answer["hits"]["total"]
    return int(total["value"] if isinstance(total, dict) else total)


def size_bytes(actions: Sequence[Action]) -> int:
    """Give about what a bulk of them weighs."""
    return sum(len(action.source) + len(action.index) + len(action.id) + LINE_BYTES for action in actions)


LINE_BYTES = 80
"""What stands around a document in a bulk, its names left out."""
