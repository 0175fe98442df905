"""Takes a worker's settings and a connector, gives what Kafka knows of its cursors: where they stand, how they came there, what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from confluent_kafka import Message

from wellhead.config.worker import WorkerSettings
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.settings import consumer_config
from wellhead.recovery.forecast import Run
from wellhead.recovery.stored import Stored, read_stored
from wellhead.recovery.way import Step
from wellhead.storage.history import Move, read_history

Partition: TypeAlias = Mapping[str, Any]
_BY_READING = ("commit", "backfill")
_BY_A_PERSON = ("reset", "alter", "undo", "import")


@dataclass(frozen=True, slots=True)
class Known:
    """What Kafka knows of one connector's cursors.

    Attributes:
        connector: Whose.
        stored: Where they stand.
        moves: The history, oldest first.
        runs: The runs on record, oldest first, by stream and tenant.
    """

    connector: str
    stored: Sequence[Stored]
    moves: Sequence[Move]
    runs: Mapping[tuple[str, str], Sequence[Run]]

    def of(self, partition: Partition) -> Stored | None:
        """Give the stored cursor of a stream, None where nothing was ever stored."""
        return next((each for each in self.stored if each.partition == partition), None)

    def runs_of(self, partition: Partition) -> Sequence[Run]:
        """Give the runs of a stream."""
        return self.runs.get((str(partition.get("stream")), str(partition.get("tenant"))), ())

    def steps(self, partition: Partition) -> list[Step]:
        """Give the moves of a stream's cursor, oldest first: those of the history, and those that only its runs tell of."""
        told = [step_of(move) for move in self.moves if move.partition == partition]
        run_ids = {step.run_id for step in told}
        untold = [run.as_step() for run in self.runs_of(partition) if run.after is not None and run.run_id not in run_ids]
        return sorted([*untold, *told], key=lambda step: step.at_ms) if untold else told


def look_up(worker: WorkerSettings, connector: str) -> Known:
    """Read offsets, history and runs topics of `worker`, as far as they tell of `connector`; blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights, or a cursor is no JSON object.
    """
    config = consumer_config(worker)
    stored = read_stored(config, worker.offset_storage_topic, connector)
    moves = read_history(config, worker.offset_history_topic, connector=connector)
    runs = RunRecords(connector)
    read_to_end(config, worker.runs_topic, runs.add)
    return Known(connector, stored, moves, runs.by_stream())


def step_of(move: Move) -> Step:
    """Give a move of the history as a step of the way."""
    before, after = (None if cursor is None else dict(cursor) for cursor in (move.before, move.after))
    return Step(
        before,
        after,
        move.at_ms,
        move.run_id or "",
        move.records or 0,
        move.rejects or 0,
        is_commit=move.why in _BY_READING,
        is_intervention=move.why in _BY_A_PERSON,
    )


class RunRecords:
    """Folds the runs topic: of each run its last record."""

    def __init__(self, connector: str) -> None:
        self._connector = connector
        self._start = f"{connector}/".encode()
        self._newest: dict[bytes, dict[str, Any]] = {}

    def add(self, messages: Iterable[Message]) -> None:
        """Take messages; what is no run record of the connector is nothing."""
        for message in messages:
            key, value = message.key(), message.value()
            if key is None or value is None or not key.startswith(self._start):
                continue
            try:
                record = json.loads(value)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("connector") == self._connector:
                self._newest[key] = record

    def records(self) -> list[dict[str, Any]]:
        """Give the records as they are, those of backfills among them."""
        return list(self._newest.values())

    def by_stream(self) -> dict[tuple[str, str], list[Run]]:
        """Give the live runs, oldest first, by stream and tenant; a backfill's move a cursor of its own."""
        found: dict[tuple[str, str], list[Run]] = {}
        for record in self._newest.values():
            if "backfill" in record:
                continue
            try:
                run = Run(
                    run_id=str(record["run_id"]),
                    before=record["cursor_from"],
                    after=record["cursor_to"],
                    started_ms=int(record["started_ms"]),
                    ended_ms=int(record["ended_ms"]),
                    records=int(record["records"]),
                    rejects=int(record["rejects"]),
                    api_calls=int(record["api_calls"]),
                )
            except (KeyError, TypeError, ValueError):
                continue
            found.setdefault((str(record.get("stream")), str(record.get("tenant"))), []).append(run)
        for runs in found.values():
            runs.sort(key=lambda run: run.started_ms)
        return found
