"""Writes hits that each open an attack of its own, gives how long each took until a search found its attack; never counts one not found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from wellhead.consumers.attacks.rules import Rule
from wellhead.demo.readback import Reader
from wellhead.demo.storeread import StoreReader

HITS = 200
PER_SEC = 25.0
_LOOK_SECS = 0.005
_PATIENCE_SECS = 30.0


@dataclass(frozen=True, slots=True)
class Lag:
    """From the moment a hit could be read in Kafka until a search found its attack, over `hits` hits of which `found` were found."""

    hits: int
    found: int
    p50_secs: float
    p99_secs: float
    max_secs: float


class Trickle:
    """A slow flow of hits into a topic, like one that is there but each at a place of its own.

    Args:
        bootstrap_servers: Kafka.
        reader: Knows the topic's schemas.
        topic: Where they go.
        like: A message of the topic.
        rule: By what hits are grouped: its last column is what differs.

    Attributes:
        readable: When Kafka said that a hit can be read, by the value that is its own; monotonic seconds.
    """

    def __init__(self, bootstrap_servers: str, reader: Reader, topic: str, like: Message, rule: Rule) -> None:
        self.readable: dict[str, float] = {}
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0, "log_level": 0})
        self._reader, self._topic, self._rule = reader, topic, rule
        self._key, self._value = like.key(), like.value() or b""
        self._record = reader.decoded(self._value)

    def run(self) -> None:
        """Write them all, one after the other at a steady rate."""
        due_secs = time.monotonic()
        for number in range(HITS):
            own = f"/wellhead-demo/{number}"
            value = self._reader.encoded(self._hit(number, own), like=self._value)
            self._producer.produce(self._topic, value, self._key, on_delivery=self._noting(own))
            due_secs += 1 / PER_SEC
            while (left_secs := due_secs - time.monotonic()) > 0:
                self._producer.poll(min(left_secs, _LOOK_SECS))
        self._producer.flush(_PATIENCE_SECS)

    def _hit(self, number: int, own: str) -> Mapping[str, Any]:
        fields = self._rule.fields
        name = f"{self._record[fields.id]}-demo-{number}"
        return {**self._record, fields.id: name, fields.time: datetime.now(UTC), self._rule.by[-1]: own}

    def _noting(self, own: str) -> Callable[[KafkaError | None, Message], None]:
        def told(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.readable[own] = time.monotonic()

        return told


def measure(trickle: Trickle, store: StoreReader, attacks: str, column: str, tell: Callable[[int], None]) -> Lag:
    """Let the hits flow, and search again and again for the attacks of those not found yet."""
    found: dict[str, float] = {}
    flow = threading.Thread(target=trickle.run, name="demo-trickle", daemon=True)
    flow.start()
    give_up_secs = time.monotonic() + HITS / PER_SEC + _PATIENCE_SECS
    while len(found) < HITS and time.monotonic() < give_up_secs:
        waiting = [own for own in list(trickle.readable) if own not in found]
        for own in store.found(attacks, column, waiting) if waiting else ():
            found[own] = time.monotonic()
        tell(len(found))
        time.sleep(_LOOK_SECS)
    flow.join()
    lags = sorted(found[own] - trickle.readable[own] for own in found) or [float("nan")]
    p50_secs, p99_secs = (lags[min(int(len(lags) * share), len(lags) - 1)] for share in (0.5, 0.99))
    return Lag(HITS, len(found), *(round(secs, 3) for secs in (p50_secs, p99_secs, lags[-1])))
