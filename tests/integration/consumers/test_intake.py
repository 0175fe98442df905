"""Proves that a member reads each of its partitions from where the group stands, also where Kafka did not say at once where that is."""

from __future__ import annotations

import time
from collections import defaultdict

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.consumers.intake import Intake
from wellhead.errors import TemporaryError

PARTITIONS = 3


class Silent(Intake):
    """A member that Kafka does not tell, a few times, where its partitions stand."""

    silent = 2

    def _committed(self, numbers):
        if numbers and self.silent:
            self.silent -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT, "made to fail"))
        return super()._committed(numbers)


def filled(bootstrap, topic, count=30):
    """Make a topic whose messages say where they stand."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(count):
        producer.produce(topic, str(number // PARTITIONS).encode(), partition=number % PARTITIONS)
    assert producer.flush(30) == 0


def test_partitions_that_were_gained_while_kafka_was_silent_are_read(stack, unique):
    """A member that could not ask where gained partitions stand asks again, and reads all of them from there; none is left lying."""
    topic, gained = f"{unique}hits", []
    filled(stack.bootstrap_servers, topic)
    config = {"bootstrap.servers": stack.bootstrap_servers, "group.id": f"{unique}g", "enable.auto.commit": False}
    intake = Silent(config, topic, "earliest", gained.extend)
    found, failures, deadline = defaultdict(list), 0, time.monotonic() + 60
    try:
        while sum(map(len, found.values())) < 30:
            assert time.monotonic() < deadline, dict(found)
            try:
                for partition, messages in intake.take(100, 0.1).items():
                    found[partition] += [int(message.value()) for message in messages]
            except TemporaryError:
                failures += 1
    finally:
        intake.close()
    assert failures == 2
    assert sorted(gained) == [0, 1, 2]
    assert dict(found) == {key: list(range(10)) for key in range(PARTITIONS)}
