"""A change is decided on what was read after the writer was opened, tried again when another came first, and given up in time."""

from random import Random

import pytest

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import CommitUnknown, Fenced, ProducerLost
from wellhead.kafka.messages import Message
from wellhead.storage.configs import connector_message
from wellhead.storage.configtopic import ConfigTopic
from wellhead.storage.writer import ConfigWriter
from wellhead.testing.clock import FakeClock


class Scripted:
    """A producer whose commits end as the script says, None being well; what is committed goes to `kept`."""

    def __init__(self, topic, script=()) -> None:
        self.topic = topic
        self.script = list(script)
        self.said: list[str] = []
        self.is_open = False
        self.staged: list[Message] = []

    def open(self) -> None:
        self.said.append("open")
        self.is_open = True

    def begin(self) -> None:
        self.staged = []

    def send(self, message: Message) -> None:
        self.staged.append(message)

    def commit(self) -> None:
        self.said.append("commit")
        end = self.script.pop(0) if self.script else None
        if end is None or isinstance(end, CommitUnknown):
            self.topic.write(*self.staged)
        if end is not None:
            raise end

    def interrupt(self) -> None:
        self.said.append("interrupt")

    def close(self) -> None:
        self.is_open = False


class Rig:
    """A writer, all it needs, and what it did."""

    def __init__(self, topic, script=()) -> None:
        self.topic = topic
        self.clock = FakeClock()
        self.configs = ConfigTopic()
        self.producer = Scripted(topic, script)
        self.read = 0
        self.pauses: list[float] = []
        self.writer = ConfigWriter(
            self.producer,
            self.configs,
            self.catch_up,
            topic="t",
            settle_secs=0,
            clock=self.clock,
            random=Random(1),
            pause=self.pause,
        )

    def catch_up(self, _secs: float) -> None:
        self.producer.said.append("read")
        self.configs.fold(self.topic.messages[self.read :])
        self.read = len(self.topic.messages)

    def pause(self, secs: float) -> None:
        self.pauses.append(secs)
        self.clock.advance(secs)

    def count(self) -> None:
        self.writer.change(lambda view: [self.next(view)])

    @staticmethod
    def next(view) -> Message:
        held = view.connectors.get("c")
        return connector_message("t", "c", {}, 1 if held is None else held.version + 1)

    @property
    def version(self) -> int:
        return self.configs.view.connectors["c"].version


def test_opens_then_reads_then_writes_then_reads(topic) -> None:
    """The first change opens before it reads; the next one keeps the producer."""
    rig = Rig(topic)
    rig.count()
    rig.count()
    assert rig.producer.said == ["open", "read", "commit", "read", "read", "commit", "read"]
    assert rig.version == 2


def test_a_fenced_writer_decides_anew(topic) -> None:
    """Who was fenced opens again and reads what the other one wrote before it decides."""
    rig = Rig(topic, [None, Fenced("taken")])
    rig.count()
    topic.write(connector_message("t", "c", {}, 8))
    rig.count()
    assert rig.version == 9
    assert rig.producer.said[4:] == ["read", "commit", "open", "read", "commit", "read"]
    assert len(rig.pauses) == 1


@pytest.mark.parametrize("lost", [1, 3])
def test_a_commit_without_an_answer_is_looked_up(topic, lost: int) -> None:
    """A commit that was made though nobody said so is not made again."""
    rig = Rig(topic, [CommitUnknown("no answer")] * lost)
    rig.count()
    assert (rig.version, rig.producer.said.count("commit")) == (1, 1)


def test_a_lost_producer_is_opened_again(topic) -> None:
    """What was not written because the broker had a moment is written after it."""
    rig = Rig(topic, [ProducerLost("gone"), ProducerLost("gone")])
    rig.count()
    assert (rig.version, rig.producer.said.count("open")) == (1, 3)


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (Fenced("taken"), "other workers changed the config topic first.*nothing was changed here.*to one worker only"),
        (ProducerLost("gone"), "could not be written in .* tries within 30 s, nothing was changed: gone"),
    ],
)
def test_gives_up_in_time_and_says_what_to_do(topic, end: Exception, says: str) -> None:
    """After half a minute a change that always fails is a TemporaryError that says whether something was changed."""
    rig = Rig(topic, [end] * 1000)
    began = rig.clock.monotonic_secs()
    with pytest.raises(TemporaryError, match=says):
        rig.count()
    assert 30 <= rig.clock.monotonic_secs() - began < 32
    assert max(rig.pauses) <= 1
    assert len(set(rig.pauses)) == len(rig.pauses), "pauses are not in step"


def test_an_unknown_end_is_said(topic) -> None:
    """Where it cannot be found out whether a change was written, that is said."""
    rig = Rig(topic, [CommitUnknown("no answer")])
    read = rig.catch_up

    def once(secs: float) -> None:
        if "commit" in rig.producer.said:
            raise TemporaryError("away")
        read(secs)

    rig.writer = ConfigWriter(
        rig.producer, rig.configs, once, topic="t", settle_secs=0, clock=rig.clock, random=Random(1), pause=rig.pause
    )
    with pytest.raises(TemporaryError, match=r"it is not known whether the change was written: away\. Look at the connector"):
        rig.count()


def test_a_written_change_that_is_not_seen_yet_is_said(topic) -> None:
    """When only the reading back fails, the change is known to be written."""
    rig = Rig(topic)

    def once(secs: float) -> None:
        if "commit" in rig.producer.said:
            raise TemporaryError("slow")

    rig.writer = ConfigWriter(
        rig.producer, rig.configs, once, topic="t", settle_secs=0, clock=rig.clock, random=Random(1), pause=rig.pause
    )
    with pytest.raises(TemporaryError, match="is written and will take effect"):
        rig.count()


def test_a_refusal_and_no_change_write_nothing(topic) -> None:
    """What the decision raises passes through; no messages are no transaction."""
    rig = Rig(topic)

    def refuse(_view):
        raise PermanentError("no")

    with pytest.raises(PermanentError, match="no"):
        rig.writer.change(refuse)
    assert rig.writer.change(lambda _view: []) is rig.configs.view
    assert "commit" not in rig.producer.said


def test_closing_interrupts(topic) -> None:
    """A worker that stops does not wait for a broker."""
    rig = Rig(topic, [ProducerLost("interrupted")])
    rig.writer.close()
    assert rig.producer.said == ["interrupt"]
    with pytest.raises(TemporaryError, match="nothing was changed"):
        rig.count()


def test_a_change_behind_the_end_opens_nothing(topic) -> None:
    """Who still waited when the writer was closed is sent elsewhere, and the producer stays closed."""
    rig = Rig(topic)
    rig.writer.close()
    with pytest.raises(TemporaryError, match="stopping"):
        rig.count()
    assert "open" not in rig.producer.said
