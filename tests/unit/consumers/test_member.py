"""Tests of taking turns at a topic as a member of a group."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from received_letters import Received

from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.member import Member
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.messages import Message
from wellhead.telemetry.floods import FlowTally
from wellhead.testing.clock import FakeClock

AWAY = TemporaryError("Kafka is away")


class Intake:
    """A group's member whose turns are as scripted: what arrives, or what goes wrong."""

    def __init__(self, said: list[str], turns: list[Any], gained: Callable[[Collection[int]], None], clock: FakeClock) -> None:
        self.said, self.turns, self.gained, self.clock = said, turns, gained, clock

    def take(self, most: int, wait_secs: float) -> Mapping[int, Any]:
        self.said.append(f"take {most}")
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        if isinstance(turn, set):
            self.gained(turn)
            return {}
        return dict(turn)

    def rest(self, secs: float) -> None:
        self.clock.advance(secs)

    def rewind(self) -> None:
        self.said.append("rewind")

    def close(self) -> None:
        self.said.append("close")


class Scripted(Member):
    """Writes down what it is told to do; ends with its script."""

    section = "floods"
    stage = "watch"

    def __init__(self, *turns: Any, reach: Collection[Exception] = (), ready: Collection[Exception] = ()) -> None:
        self.said, self.turns, self.reach, self.ready = [], list(turns), list(reach), list(ready)
        self.clock, self.stop = FakeClock(), threading.Event()
        self.tally = FlowTally("proxies", self.clock, topic="gate.connection")
        worker = {
            "group.id": "house",
            "kafka": {"bootstrap.servers": "127.0.0.1:1"},
            "schema.registry": {"url": "http://127.0.0.1:1"},
        }
        settings = FloodsSettings.model_validate({"name": "proxies", "topics": ["gate.connection"], "batch.max.records": 7})
        super().__init__(
            settings,
            WorkerSettings.model_validate(worker),
            "gate.connection",
            "house-proxies",
            clock=self.clock,
            stop=self.stop,
            tally=self.tally,
            intake_of=self._intake_for,
        )

    def _intake_for(self, config: Mapping[str, Any], topic: str, start: str, gained: Callable[[Collection[int]], None]) -> Any:
        self.said.append(f"join {config['group.id']} {topic} {start}")
        return Intake(self.said, self.turns, gained, self.clock)

    def _make_topics(self) -> None:
        self.said.append("topics")

    def _open(self, opened: ExitStack) -> None:
        self._ledger = self

    def open(self) -> None:
        self.said.append("open")
        if self.ready:
            raise self.ready.pop(0)

    def limit_bytes(self, topic: str) -> int:
        return 1000

    def _turn(self) -> None:
        found = self._take()
        self.said.append(f"turn {found}")
        if not self.turns:
            self.stop.set()

    def _forget(self, partitions: Collection[int] | None = None) -> None:
        self.said.append(f"forget {partitions}")

    def _reach(self) -> None:
        self.said.append("reach")
        if self.reach:
            raise self.reach.pop(0)

    def _leave(self) -> None:
        self.said.append("leave")


def test_turns_until_told_to_stop():
    """The topics are there before anyone joins, each turn is ready to write, what is known is written on leaving, then the group is left."""
    member = Scripted({0: "a"}, {0: "b"})
    member.run()
    assert member.said == [
        *("topics", "join house-proxies gate.connection earliest"),
        *("open", "take 7", "turn {0: 'a'}", "open", "take 7", "turn {0: 'b'}"),
        *("leave", "close"),
    ]
    assert member.tally.now[0] == "running"


def test_partitions_that_are_gained_are_unknown_and_their_topics_looked_at():
    """What was known of a partition that comes anew is forgotten, and topics that may lack partitions are seen to in the same turn."""
    member = Scripted({1}, {0: "a"})
    member.run()
    assert member.said[2:-2] == ["open", "take 7", "forget {1}", "topics", "turn {}", "open", "take 7", "turn {0: 'a'}"]


def test_while_something_is_away_it_waits_then_reads_again():
    """Everything is forgotten first; what else is needed must answer before it writes again, and reading begins where it was committed."""
    member = Scripted(AWAY, {0: "a"}, reach=[TemporaryError("Redis is away")])
    member.run()
    assert member.said[2:-2] == [
        *("open", "take 7", "forget None", "reach", "reach", "open", "rewind"),
        *("open", "take 7", "turn {0: 'a'}"),
    ]
    assert member.tally.now[0] == "running"
    assert member.tally.last_error is not None
    assert member.tally.last_error[1] == "Redis is away"


def test_it_waits_longer_while_that_goes_on():
    """Each failure in a row is waited for longer than the one before, to 5 s; one good turn begins anew."""
    member = Scripted(*[AWAY] * 6, {}, AWAY, {})
    waits, wait = [], member._wait
    member._wait = lambda secs: (waits.append(secs), wait(secs))[1]
    member.run()
    assert waits == [0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 0.2]


def test_a_refusal_ends_it():
    """A PermanentError is raised to whoever runs it; the group is left, and nothing is written on the way."""
    member = Scripted(PermanentError("not allowed"))
    with pytest.raises(PermanentError, match="not allowed"):
        member.run()
    assert member.said[-1] == "close"
    assert "leave" not in member.said


def test_a_dead_letter_says_who_could_not_use_it():
    """The record's bytes, key and place, the stage, the class of the reader by its package, and the reason with the offset."""
    member = Scripted()
    member._open(ExitStack())
    received = Received(Message("gate.connection", b"junk", b"proxy-1"), 3, 42)
    letter = member._letter(received, "is no record")
    headers = {name: value.decode() for name, value in letter.headers if value is not None}
    assert (letter.topic, letter.key, letter.value) == ("gate.connection.floods.dlq", b"proxy-1", b"junk")
    assert headers["__connect.errors.exception.message"] == "is no record (offset 42)"
    assert headers["__connect.errors.class.name"].endswith(".Scripted")
    assert (headers["__connect.errors.topic"], headers["__connect.errors.partition"]) == ("gate.connection", "3")
    assert headers["__connect.errors.stage"] == "watch"
