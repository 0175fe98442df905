"""Takes the outcome of steps, writes it with the offsets in one Kafka transaction: all of it is visible, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import TopicPartition

from wellhead.avro import schema as schemas
from wellhead.avro.registry import Registry
from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.documents import Documents
from wellhead.consumers.attacks.outcome import Outcome
from wellhead.consumers.attacks.restore import POSITION, Standing, key_of
from wellhead.consumers.attacks.rules import RuleSet
from wellhead.consumers.transaction import Transactions
from wellhead.kafka.messages import Headers, Message


class Ledger(Transactions):
    """Writes what grouping makes. One thread uses it.

    Args:
        settings: The grouping's.
        worker: Where Kafka is.
        rules: They name the schema of the events.
        registry: Where it is registered.
        clock: Bounds waits.
    """

    def __init__(
        self, settings: AttacksSettings, worker: WorkerSettings, rules: RuleSet, registry: Registry, clock: Clock
    ) -> None:
        self._settings = settings
        schema = schemas.load(str(rules.base.event))
        super().__init__(worker, settings.name, registry, settings.event_topic, schema, clock=clock)

    def write(
        self,
        outcomes: Mapping[int, tuple[Outcome, Standing]],
        letters: Sequence[Message],
        offsets: Sequence[TopicPartition],
        membership: Any,
    ) -> None:
        """Write the outcome of each partition with where it stands then, and the offsets.

        Raises:
            CommitUnknown: Asked for, not answered: `open`, and the committed offsets tell.
            TemporaryError: Nothing of it is or will be visible.
            PermanentError: A person must change something.
        """
        self.begin()
        for partition, (outcome, standing) in outcomes.items():
            self._write(partition, outcome, standing)
        self.send(letters)
        self.commit(offsets, membership)

    def _write(self, partition: int, outcome: Outcome, standing: Standing) -> None:
        for kind, documents in (("attack", outcome.attacks), ("hit", outcome.hits)):
            if documents.ids:
                keys = [each.encode() for each in documents.ids]
                topic, headers = self._settings.document_topic, _headers(kind, documents)
                self.produce(topic, documents.bodies, keys, partition, headers)
        keys = [str(event["attack_id"]).encode() for event in outcome.events]
        self.events(outcome.events, keys, partition=partition)
        names = [*outcome.state, POSITION]
        values = [*outcome.state.values(), standing.record()]
        keys = [key_of(standing.epoch, name) for name in names]
        self.produce(self._settings.state_topic, values, keys, partition)


def _headers(kind: str, documents: Documents) -> list[Headers]:
    named = kind.encode()
    rows = zip(documents.months, documents.versions, documents.headers, strict=True)
    return [
        [("kind", named), ("month", month.encode()), ("version", str(version).encode()), *onward]
        for month, version, onward in rows
    ]
