"""Takes what a run did, gives the record of it for the runs topic; never decides anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from wellhead.runtime.states import Outcome


@dataclass(slots=True)
class RunTally:
    """What one run has done so far; its record joins every transaction, and the last one of a run counts.

    Counts are of what was committed with this run, so that the runs add up to the topic, also one that was killed: its last
    record says `running` and is as old as its end.
    """

    connector: str
    task: int
    stream: str
    tenant: str
    started_ms: int
    cursor_from: dict[str, Any] | None
    run_id: str = ""
    batches: int = 0
    records: int = 0
    rejects: int = 0
    filtered: int = 0
    deletes: int = 0
    api_calls: int = 0
    cursor_to: dict[str, Any] | None = None
    backfill: str = ""

    def __post_init__(self) -> None:
        self.run_id = self.run_id or f"{uuid4().hex}_{self.stream}"

    def record(self, outcome: Outcome, error: str, ended_ms: int) -> bytes:
        """Give the run record as one line of JSON."""
        return json.dumps(
            {
                "run_id": self.run_id,
                "connector": self.connector,
                "task": self.task,
                "stream": self.stream,
                "tenant": self.tenant,
                "started_ms": self.started_ms,
                "ended_ms": ended_ms,
                "outcome": outcome.value,
                "error": error,
                "batches": self.batches,
                "records": self.records,
                "rejects": self.rejects,
                "filtered": self.filtered,
                "deletes": self.deletes,
                "api_calls": self.api_calls,
                "cursor_from": self.cursor_from,
                "cursor_to": self.cursor_to,
                **({"backfill": self.backfill} if self.backfill else {}),
            },
            separators=(",", ":"),
        ).encode()
