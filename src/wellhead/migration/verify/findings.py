"""Gathers from many threads what two stores were seen to differ in, a bounded part of it by name; never decides whether it counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wellhead.migration.copy.clients import Client
from wellhead.migration.verify.spans import Span, told

Progress = Callable[[str, int, int], None]
"""Told the kind, the documents that are done since, and the differences seen since."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A document that one look saw differ.

    Attributes:
        kind: hits or attacks.
        id: Its shared id.
        client: Whose it is.
        at_ms: Its time (epoch ms), as the side that was read says; the beginning of what was read where it has none.
    """

    kind: str
    id: str
    client: Client | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Narrowed:
    """One client's day that one look saw differ.

    Attributes:
        kind: hits or attacks.
        client: Whose.
        span: The day.
        reasons: What its cells differ in.
        docs: How many documents each side counted.
        hours: The first moments (epoch ms) of the hours with documents that differ.
    """

    kind: str
    client: Client | None
    span: Span
    reasons: tuple[str, ...]
    docs: tuple[int, int]
    hours: tuple[int, ...]

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "kind": self.kind,
            "client": self.client,
            "day": told(self.span.first_ms),
            "differs_in": list(self.reasons),
            "from": self.docs[0],
            "to": self.docs[1],
            "hours": [told(at_ms, "hour") for at_ms in self.hours],
        }


@dataclass(slots=True)
class Totals:
    """Counts of one kind; `left` and `right` are documents of source and target."""

    left: int = 0
    right: int = 0
    clients: int = 0
    slices: int = 0
    by_digest: int = 0
    by_reading: int = 0
    by_count: int = 0


@dataclass(slots=True)
class Findings:
    """All that one pass over both stores saw.

    Attributes:
        most: The most suspects, and narrowed days, that are kept by name.
        progress: Told of it as it comes.
        totals: Counts by kind.
        suspects: Documents by kind and id.
        unnamed: Suspects by kind beyond `most`.
        narrowed: Days that differ.
        notes: What a person should know, each once.
    """

    most: int
    progress: Progress
    totals: dict[str, Totals] = field(default_factory=dict)
    suspects: dict[tuple[str, str], Suspect] = field(default_factory=dict)
    unnamed: Counter[str] = field(default_factory=Counter)
    narrowed: list[Narrowed] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str, **numbers: int) -> None:
        """Add to the counts of a kind."""
        with self._lock:
            totals = self.totals.setdefault(kind, Totals())
            for name, number in numbers.items():
                setattr(totals, name, getattr(totals, name) + number)

    def done(self, kind: str, docs: int, how: str) -> None:
        """Say that `docs` documents were compared in one way: by_digest, by_reading or by_count."""
        self.count(kind, **{how: docs})
        self.progress(kind, docs, 0)

    def suspect(self, found: Iterable[Suspect]) -> None:
        """Keep documents that differ."""
        added = 0
        with self._lock:
            for each in found:
                if len(self.suspects) < self.most:
                    self.suspects.setdefault((each.kind, each.id), each)
                elif (each.kind, each.id) not in self.suspects:
                    self.unnamed[each.kind] += 1
                added += 1
        if added:
            self.progress("", 0, added)

    def narrow(self, found: Narrowed) -> None:
        """Keep a day that differs."""
        with self._lock:
            if len(self.narrowed) < self.most:
                self.narrowed.append(found)

    def note(self, text: str) -> None:
        """Keep a sentence for the report."""
        with self._lock:
            self.notes[text] = None

    def counts(self) -> Mapping[str, Totals]:
        """Give the counts by kind."""
        with self._lock:
            return dict(self.totals)
