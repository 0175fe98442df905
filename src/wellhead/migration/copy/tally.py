"""Gives what became of documents as counts that add up, and how far one slice is; never counts by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

_REASON_CHARS = 200
_MOST_REASONS = 20
OTHER_REASONS = "other reasons"


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of documents; every one that was read is in exactly one of the first five.

    Attributes:
        copied: Written to the target.
        there: Already there in this version.
        newer: There in a newer version, which stays; or superseded by a later document of the same read.
        skipped: Not asked for, such as another client's in a topic.
        refused: The target, or the mapping, does not take them; the dead letters hold them.
        pages: How many times documents were read and written.
        bytes: What was written, as JSON.
        ms: Milliseconds that reading and writing took, of all lanes together.
        reasons: Of refusals, how many by reason.
    """

    copied: int = 0
    there: int = 0
    newer: int = 0
    skipped: int = 0
    refused: int = 0
    pages: int = 0
    bytes: int = 0
    ms: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many documents were read."""
        return self.copied + self.there + self.newer + self.skipped + self.refused

    def plus(self, other: Tally) -> Tally:
        """Give both together."""
        sums = {
            each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Tally) if each.name != "reasons"
        }
        return Tally(**sums, reasons=_merged(self.reasons, other.reasons))


def total(tallies: Iterable[Tally]) -> Tally:
    """Give all together."""
    summed = Tally()
    for each in tallies:
        summed = summed.plus(each)
    return summed


def reasons_of(texts: Iterable[str]) -> dict[str, int]:
    """Count reasons, the long ones cut."""
    return dict(Counter(text[:_REASON_CHARS] for text in texts))


def _merged(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    merged = Counter(one)
    merged.update(other)
    if len(merged) <= _MOST_REASONS:
        return dict(merged)
    # A reason may name the document; without a bound each refusal would be a reason of its own.
    kept = dict(merged.most_common(_MOST_REASONS - 1))
    rest = merged.total() - sum(kept.values())
    return {**kept, OTHER_REASONS: kept.pop(OTHER_REASONS, 0) + rest}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one slice is.

    Attributes:
        slice: Its number.
        epoch: Under which ownership of its partition this was written; a higher one is newer.
        after: Where the next page begins; None = at the beginning.
        tally: What became of what was read so far, by whomever.
        done: Whether nothing is left of it.
        member: Who wrote this.
        at_ms: When, in epoch milliseconds.
    """

    slice: int
    epoch: int
    after: list[Any] | None = None
    tally: Tally = field(default_factory=Tally)
    done: bool = False
    member: str = ""
    at_ms: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


def progress_of(content: Mapping[str, Any]) -> Progress:
    """Give the progress that JSON holds.

    Raises:
        TypeError: A field is missing or unknown.
    """
    return Progress(**{**content, "tally": Tally(**content["tally"])})
