"""Takes the run records of a connector, gives the vendor calls they tell of since a moment, never fewer than were made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Message

from wellhead.kafka.consumer import read_to_end
from wellhead.runtime.states import Outcome

# A run that was under way at the moment is told of shortly before it, too: only what it asked since then counts.
BEFORE_MS: Final = 600_000
# Later records come from a clock that was astray when they were written.
ASTRAY_MS: Final = 2 * 86_400_000
# A killed run's last record is as old as its last commit; so many calls may have gone out since then.
UNTOLD_CALLS: Final = 4


@dataclass(frozen=True, slots=True)
class PastCalls:
    """Calls that went out.

    Attributes:
        calls: How many.
        last_ms: When the last run that made them ended or was last heard of (epoch ms); None without one.
    """

    calls: int = 0
    last_ms: int | None = None


@dataclass(slots=True)
class _Run:
    before: int = 0
    calls: int = 0
    heard_ms: int = 0
    outcome: str = ""


class CallTally:
    """Adds up run records, in any order.

    Args:
        connector: Whose runs count; those of others in the same topic are passed over.
        tenant: Likewise.
        since_ms: The moment (epoch ms) from which on calls count.
    """

    def __init__(self, connector: str, tenant: str, since_ms: int) -> None:
        self._connector = connector
        self._tenant = tenant
        self._since_ms = since_ms
        self._start = f"{connector}/".encode()
        self._runs: dict[str, _Run] = {}

    def add(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the runs topic; what is no run record is nothing."""
        if value is None or not (key or b"").startswith(self._start):
            return
        try:
            record = json.loads(value)
            if (record["connector"], record["tenant"]) != (self._connector, self._tenant):
                return
            run_id, calls, heard_ms = str(record["run_id"]), int(record["api_calls"]), int(record["ended_ms"])
            outcome = str(record["outcome"])
        except (ValueError, KeyError, TypeError):
            return
        run = self._runs.setdefault(run_id, _Run())
        if heard_ms < self._since_ms:
            run.before = max(run.before, calls)
        elif run.heard_ms <= heard_ms < self._since_ms + ASTRAY_MS:
            run.heard_ms, run.outcome = heard_ms, outcome
        run.calls = max(run.calls, calls)

    def total(self) -> PastCalls:
        """Give the calls since the moment."""
        runs = [run for run in self._runs.values() if run.heard_ms]
        killed = sum(run.outcome == Outcome.RUNNING.value for run in runs)
        calls = sum(run.calls - run.before for run in runs) + killed * UNTOLD_CALLS
        return PastCalls(calls, max((run.heard_ms for run in runs), default=None))


def past_calls(consumer_config: Mapping[str, Any], topic: str, connector: str, tenant: str, since_ms: int) -> PastCalls:
    """Read the runs topic back; blocking.

    A call was made whether or not its transaction was committed, so aborted and open ones are read, too; nothing waits for them.

    Raises:
        TemporaryError: The broker cannot be reached.
    """
    tally = CallTally(connector, tenant, since_ms)

    def add(messages: list[Message]) -> None:
        for message in messages:
            tally.add(message.key(), message.value())

    uncommitted = {**consumer_config, "isolation.level": "read_uncommitted"}
    read_to_end(uncommitted, topic, add, from_ms=max(0, since_ms - BEFORE_MS))
    return tally.total()
