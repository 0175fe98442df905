"""Takes a store and what it may be asked for, gives its answers, asked again where that helps; never more at once than allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wellhead.clock import Clock
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.migration.copy.cap import Pause, SourceCap
from wellhead.migration.copy.job import Caps
from wellhead.search.store import SearchStore

Answer = TypeVar("Answer")
_ATTEMPTS = 6
_FIRST_WAIT_SECS = 0.5
_LONGEST_WAIT_SECS = 15.0


class Stopped(WellheadError):  # noqa: N818 - says what happened
    """Somebody asked to stop before the stores were compared."""


class Asking:
    """One store, asked by many threads within its caps.

    Args:
        store: The store.
        caps: Most searches at once and documents a second.
        clock: Time.
        pause: Waits, and says whether it is time to stop.
    """

    def __init__(self, store: SearchStore, caps: Caps, clock: Clock, pause: Pause) -> None:
        self.store = store
        self._cap = SourceCap(lambda: caps, lambda: 1.0, clock, pause)
        self._pause = pause
        self._counting = threading.Lock()
        self.searches = 0
        self.docs = 0

    def search(self, index: str, body: Mapping[str, Any], docs: int) -> dict[str, Any]:
        """Give a whole answer, for which the store goes through about `docs` documents.

        Raises:
            TemporaryError: It is away or too slow, also after some tries, or answers in part.
            PermanentError: It refuses.
        """
        return self.ask(docs, lambda: self._whole(index, body))

    def added_up(self, index: str, body: Mapping[str, Any], docs: int) -> dict[str, Any]:
        """Give the aggregations of a whole answer; none where there is no such index at all."""
        answer = self.search(index, body, docs)
        found: dict[str, Any] | None = answer.get("aggregations")
        if found is None and answer.get("_shards", {}).get("total"):
            raise PermanentError(
                f"{self.store.where}: answered without what was asked to be added up. Look at what stands before it"
            )
        return found or {}

    def count(self, index: str, query: Mapping[str, Any]) -> int:
        """Count what matches."""
        return self.ask(0, lambda: self.store.count(index, query))

    def ask(self, docs: int, call: Callable[[], Answer]) -> Answer:
        """Make one call within the caps, again while it fails for now."""
        wait_secs = _FIRST_WAIT_SECS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._cap.page(docs):
                    if self._pause(0):
                        raise Stopped("stopped before the stores were compared")
                    self._count(docs)
                    return call()
            except TemporaryError:
                if attempt == _ATTEMPTS:
                    raise
            if self._pause(wait_secs):
                raise Stopped("stopped before the stores were compared")
            wait_secs = min(wait_secs * 2, _LONGEST_WAIT_SECS)
        raise AssertionError("the last attempt returns or raises")

    def _count(self, docs: int) -> None:
        with self._counting:
            self.searches += 1
            self.docs += docs

    def _whole(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.store.search(index, body)
        shards = answer.get("_shards", {})
        if answer.get("timed_out") or answer.get("terminated_early") or shards.get("failed"):
            raise TemporaryError(f"{self.store.where}: answered in part only. Look at its health and load")
        return answer
