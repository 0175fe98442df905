"""Takes the records of a job's topic in order, gives the job, its slices and how far each is; what a former owner wrote late changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Protocol

from wellhead.migration.copy.job import Job, decoded
from wellhead.migration.copy.records import JOB, PLAN, PlanEntry, content_of
from wellhead.migration.copy.slices import Slice, slice_of
from wellhead.migration.copy.tally import Progress, Tally, progress_of, total
from wellhead.telemetry.logs import get_logger


class Message(Protocol):
    """What of a Kafka message is looked at."""

    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...


class JobState:
    """What is known of one job; fed by one thread, asked by any."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._job: Job | None = None
        self._plan: PlanEntry | None = None
        self._slices: dict[int, tuple[int, Slice]] = {}
        self._progress: dict[int, Progress] = {}
        self._members: set[str] = set()
        self._whole: list[Slice] = []
        self._whole_epoch = -1
        self._claims: dict[int, tuple[int, str]] = {}

    def fold(self, messages: Iterable[Message]) -> None:
        """Take in records; the newest plan counts, and of progress that of the latest owner."""
        with self.changed:
            for message in messages:
                value = message.value()
                if value is None:
                    continue  # removed because something newer stands elsewhere
                key = (message.key() or b"").decode(errors="replace")
                try:
                    self._take(key, value, message.partition() or 0, message.offset() or 0)
                except (ValueError, TypeError, KeyError):
                    get_logger("migration").warning("unreadable_record", key=key, offset=message.offset())
            self.changed.notify_all()

    def _take(self, key: str, value: bytes, partition: int, offset: int) -> None:
        kind, _, rest = key.partition("/")
        if kind == JOB:
            self._job = decoded(value)
        elif kind == PLAN:
            entry = PlanEntry(**content_of(value))
            if self._plan is None or entry.epoch >= self._plan.epoch:
                self._plan = entry
        elif kind == "slice":
            content = content_of(value)
            epoch = content.pop("plan")
            if epoch >= self._slices.get(int(rest), (epoch, None))[0]:
                self._slices[int(rest)] = (epoch, slice_of(content))
        elif kind == "claim":
            self._claims[partition] = (offset, str(content_of(value)["member"]))
        elif kind == "progress":
            self._advance(progress_of(content_of(value)))

    def _advance(self, progress: Progress) -> None:
        known = self._progress.get(progress.slice)
        self._members.add(progress.member)
        if known is None or (progress.epoch, progress.tally.pages, progress.done) >= (
            known.epoch,
            known.tally.pages,
            known.done,
        ):
            self._progress[progress.slice] = progress

    @property
    def job(self) -> Job | None:
        """What is copied; None while nobody has said."""
        return self._job

    @property
    def plan(self) -> PlanEntry | None:
        """The plan; None until it is whole."""
        return self._plan

    def slices(self) -> list[Slice]:
        """Give the slices of the plan; none before it is whole."""
        with self.changed:
            plan = self._plan
            if plan is None:
                return []
            if len(self._whole) == plan.slices and self._whole_epoch == plan.epoch:
                return self._whole
            # Slices of an older plan, which was not made to its end, do not count.
            self._whole_epoch = plan.epoch
            self._whole = [
                each for number, (epoch, each) in sorted(self._slices.items()) if number < plan.slices and epoch == plan.epoch
            ]
            return self._whole

    def progress(self, number: int) -> Progress | None:
        """Give how far a slice is; None where it has not begun."""
        with self.changed:
            return self._progress.get(number)

    def all_progress(self) -> dict[int, Progress]:
        """Give how far each slice is that has begun."""
        with self.changed:
            known = {each.number for each in self.slices()}
            return {number: progress for number, progress in self._progress.items() if number in known}

    def claim(self, partition: int) -> tuple[int, str] | None:
        """Give the epoch and the name of a partition's latest owner."""
        with self.changed:
            return self._claims.get(partition)

    def members(self) -> list[str]:
        """Give who has copied something, as far as the topic still knows."""
        with self.changed:
            return sorted(self._members)

    def tally(self) -> Tally:
        """Give what became of all documents so far."""
        return total(progress.tally for progress in self.all_progress().values())

    def is_planned(self) -> bool:
        """Whether every slice is known."""
        with self.changed:
            return self._plan is not None and len(self.slices()) == self._plan.slices

    def is_complete(self) -> bool:
        """Whether every slice is done."""
        with self.changed:
            return self.is_planned() and all(
                (known := self._progress.get(each.number)) is not None and known.done for each in self.slices()
            )
