"""Takes a job, its ends and this process's share of it, copies until the whole job is done or it is told to stop; the job's topic knows how far it is."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.kafka.settings import consumer_config, writer_config
from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.ends import Ends
from wellhead.migration.copy.gate import AdaptiveGate
from wellhead.migration.copy.job import Caps
from wellhead.migration.copy.journal import Journal
from wellhead.migration.copy.lanes import Lanes, Tenure
from wellhead.migration.copy.opening import Opened
from wellhead.migration.copy.ownership import Ownership
from wellhead.migration.copy.planner import Plan
from wellhead.migration.copy.records import PlanEntry, claim_record, plan_records
from wellhead.migration.copy.source import Source
from wellhead.migration.copy.tally import Progress
from wellhead.migration.copy.target import Target
from wellhead.migration.copy.topics import dead_letter_topic, job_topic
from wellhead.migration.copy.translate import Translator
from wellhead.telemetry.logs import get_logger

TURN_SECS = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How much this process does at once.

    Attributes:
        parallel: Slices at the same time, at most.
        slow_secs: A bulk that takes longer makes it write less at once.
    """

    parallel: int = 4
    slow_secs: float = 3.0


class MigrationProcess:
    """One of the processes that share a job.

    Args:
        opened: The job, and what its topic says.
        worker: Whose group and Kafka it is.
        ends: Where documents come from and go to.
        pace: How much is done at once.
        clock: Time.
        stop: Ends it after the pages that are under way.
    """

    def __init__(
        self,
        opened: Opened,
        worker: WorkerSettings,
        ends: Ends,
        pace: Pace,
        *,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        job, state = opened.job, opened.state
        self.name = job.name
        self.member = f"{socket.gethostname()}-{os.getpid()}"
        self.partitions = opened.partitions
        self.page_docs = job.page_docs
        self.clock = clock
        self.source: Source = ends.source
        self._planner = ends.planner
        self._state = state
        self._stop = stop
        topic = job_topic(worker, job.name)
        client_id = f"wellhead-migrate-{job.name}"
        self.journal = Journal(writer_config(worker, client_id=client_id), topic, dead_letter_topic(worker, job.name))
        self.gate = AdaptiveGate(pace.parallel, slow_secs=pace.slow_secs, clock=clock, stopping=stop.is_set)
        self.cap = SourceCap(self._caps, self._share, clock, stop.wait)
        prefix = ends.target.settings.index_prefix
        translators = {kind: Translator(layout, prefix) for kind, layout in job.mapping.layouts()}
        self.target = Target(ends.target, translators, self.gate, stop.wait)
        self._lock = threading.Lock()
        self._came: dict[int, Tenure | None] = {}
        self._running: dict[int, Tenure] = {}
        self._own: dict[int, Progress] = {}
        self._ownership = Ownership(_quiet(consumer_config(worker, client_id=client_id)), topic, self._come, self._gone)
        self._lanes = Lanes(self, pace.parallel, stop.wait)
        self._planning: Future[Plan] | None = None
        self._planned_epoch = -1
        self._planners = ThreadPoolExecutor(1, "migrate-planner")

    @property
    def trouble(self) -> str | None:
        """What keeps it from going on now, in words."""
        return self._lanes.trouble

    def known(self, number: int) -> Progress | None:
        """Give how far a slice is: what the topic said, or what this process has written since."""
        told, own = self._state.progress(number), self._own.get(number)
        if told is None or own is None:
            return told or own
        return max(told, own, key=lambda each: (each.epoch, each.tally.pages, each.done))

    def remember(self, progress: Progress) -> None:
        """Take note of a checkpoint that is written."""
        self._own[progress.slice] = progress

    def start(self) -> None:
        """Join those who share the job."""
        self._ownership.start()

    def turn(self, *, copying: bool = True) -> bool:
        """Do what is next; True when the whole job is done.

        Args:
            copying: Otherwise the job is planned only.

        Raises:
            WellheadError: It cannot go on.
        """
        failure = self._lanes.failure or self._ownership.failure
        if failure is not None:
            raise failure
        self._claim()
        self._plan()
        if copying:
            self._open()
        return self._state.is_complete()

    def close(self) -> None:
        """End after the pages that are under way, and leave the others to go on."""
        self._stop.set()
        self._lanes.close()
        self._ownership.close()
        self._planners.shutdown(wait=False, cancel_futures=True)
        self.journal.close()

    # On the group's thread.

    def _come(self, partition: int) -> None:
        with self._lock:
            self._came[partition] = None

    def _gone(self, partition: int) -> None:
        with self._lock:
            self._came.pop(partition, None)
            tenure = self._running.pop(partition, None)
        if tenure is not None:
            self._lanes.end(tenure)

    # On the process's own thread.

    def _claim(self) -> None:
        """Say of each new partition that it is ours; what stands before the claim is all that a former owner could say."""
        with self._lock:
            fresh = [partition for partition, tenure in self._came.items() if tenure is None]
        for partition in fresh:
            epoch = self.journal.write([claim_record(partition, self.member)])
            with self._lock:
                if partition in self._came:
                    self._came[partition] = Tenure(partition, epoch)

    def _claimed(self) -> list[Tenure]:
        """Give the tenures whose claim has been read back, and with it everything before."""
        with self._lock:
            held = [tenure for tenure in self._came.values() if tenure is not None]
        return [each for each in held if (claim := self._state.claim(each.partition)) is not None and claim[0] >= each.epoch]

    def _plan(self) -> None:
        """Whoever owns the first partition makes the plan, unless there is one."""
        first = next((each for each in self._claimed() if each.partition == 0), None)
        if first is None or self._state.plan is not None or self._planned_epoch == first.epoch:
            return
        if self._planning is None:
            self._planning = self._planners.submit(self._planner.plan)
        elif self._planning.done():
            planning, self._planning = self._planning, None
            plan = planning.result()
            entry = PlanEntry(first.epoch, len(plan.slices), plan.docs, self.clock.now_ms())
            self.journal.write(plan_records(entry, plan.slices, self.partitions))
            self._planned_epoch = first.epoch
            get_logger("migration").info("planned", job=self.name, slices=len(plan.slices), docs=plan.docs)

    def _open(self) -> None:
        """Hand the slices of newly owned partitions to the lanes."""
        if not self._state.is_planned():
            return
        for tenure in self._claimed():
            with self._lock:
                if self._running.get(tenure.partition) is tenure or self._came.get(tenure.partition) is not tenure:
                    continue
                self._running[tenure.partition] = tenure
            mine = [each for each in self._state.slices() if each.number % self.partitions == tenure.partition]
            self._lanes.add(tenure, [each for each in mine if (known := self.known(each.number)) is None or not known.done])

    def _caps(self) -> Caps:
        job = self._state.job
        return job.caps if job is not None else Caps()

    def _share(self) -> float:
        return len(self._ownership.owned) / self.partitions


def _quiet(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "enable.partition.eof": "false"}
