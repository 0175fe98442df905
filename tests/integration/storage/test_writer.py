"""Proves on a real broker that workers without a leader lose no change to the config topic."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.errors import CommitUnknown
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.storage.configs import ConfigView, Target, connector_message, target_message
from wellhead.storage.configtopic import ConfigTopic
from wellhead.storage.tail import TopicTail
from wellhead.storage.writer import ConfigWriter, shared_producer

COUNTER = Path(__file__).with_name("counting.py")


class Observed:
    """A producer that counts how often it is opened, and loses an answer when told to."""

    def __init__(self, inner: TransactionalProducer) -> None:
        self.inner = inner
        self.opened = 0
        self.lose_answers = 0

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def open(self) -> None:
        self.opened += 1
        self.inner.open()

    def commit(self) -> None:
        self.inner.commit()
        if self.lose_answers:
            self.lose_answers -= 1
            raise CommitUnknown("no answer")


class Worker:
    """One worker's view of the config topic and its writer."""

    def __init__(self, lab) -> None:
        self.topic = lab.worker.config_storage_topic
        self.configs = ConfigTopic()
        self.tail = TopicTail(lab.consumer_config, {self.topic: self.configs.fold})
        self.producer = Observed(shared_producer(lab.worker))
        self.writer = ConfigWriter(
            self.producer, self.configs, lambda secs: self.tail.caught_up(self.topic, secs), topic=self.topic
        )
        lab.at_end(self.tail.close)
        lab.at_end(self.writer.close)
        self.tail.start()

    def set(self, name: str, **config: str) -> ConfigView:
        return self.writer.change(lambda view: [self.next_version(view, name, config)])

    def next_version(self, view: ConfigView, name: str, config: dict[str, str]):
        held = view.connectors.get(name)
        return connector_message(self.topic, name, config, 1 if held is None else held.version + 1)

    def count_up(self, name: str = "c") -> None:
        def next_count(view: ConfigView):
            held = view.connectors.get(name)
            count = 0 if held is None else int(held.config["count"])
            return [self.next_version(view, name, {"count": str(count + 1)})]

        self.writer.change(next_count)


@pytest.fixture
def worker(lab):
    """Start workers of one group."""
    lab.topic("config-storage-topic", cleanup_policy="compact")
    return lambda: Worker(lab)


def test_a_change_is_in_the_view_that_it_gives(worker) -> None:
    """What was written is in the view at once, and in another worker's soon."""
    one, two = worker(), worker()
    view = one.set("c", topic="a")
    assert dict(view.connectors["c"].config) == {"topic": "a"}
    two.tail.caught_up()
    assert two.configs.view == view


def test_nothing_is_written_when_the_decision_is_to_refuse(worker) -> None:
    """An error of the decision passes through and nothing changes, nor does it when there is nothing to write."""
    one = worker()
    before = one.set("c", topic="a")

    def refuse(_view):
        raise PermanentError("no")

    with pytest.raises(PermanentError, match="no"):
        one.writer.change(refuse)
    assert one.writer.change(lambda _view: []) is before
    assert one.set("c", topic="b").connectors["c"].version == 2


def test_two_threads_and_two_processes_lose_no_update(lab, worker) -> None:
    """Four writers, two of them in other processes, each count one config up 25 times: it ends at 100, and each version came once."""
    one, two = worker(), worker()
    arguments = [sys.executable, str(COUNTER), lab.bootstrap_servers, lab.worker.group_id, one.topic, "25"]
    others = [subprocess.Popen(arguments) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as threads:
            counts = [threads.submit(_times, 25, each.count_up) for each in (one, two)]
        assert [count.result() for count in counts] == [25, 25]
        assert [other.wait(120) for other in others] == [0, 0]
    finally:
        for other in others:
            other.kill()
            other.wait(10)
    one.tail.caught_up()
    entry = one.configs.view.connectors["c"]
    assert (entry.config["count"], entry.version) == ("100", 100)


def test_a_change_between_reading_and_writing_is_not_lost(lab, worker) -> None:
    """Whoever changes the topic after it was read, but before the commit, fences that commit; it is decided anew from what stands then."""
    one, two = worker(), worker()
    in_between: list[Callable[[], None]] = [two.count_up, two.count_up]

    def read(_secs: float) -> None:
        """Know nothing but what is read here, and let the other one go ahead right after it."""
        read_to_end(lab.consumer_config, one.topic, one.configs.fold)
        if in_between:
            in_between.pop()()

    one.tail.close()
    one.writer = ConfigWriter(one.producer, one.configs, read, topic=one.topic, settle_secs=0)
    one.count_up()
    assert one.configs.view.connectors["c"].config["count"] == "3"
    two.count_up()
    one.count_up()
    assert one.configs.view.connectors["c"].config["count"] == "5"


def test_an_unfenced_writer_opens_once(worker) -> None:
    """All changes of a worker that nobody fences pass through one producer; a fenced one opens again by itself."""
    one, two = worker(), worker()
    for number in range(5):
        one.set("c", number=str(number))
    assert (one.producer.opened, two.producer.opened) == (1, 0)
    two.set("c", by="two")
    view = one.set("c", by="one again")
    assert (one.producer.opened, two.producer.opened) == (2, 1)
    assert (view.connectors["c"].version, view.connectors["c"].config["by"]) == (7, "one again")


def test_one_change_is_one_transaction_over_topics(lab, worker) -> None:
    """A change that fails half-way leaves nothing in any topic."""

    audit, found = lab.topic("audit-topic"), []
    one = worker()
    too_large = Message(audit, b"x" * 5_000_000)
    with pytest.raises(PermanentError, match="too large"):
        one.writer.change(
            lambda view: [one.next_version(view, "c", {}), target_message(one.topic, "c", Target.PAUSED), too_large]
        )
    view = one.writer.change(lambda view: [one.next_version(view, "d", {}), Message(audit, b"done")])
    assert set(view.connectors) == {"d"}
    read_to_end(lab.consumer_config, audit, found.extend)
    assert [message.value() for message in found] == [b"done"]


def test_a_commit_that_nobody_answered_is_not_written_twice(worker) -> None:
    """When the answer to a commit is lost, the topic tells whether it was made."""

    one = worker()
    one.set("c", count="0")
    one.producer.lose_answers = 1
    one.count_up()
    assert one.configs.view.connectors["c"].config["count"] == "1"
    assert one.configs.view.connectors["c"].version == 2


def test_without_a_broker_it_says_so(lab) -> None:
    """A topic that cannot be reached is a TemporaryError, in bounded time."""
    one = ConfigWriter(shared_producer(lab.worker), ConfigTopic(), _away, topic="t")
    lab.at_end(one.close)
    with pytest.raises(TemporaryError, match="away"):
        one.change(lambda _view: [], secs=1)


def _away(_secs: float) -> None:
    raise TemporaryError("away")


def _times(count: int, work: Callable[[], None]) -> int:
    for _ in range(count):
        work()
    return count
