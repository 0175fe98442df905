"""Takes the states of what runs here, gives them to the status topic in the background, the newest of each; never makes anyone wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.messages import Message
from wellhead.storage.statuses import (
    Status,
    StatusTopic,
    TopicUse,
    connector_status,
    removed_topic_status,
    task_detail,
    task_status,
    topic_status,
)
from wellhead.telemetry.logs import get_logger

_WAIT_SECS = 0.05
_RETRY_SECS = 0.5
_CLOSE_SECS = 5.0
# A state that is not delivered by then gives way to a newer one, and is tried again where there is none.
_QUICK = {"linger.ms": "5", "message.timeout.ms": "10000"}


class StatusWriter:
    """Writes states from a thread of its own; whatever is put returns at once, from any thread.

    A state that cannot be written is tried again until a newer one of the same connector or task takes its place. One that is put with
    `safe` gives way to what another worker of a later generation has written.

    Args:
        config: What `settings.writer_config` gives.
        topic: The status topic.
        statuses: What the topic holds.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, statuses: StatusTopic) -> None:
        self._hearing = Hearing()
        self._config = self._hearing.settings({**config, **_QUICK})
        self._what = f"{where(config)}: cannot write states to {topic}"
        self._topic = topic
        self._statuses = statuses
        self._changed = threading.Condition()
        self._waiting: dict[bytes, _Wanted] = {}
        self._under_way: dict[bytes, _Wanted] = {}
        self._retry_at_secs = 0.0
        self._complained = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write; what was put before is written then."""
        assert self._thread is None, "started before"
        self._thread = threading.Thread(target=self._run, name="status-writer", daemon=True)
        self._thread.start()

    def put_connector(self, name: str, status: Status, *, safe: bool = True) -> None:
        """Set a connector's state."""
        self._put(_Wanted(connector_status(self._topic, name, status), status if safe else None, name))

    def put_task(self, name: str, number: int, status: Status, *, safe: bool = True) -> None:
        """Set a task's state."""
        self._put(_Wanted(task_status(self._topic, name, number, status), status if safe else None, name, number))

    def put_topic(self, use: TopicUse) -> None:
        """Note a topic that a connector writes to, unless that is known."""
        if use.topic not in self._statuses.view.topics.get(use.connector, {}):
            self._put(_Wanted(topic_status(self._topic, use)))

    def put_detail(self, name: str, number: int, detail: Mapping[str, Any]) -> None:
        """Tell more of a task than its state."""
        self._put(_Wanted(task_detail(self._topic, name, number, detail)))

    def remove_task(self, name: str, number: int) -> None:
        """Remove a task's state."""
        self._put(_Wanted(task_status(self._topic, name, number, None)))
        if (name, number) in self._statuses.view.details:
            self._put(_Wanted(task_detail(self._topic, name, number, None)))

    def remove_connector(self, name: str) -> None:
        """Remove the states of a connector and its tasks, and the topics it wrote to."""
        self._put(_Wanted(connector_status(self._topic, name, None)))
        for number in self._statuses.view.tasks.of(name):
            self.remove_task(name, number)
        self.reset_topics(name)

    def reset_topics(self, name: str) -> None:
        """Forget the topics that a connector wrote to."""
        for used in self._statuses.view.topics.get(name, {}):
            self._put(_Wanted(removed_topic_status(self._topic, name, used)))

    def flush(self, secs: float = _CLOSE_SECS) -> bool:
        """Wait until everything that was put is written; False when it was not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._under_way), secs)

    def close(self, secs: float = _CLOSE_SECS) -> None:
        """Write what waits, for so long at most, and end."""
        if self._thread is None:
            return
        self.flush(secs)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECS)

    def _put(self, wanted: _Wanted) -> None:
        if not self._still_safe(wanted):
            return
        with self._changed:
            self._waiting[wanted.key] = wanted
            self._changed.notify_all()

    def _still_safe(self, wanted: _Wanted) -> bool:
        if wanted.safe is None:
            return True
        view = self._statuses.view
        former = view.connectors.get(wanted.name) if wanted.number is None else view.tasks.get((wanted.name, wanted.number))
        return wanted.safe.may_replace(former)

    # Below runs on the writer's thread.

    def _run(self) -> None:
        producer: Producer | None = None
        while not self._closing:
            wanted = self._next()
            try:
                producer = producer or Producer(self._config, logger=ClientLog())
                for each in wanted:
                    self._produce(producer, each)
                producer.poll(_WAIT_SECS)
            except KafkaException as error:
                self._failed(wanted, kafka_error(error))
        if producer is not None:
            with suppress(KafkaException):
                producer.purge()

    def _next(self) -> list[_Wanted]:
        """Wait for something to do; take what may be sent now: of each key one message is under way at most, so the newest wins."""
        with self._changed:
            while not (self._waiting or self._under_way or self._closing):
                self._changed.wait()
            pause_secs = self._retry_at_secs - time.monotonic()
            if pause_secs > 0 and not self._under_way:
                self._changed.wait(pause_secs)
            if time.monotonic() < self._retry_at_secs:
                return []
            wanted = [each for key, each in self._waiting.items() if key not in self._under_way]
            for each in wanted:
                del self._waiting[each.key]
                if self._still_safe(each):
                    self._under_way[each.key] = each
            self._changed.notify_all()
            return [each for each in wanted if self._under_way.get(each.key) is each]

    def _produce(self, producer: Producer, wanted: _Wanted) -> None:
        def delivered(error: KafkaError | None, _message: Delivered) -> None:
            self._failed([wanted], error) if error is not None else self._done(wanted)

        try:
            producer.produce(self._topic, wanted.message.value, wanted.key, on_delivery=delivered)
        except BufferError:
            self._failed([wanted], None)

    def _done(self, wanted: _Wanted) -> None:
        with self._changed:
            self._complained = False
            self._under_way.pop(wanted.key, None)
            self._changed.notify_all()

    def _failed(self, all_wanted: list[_Wanted], error: KafkaError | None) -> None:
        """Let what was not written wait again, unless a newer one waits already."""
        with self._changed:
            self._retry_at_secs = time.monotonic() + _RETRY_SECS
            for wanted in all_wanted:
                if self._under_way.pop(wanted.key, None) is not None:
                    self._waiting.setdefault(wanted.key, wanted)
            if error is None or self._complained:
                return
            self._complained = True
        reason = recovery(self._hearing.refusal or self._hearing.cause(error), self._what)
        get_logger("storage").warning(
            "status_not_written", message=f"{reason}. What others show of this worker is stale until then"
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A message that is to be written; `safe` is the state of connector or task `name` that must give way to a later one."""

    message: Message
    safe: Status | None = None
    name: str = ""
    number: int | None = None

    @property
    def key(self) -> bytes:
        assert self.message.key is not None
        return self.message.key
