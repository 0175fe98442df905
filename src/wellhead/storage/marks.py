"""Takes topics, gives how many partitions they have, where those end and whether they are still the same topics; never reads a message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.admin import REQUEST_SECS, Admin
from wellhead.kafka.errors import kafka_error, recovery, where

T = TypeVar("T")
Place = tuple[str, int]
"""A topic and the number of one of its partitions."""

_PAUSE_SECS = 0.05
# Right after a topic was made, or a broker died.
_MOVING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART)


@dataclass(frozen=True, slots=True)
class Found:
    """What was there at a moment.

    Attributes:
        places: Every partition.
        ends: Where reading ended, of those that were known when it was asked.
        asked_secs: When that was, on the asker's clock.
    """

    places: frozenset[Place]
    ends: Mapping[Place, int]
    asked_secs: float


class Marks:
    """Looks at topics from the outside, on a connection of its own.

    `places` and `ends` may be called from any thread; `probe` and `found` belong to one.

    Args:
        config: What `settings.consumer_config` gives.
        topics: The topics; from the first look on they are told from others of the same name by their ids.
    """

    def __init__(self, config: Mapping[str, Any], topics: Iterable[str]) -> None:
        self._topics = sorted(topics)
        self._what = where(config)
        self._admin = Admin(config)
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}
        self._asked: _Asked | None = None

    def places(self, topics: Iterable[str]) -> set[Place]:
        """Give every partition of `topics`; blocking.

        Raises:
            TemporaryError: The broker cannot be reached, or a topic does not exist.
            PermanentError: It refuses us, or a topic was deleted and made again.
        """
        wanted = sorted(topics)
        return self._patiently(lambda: self._described(self._describe(wanted)), "topics")

    def ends(self, places: Iterable[Place], *, committed: bool) -> dict[Place, int]:
        """Give the end of each of `places`; blocking.

        Args:
            places: The partitions.
            committed: Where reading ends now, before the first open transaction; else the end of all that is written.

        Raises:
            TemporaryError: The broker cannot be reached.
            PermanentError: It refuses us.
        """
        wanted = list(places)
        return self._patiently(lambda: _offsets(self._list(wanted, committed=committed)), "the ends of topics")

    def probe(self, places: Iterable[Place], now_secs: float) -> None:
        """Ask what is there and where reading of `places` ends, unless that is being asked; `found` has the answer. Never waits."""
        if self._asked is None:
            self._asked = _Asked(self._describe(self._topics), self._list(places, committed=True), now_secs)

    def found(self) -> Found | None:
        """Give the answer to `probe`, once; None while there is none, and where it was no answer.

        Raises:
            PermanentError: A topic was deleted and made again.
        """
        asked = self._asked
        if asked is None or not asked.answered():
            return None
        self._asked = None
        try:
            return Found(frozenset(self._described(asked.topics)), _offsets(asked.ends), asked.at_secs)
        except (KafkaException, TemporaryError):
            return None  # the next probe may hear more; until then nothing is known

    def close(self) -> None:
        """End the connection."""
        self._admin.close()

    def _patiently(self, ask: Callable[[], T], sought: str) -> T:
        """Ask again while a leader that is named has not heard of it yet."""
        deadline_secs = time.monotonic() + REQUEST_SECS
        while True:
            try:
                return ask()
            except KafkaException as error:
                if kafka_error(error).code() not in _MOVING or time.monotonic() > deadline_secs:
                    raise recovery(self._admin.cause(error), f"{self._what}: cannot look up {sought}") from error
            time.sleep(_PAUSE_SECS)

    def _describe(self, topics: list[str]) -> dict[str, Future[Any]]:
        return self._admin.client.describe_topics(TopicCollection(topics), request_timeout=REQUEST_SECS)

    def _list(self, places: Iterable[Place], *, committed: bool) -> dict[Place, Future[Any]]:
        asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
        if not asked:
            return {}
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        answers = self._admin.client.list_offsets(asked, isolation_level=level, request_timeout=REQUEST_SECS)
        return {(partition.topic, partition.partition): future for partition, future in answers.items()}

    def _described(self, answers: Mapping[str, Future[Any]]) -> set[Place]:
        places: set[Place] = set()
        for topic, future in answers.items():
            try:
                described = future.result()
            except KafkaException as error:
                if kafka_error(error).code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                raise TemporaryError(
                    f"{self._what}: topic {topic!r} does not exist, so what it holds cannot be known. Name the right one, or start a worker, which makes it"
                ) from error
            self._refuse_another(topic, str(described.topic_id))
            places |= {(topic, partition.id) for partition in described.partitions}
        return places

    def _refuse_another(self, topic: str, found: str) -> None:
        with self._lock:
            known = self._ids.setdefault(topic, found)
        if known != found:
            raise PermanentError(
                f"{self._what}: topic {topic!r} was deleted and made again while it was followed (id {known}, now {found}): what was read of "
                "it is gone. Restore the topic if that was a mistake, then restart the process"
            )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question under way."""

    topics: Mapping[str, Future[Any]]
    ends: Mapping[Place, Future[Any]]
    at_secs: float

    def answered(self) -> bool:
        return all(future.done() for future in (*self.topics.values(), *self.ends.values()))


def _offsets(answers: Mapping[Place, Future[Any]]) -> dict[Place, int]:
    return {place: future.result().offset for place, future in answers.items()}
