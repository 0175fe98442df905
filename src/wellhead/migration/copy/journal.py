"""Takes records of a job, gives them to its topic and waits until they are there for good; never reads them back."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from wellhead.errors import TemporaryError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.migration.copy.records import Record
from wellhead.search.store import Refused

_WAIT_SECS = 0.02
_DELIVERY_SECS = 60.0
_MOST_BYTES = 900_000  # what any topic takes; the rest of a longer document is cut off
REASON = "__connect.errors.exception.message"
ORIGINAL_BYTES = "wellhead.original.bytes"


class Journal:
    """Writes to the topic of one job and to that of its dead letters; thread-safe.

    Args:
        config: What `settings.writer_config` gives.
        topic: The job's topic.
        dead_letters: Topic of refused documents.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, dead_letters: str) -> None:
        self._topic = topic
        self._dead_letters = dead_letters
        self._what = f"{where(config)}: cannot write to {topic}"
        self._hearing = Hearing()
        settings = {**config, "linger.ms": "0", "message.timeout.ms": str(int(_DELIVERY_SECS * 1000))}
        self._producer = Producer(self._hearing.settings(settings), logger=ClientLog())

    def write(self, records: Sequence[Record]) -> int:
        """Write in order; give the offset of the last one.

        Raises:
            TemporaryError: The broker cannot be reached; some of them may be written.
            PermanentError: It refuses the rights.
        """
        sent = _Sent(len(records))
        for record in records:
            self._produce(self._topic, record.value, record.key.encode(), sent, partition=record.partition)
        return self._await(sent)

    def bury(self, refused: Sequence[Refused], job: str) -> None:
        """Keep documents that nobody takes, with the reason.

        Raises:
            TemporaryError: The broker cannot be reached.
            PermanentError: It refuses the rights.
        """
        sent = _Sent(len(refused))
        for action, status, reason in refused:
            told = {REASON: reason, "status": str(status), "index": action.index, "id": action.id, "job": job}
            if action.version is not None:
                told["version"] = str(action.version)
            if len(action.source) > _MOST_BYTES:
                told[ORIGINAL_BYTES] = str(len(action.source))
            headers = [(name, text.encode(errors="replace")) for name, text in told.items()]
            key = f"{action.index}/{action.id}".encode(errors="replace")
            self._produce(self._dead_letters, action.source[:_MOST_BYTES], key, sent, headers=headers)
        if refused:
            self._await(sent)

    def close(self) -> None:
        """Let go of the connection; nothing is waiting any more."""
        self._producer.flush(1)

    def _produce(self, topic: str, value: bytes | None, key: bytes, sent: _Sent, **more: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=sent.delivered, **more)
            except BufferError:
                self._producer.poll(_WAIT_SECS)
            except KafkaException as error:
                raise recovery(kafka_error(error), self._what) from error
            else:
                return

    def _await(self, sent: _Sent) -> int:
        deadline_secs = time.monotonic() + 2 * _DELIVERY_SECS
        while sent.left:
            self._producer.poll(_WAIT_SECS)
            if time.monotonic() > deadline_secs:
                raise TemporaryError(f"{self._what}: no answer within {2 * _DELIVERY_SECS:g} s")
        if sent.failure is not None:
            raise recovery(self._hearing.refusal or self._hearing.cause(sent.failure), self._what)
        return sent.offset


class _Sent:
    """What was heard of some records."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.offset = -1
        self.failure: KafkaError | None = None
        self._lock = threading.Lock()

    def delivered(self, error: KafkaError | None, message: Delivered) -> None:
        with self._lock:
            self.left -= 1
            if error is not None:
                self.failure = error
            else:
                self.offset = message.offset() or 0
