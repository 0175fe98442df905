"""Takes what a source may be asked for, gives leave to read a page in its time; never reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wellhead.clock import Clock
from wellhead.migration.copy.job import Caps

Pause = Callable[[float], bool]
"""Waits so many seconds, and says at once whether it is time to stop."""

_STEP_SECS = 0.5
_LEAST_PAGE_DOCS = 100


class SourceCap:
    """Keeps a process to its share of what the source may be asked for.

    The share is that of the job's partitions which the process owns: together all processes stay within the caps, whoever comes or goes.

    Args:
        caps: What all processes may ask for together, as it is now.
        share: This process's part of it, 0 to 1.
        clock: Time.
        pause: How to wait.
    """

    def __init__(self, caps: Callable[[], Caps], share: Callable[[], float], clock: Clock, pause: Pause) -> None:
        self._caps = caps
        self._share = share
        self._clock = clock
        self._pause = pause
        self._free = threading.Condition()
        self._under_way = 0
        self._next_secs = float("-inf")

    @property
    def searches(self) -> int:
        """How many searches this process may have under way."""
        return max(1, int(self._caps().searches * self._share()))

    def page_docs(self, wanted: int) -> int:
        """Give how many documents a page may have: `wanted`, or what may be read in a second where that is less."""
        docs_per_sec = self._caps().docs_per_sec * self._share()
        return wanted if docs_per_sec <= 0 else min(wanted, max(_LEAST_PAGE_DOCS, int(docs_per_sec)))

    @contextmanager
    def page(self, docs: int) -> Iterator[None]:
        """Wait until `docs` documents may be read, then hold the leave to search."""
        self._wait_for_time(docs)
        with self._free:
            while self._under_way >= self.searches:
                self._free.wait(_STEP_SECS)
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify_all()

    def _wait_for_time(self, docs: int) -> None:
        """Take the next place in time; each page moves it on by what the page costs."""
        docs_per_sec = self._caps().docs_per_sec * self._share()
        if docs_per_sec <= 0:
            return
        with self._free:
            at_secs = max(self._next_secs, self._clock.monotonic_secs())
            self._next_secs = at_secs + docs / docs_per_sec
        while (left_secs := at_secs - self._clock.monotonic_secs()) > 0:
            if self._pause(min(left_secs, _STEP_SECS)):
                return
