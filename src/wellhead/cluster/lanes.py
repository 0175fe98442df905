"""Takes backfills, gives their records in the config topic and reads them back; never runs one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wellhead.kafka.messages import Message
from wellhead.runtime.backfill import Backfill
from wellhead.storage.configs import ConfigView, ConnectorEntry, TaskEntry, other_message

PREFIX = "backfill-"
# Of those that have ended so many are still told of.
KEPT = 20


class LaneState(StrEnum):
    """What a backfill is meant to do, or did."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Lane:
    """A backfill as the config topic tells of it.

    Attributes:
        connector: Whose stream it reads.
        backfill: What it reads.
        state: What it is meant to do.
        by: Who asked for it.
        at_ms: When its state was set, epoch ms.
    """

    connector: str
    backfill: Backfill
    state: LaneState
    by: str = field(default="", compare=False)
    at_ms: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        """The key of its record."""
        return f"{PREFIX}{self.connector}/{self.backfill.id}"  # no connector's name holds a slash

    def message(self, topic: str) -> Message:
        """Give the message that makes it so."""
        told = {"connector": self.connector, **self.backfill.as_json(), "state": self.state.value}
        return other_message(topic, self.key, {**told, "by": self.by, "at_ms": self.at_ms})


def lanes_of(view: ConfigView, connector: str | None = None) -> Iterator[Lane]:
    """Give the backfills of a connector, or of all, in the order they were made; what cannot be read is none."""
    for key, told in view.others.items():
        if key.startswith(PREFIX) and (lane := _lane(dict(told))) is not None and connector in (None, lane.connector):
            yield lane


def placed(view: ConfigView) -> Iterator[tuple[ConnectorEntry, TaskEntry, Lane]]:
    """Give each backfill that is to run with the task it runs beside: whoever has the one runs the other."""
    for lane in lanes_of(view):
        entry = view.connectors.get(lane.connector)
        if entry is None or lane.state is not LaneState.RUNNING:
            continue
        for task in entry.tasks.values():
            if lane.backfill.stream in task.streams and task.tenant == lane.backfill.tenant:
                yield entry, task, lane


def removals(topic: str, view: ConfigView, connector: str) -> list[Message]:
    """Give the messages that forget a connector's backfills."""
    return [other_message(topic, lane.key, None) for lane in lanes_of(view, connector)]


def outdated(topic: str, view: ConfigView, connector: str) -> list[Message]:
    """Give the messages that forget those of a connector's backfills that ended long ago."""
    ended = sorted(
        (lane for lane in lanes_of(view, connector) if lane.state is not LaneState.RUNNING), key=lambda lane: lane.at_ms
    )
    return [other_message(topic, lane.key, None) for lane in ended[:-KEPT]]


def _lane(told: dict[str, Any]) -> Lane | None:
    try:
        backfill = Backfill.of_json(told)
        return Lane(
            str(told["connector"]), backfill, LaneState(told["state"]), str(told.get("by", "")), int(told.get("at_ms", 0))
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None
