"""Takes a move of a task's cursor, gives its record for the history of cursors, to join the same transaction; never decides on one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from wellhead.clock import Clock
from wellhead.kafka.messages import Message
from wellhead.runtime.identity import TaskIdentity
from wellhead.storage.history import history_message


@dataclass(frozen=True, slots=True)
class Moved:
    """A cursor's move as the transaction that makes it knows it.

    Attributes:
        before: Where it stood; None is the beginning.
        after: Where it stands from now on.
        why: `replay` where it goes back to read again, `commit` otherwise.
        run_id: The run that moves it.
        records: How many records the transaction publishes.
        rejects: How many it puts among the dead letters.
    """

    before: dict[str, Any] | None
    after: dict[str, Any]
    why: Literal["commit", "replay"]
    run_id: str
    records: int
    rejects: int


def history_of(identity: TaskIdentity, topic: str, worker_id: str, clock: Clock) -> Callable[[Moved], Message]:
    """Give what makes the history records of one task."""

    def record(moved: Moved) -> Message:
        return history_message(
            topic,
            connector=identity.connector,
            partition=identity.partition,
            before=moved.before,
            after=moved.after,
            at_ms=clock.now_ms(),
            by=worker_id,
            why=moved.why,
            run_id=moved.run_id or None,
            records=moved.records,
            rejects=moved.rejects,
        )

    return record
