"""Proves on a real broker that a group's place is told as readers will find it: markers, aborted and open transactions counted for what they are."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.clock import SystemClock
from wellhead.consumers.lag import LagProbe
from wellhead.errors import TemporaryError
from wellhead.stack import Stack

DEADLINE_SECS = 60.0


@pytest.fixture
def place(stack: Stack, unique: str):
    """A topic of one partition, a transactional producer for it, and what a group has committed."""
    return _Place(stack.bootstrap_servers, unique)


class _Place:
    def __init__(self, bootstrap: str, unique: str) -> None:
        self.topic, self.group, self._bootstrap = f"{unique}hit", f"{unique}group", bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(self.topic, 1, 1)])[self.topic].result(30)
        self.producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": unique, "log_level": 0})
        self.producer.init_transactions(30)

    def write(self, count: int, end: str = "commit") -> None:
        self.producer.begin_transaction()
        for _ in range(count):
            self.producer.produce(self.topic, b"x")
        self.producer.flush(30)
        if end == "commit":
            self.producer.commit_transaction(30)
        elif end == "abort":
            self.producer.abort_transaction(30)

    def commit(self, offset: int) -> None:
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": self.group})
        consumer.commit(offsets=[TopicPartition(self.topic, 0, offset)], asynchronous=False)
        consumer.close()

    def told(self, start: str = "earliest"):
        config = {
            "bootstrap.servers": self._bootstrap,
            "group.id": "unused",
            "enable.auto.commit": "false",
            "enable.partition.eof": "true",
            "isolation.level": "read_committed",
        }
        probe, deadline = LagProbe(config, SystemClock()), time.monotonic() + DEADLINE_SECS
        while True:
            try:
                found = probe.places(self.group, self.topic, start=start)
            except TemporaryError:  # the first group of a broker has no coordinator yet
                assert time.monotonic() < deadline
                time.sleep(0.2)
            else:
                probe.close()
                return found and found[0]

    def until(self, holds):
        deadline = time.monotonic() + DEADLINE_SECS
        while not holds(found := self.told()):
            assert time.monotonic() < deadline, found
        return found


def test_a_group_that_has_read_nothing_begins_where_it_is_told_to(place):
    """Everything is before a new group, or nothing; a topic that does not exist is told as none."""
    place.write(5)
    found = place.until(lambda found: found.end == 6)
    assert (found.at, found.next_offset, found.high) == (0, 0, 6)
    assert found.lag(found.next_ms + 3_000) == (6, 3.0)
    assert place.told(start="latest").lag(0) == (0, 0.0)
    place.topic += "-none"
    assert place.told() is None


def test_markers_and_aborted_records_are_no_lag(place):
    """A group that has done the last record has nothing to do, whatever stands behind it."""
    place.write(5)
    place.commit(5)
    place.write(3, end="abort")
    found = place.until(lambda found: found.end == 10)
    assert (found.at, found.next_offset, found.lag(0)) == (5, None, (0, 0.0))
    assert found.has_done(10)


def test_what_stands_behind_an_open_transaction_is_not_done(place):
    """It cannot be read yet, so it is no lag; a pass that is to end with it waits."""
    place.write(5)
    place.commit(5)
    place.write(3, end="")
    found = place.until(lambda found: found.high == 9)
    assert (found.end, found.lag(0), found.has_done(9)) == (6, (0, 0.0), False)
    place.producer.commit_transaction(30)
    found = place.until(lambda found: found.end == 10)
    assert (found.next_offset, found.lag(found.next_ms)[0], found.has_done(9)) == (6, 4, False)
    place.commit(9)
    assert place.told().has_done(10)
