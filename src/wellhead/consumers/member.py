"""Takes turns at a topic as one member of a consumer group, gives each to its subclass, waits while something is away; commits nothing itself."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import ExitStack, closing
from random import Random
from typing import ClassVar, Literal, Protocol

from confluent_kafka import Message as Received

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.intake import Intake
from wellhead.consumers.letters import letter_of
from wellhead.errors import TemporaryError
from wellhead.kafka.messages import Message
from wellhead.kafka.settings import consumer_config
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.parts import PartTally

_PAUSES_SECS = (0.2, 0.5, 1.0, 2.0, 5.0)
_REST_SECS = 0.1


class Taking(Protocol):
    """What an entry says of how a topic is read."""

    @property
    def name(self) -> str:
        """Name of the entry."""
        ...

    @property
    def start(self) -> Literal["earliest", "latest"]:
        """Where a new group begins."""
        ...

    @property
    def batch_max_records(self) -> int:
        """Most records of a turn."""
        ...

    @property
    def batch_linger_ms(self) -> int:
        """How long a turn waits for more of them."""
        ...

    @property
    def dead_letter_topic(self) -> str:
        """Where records go that cannot be used."""
        ...


class Writes(Protocol):
    """What commits what follows from records together with their offsets."""

    def open(self) -> None:
        """Be ready to write; after any error too."""
        ...

    def limit_bytes(self, topic: str) -> int:
        """Give the most bytes a record of a topic may have."""
        ...


class Member(ABC):
    """Reads the partitions of a topic that fall to this process, turn by turn, until told to stop.

    Several processes of one group share the partitions. Whoever is a member commits the offsets with what it made of the records, and
    reads again what it did not commit.

    Args:
        taking: How the topic is read.
        worker: Where Kafka and the registry are.
        topic: The topic.
        group: The consumer group.
        clock: The time.
        stop: Ends it within a second.
        tally: Hears what it is at.
        intake_of: Makes the member.
    """

    section: ClassVar[str]
    """The section of the file its entry is in; also the name it logs under."""
    stage: ClassVar[str]
    """What it does with records, in dead letters."""

    _intake: Intake
    _ledger: Writes

    def __init__(
        self,
        taking: Taking,
        worker: WorkerSettings,
        topic: str,
        group: str,
        *,
        clock: Clock,
        stop: threading.Event,
        tally: PartTally,
        intake_of: Callable[..., Intake] = Intake,
    ) -> None:
        self._taking = taking
        self._worker = worker
        self._topic = topic
        self._group_id = group
        self._clock = clock
        self._stop = stop
        self._state = tally.state
        self._log = get_logger(self.section).bind(**{self.section: taking.name, "topic": topic})
        self._intake_of = intake_of
        self._topics_seen = False

    def run(self) -> None:
        """Take turns until `stop` is set.

        Raises:
            TemporaryError: Something could not be reached at the start.
            PermanentError: Somebody refuses us, or the records or settings are not what can be worked with.
        """
        with ExitStack() as opened:
            self._see_topics()
            self._open(opened)
            config = consumer_config(self._worker, client_id=f"{self._worker.group_id}-{self._taking.name}")
            config["group.id"] = self._group_id
            intake = self._intake_of(config, self._topic, self._taking.start, self._gained)
            self._intake = opened.enter_context(closing(intake))
            failures = 0
            while not self._stop.is_set():
                try:
                    self._ledger.open()
                    self._turn()
                    failures = 0
                    self._state("running")
                except TemporaryError as error:
                    self._state("waiting", str(error))
                    self._log.warning("waiting", reason=str(error))
                    self._wait(_PAUSES_SECS[min(failures, len(_PAUSES_SECS) - 1)])
                    failures += 1
            self._leave()

    @abstractmethod
    def _open(self, opened: ExitStack) -> None:
        """Open what writes, `_ledger`, and what else is needed beside the topic; `opened` closes it."""

    @abstractmethod
    def _make_topics(self) -> None:
        """Make what is missing: the topic may have gained partitions."""

    @abstractmethod
    def _turn(self) -> None:
        """Take what has arrived and write what follows from it."""

    @abstractmethod
    def _forget(self, partitions: Collection[int] | None = None) -> None:
        """Know nothing any more of partitions (None: of any): others may have had them, or what is not committed is read again."""

    def _reach(self) -> None:  # noqa: B027 - most need nothing but Kafka
        """See that what is needed beside Kafka answers again; TemporaryError where it does not."""

    def _leave(self) -> None:  # noqa: B027 - most have nothing left to do
        """Do what is to be done before going."""

    def _see_topics(self) -> None:
        self._make_topics()
        self._topics_seen = True

    def _take(self) -> dict[int, list[Received]]:
        """Give what has arrived by partition; the topics that belong to it are there."""
        wait_secs = max(self._taking.batch_linger_ms / 1000, 0.001)
        found = self._intake.take(self._taking.batch_max_records, wait_secs)
        if not self._topics_seen:
            self._see_topics()
        return found

    def _gained(self, partitions: Collection[int]) -> None:
        self._forget(partitions)
        self._topics_seen = False
        self._log.info("partitions_assigned", partitions=sorted(partitions))

    def _wait(self, secs: float) -> None:
        """Stay in the group while something is away, then read again what was not committed."""
        self._forget()
        until_secs = self._clock.monotonic_secs() + secs * Random().uniform(0.8, 1.2)  # noqa: S311 - jitter
        while not self._stop.is_set():
            try:
                self._intake.rest(_REST_SECS)
                if self._clock.monotonic_secs() >= until_secs:
                    self._reach()
                    self._ledger.open()
                    self._intake.rewind()
                    return
            except TemporaryError as error:
                self._state("waiting", str(error))
                until_secs = self._clock.monotonic_secs() + secs
                self._stop.wait(min(secs, 0.5))

    def _letter(self, message: Received, reason: str) -> Message:
        """Give the dead letter of a record."""
        to = self._taking.dead_letter_topic
        return letter_of(
            message,
            reason,
            reader=type(self),
            stage=self.stage,
            section=self.section,
            name=self._taking.name,
            to=to,
            max_bytes=self._ledger.limit_bytes(to),
        )
