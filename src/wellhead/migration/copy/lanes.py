"""Takes slices of partitions that are ours, copies several at a time page by page, gives a checkpoint after each; never copies for a former owner."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from wellhead.clock import Clock
from wellhead.errors import TemporaryError
from wellhead.migration.copy.ahead import read_ahead
from wellhead.migration.copy.cap import Pause, SourceCap
from wellhead.migration.copy.journal import Journal
from wellhead.migration.copy.records import forget_record, progress_record
from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.source import Source, SourcePage
from wellhead.migration.copy.tally import Progress, Tally
from wellhead.migration.copy.target import Stopped, Target, Written
from wellhead.telemetry.logs import get_logger

_IDLE_SECS = 0.2
_FIRST_PAUSE_SECS = 1.0
_LONGEST_PAUSE_SECS = 30.0
_LEAVE_SECS = 60.0


@dataclass(slots=True)
class Tenure:
    """One ownership of one partition.

    Attributes:
        partition: Which.
        epoch: Orders ownerships of the partition in time.
        ended: Set when it is over.
        busy: How many of its slices are being copied now.
    """

    partition: int
    epoch: int
    ended: threading.Event = field(default_factory=threading.Event)
    busy: int = 0


class Copying(Protocol):
    """What copying a slice needs."""

    @property
    def name(self) -> str: ...
    @property
    def member(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def page_docs(self) -> int: ...
    @property
    def source(self) -> Source: ...
    @property
    def target(self) -> Target: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def cap(self) -> SourceCap: ...
    @property
    def clock(self) -> Clock: ...
    def known(self, number: int) -> Progress | None: ...
    def remember(self, progress: Progress) -> None: ...


class Lanes:
    """Threads that copy one slice each.

    Args:
        copying: With what.
        count: How many.
        pause: How to wait before a slice is tried again.
    """

    def __init__(self, copying: Copying, count: int, pause: Pause) -> None:
        self._copying = copying
        self._pause = pause
        self._waiting: deque[tuple[Tenure, Slice]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self.failure: Exception | None = None
        self.trouble: str | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"migrate-lane-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, tenure: Tenure, slices: list[Slice]) -> None:
        """Copy these, when it is their turn: attacks before hits, and large slices first, so that no lane ends long after the others."""
        with self._changed:
            waiting = [*self._waiting, *((tenure, each) for each in slices)]
            self._waiting = deque(sorted(waiting, key=lambda each: (each[1].kind != "attacks", -each[1].docs)))
            self._changed.notify_all()

    def end(self, tenure: Tenure) -> None:
        """Copy no more for a tenure; returns when the page of each of its slices is written and checkpointed."""
        tenure.ended.set()
        with self._changed:
            self._waiting = deque(each for each in self._waiting if each[0] is not tenure)
            self._changed.wait_for(lambda: not tenure.busy, _LEAVE_SECS)

    def close(self) -> None:
        """End every lane after the page it is at."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_LEAVE_SECS)

    # Below runs on the lanes.

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            tenure, wanted = taken
            try:
                self._copy_patiently(tenure, wanted)
            except Stopped:
                pass
            except Exception as error:  # noqa: BLE001 - told by the process: it ends the job's run here
                self.failure = self.failure or error
            finally:
                with self._changed:
                    tenure.busy -= 1
                    self._changed.notify_all()

    def _take(self) -> tuple[Tenure, Slice] | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait(_IDLE_SECS)
            if self._closing:
                return None
            taken = self._waiting.popleft()
            taken[0].busy += 1
            return taken

    def _copy_patiently(self, tenure: Tenure, wanted: Slice) -> None:
        """Copy a slice, from its last checkpoint again whenever a store or the broker was away."""
        tries = 0
        while not tenure.ended.is_set() and not self._closing:
            before = self._copying.known(wanted.number)
            try:
                SliceCopy(self._copying, wanted, tenure, lambda: self._closing).run()
            except TemporaryError as error:
                tries = 0 if self._copying.known(wanted.number) != before else tries + 1
                if self.trouble != str(error):
                    get_logger("migration").warning("slice_interrupted", slice=wanted.number, reason=str(error))
                self.trouble = str(error)
                if self._pause(error.after_secs or min(_LONGEST_PAUSE_SECS, _FIRST_PAUSE_SECS * 2**tries)):
                    return
            else:
                self.trouble = None
                return


class SliceCopy:
    """Copies one slice under one tenure."""

    def __init__(self, copying: Copying, wanted: Slice, tenure: Tenure, stopping: Callable[[], bool]) -> None:
        self._copying = copying
        self._wanted = wanted
        self._tenure = tenure
        self._stopping = stopping

    def run(self) -> None:
        """Copy from the last checkpoint to the end, or to the end of the tenure.

        Raises:
            TemporaryError: A store or the broker is away.
            PermanentError: One refuses.
            Stopped: The process ends.
        """
        copying = self._copying
        before = copying.known(self._wanted.number)
        if before is not None and before.done:
            return
        inherited = before if before is not None and before.epoch != self._tenure.epoch else None
        progress = before or Progress(self._wanted.number, self._tenure.epoch)
        began_secs = copying.clock.monotonic_secs()
        reading = copying.source.pages(self._wanted, progress.after, copying.page_docs, copying.cap)
        with closing(read_ahead(reading)) as pages:  # type: ignore[type-var]  # a generator
            for page in pages:
                if self._tenure.ended.is_set() or self._stopping():
                    return
                written = copying.target.write(page.found, self._tenure.ended.is_set)
                copying.journal.bury(written.refused, copying.name)
                now_secs = copying.clock.monotonic_secs()
                progress = self._checkpoint(progress, page, written, now_secs - began_secs)
                began_secs = now_secs
                if inherited is not None:
                    copying.journal.write([forget_record(inherited, copying.partitions)])
                    inherited = None
        self._write(progress, progress.after, progress.tally, done=True)

    def _checkpoint(self, before: Progress, page: SourcePage, written: Written, secs: float) -> Progress:
        tally = before.tally.plus(written.tally).plus(Tally(skipped=page.skipped, pages=1, ms=round(secs * 1000)))
        return self._write(before, page.after, tally, done=False)

    def _write(self, before: Progress, after: list[object] | None, tally: Tally, *, done: bool) -> Progress:
        copying = self._copying
        progress = Progress(before.slice, self._tenure.epoch, after, tally, done, copying.member, copying.clock.now_ms())
        copying.journal.write([progress_record(progress, copying.partitions)])
        copying.remember(progress)
        return progress
