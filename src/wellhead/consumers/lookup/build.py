"""Takes one lookup of a deployment, brings state, files and target to where the topic is; keeps nothing in memory between runs.

A run is the same whether it is the first, the next, or the one after a crash: what it finds on disk, in the topic and at the
target decides what is left to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka import Message

from wellhead.avro import schema as schemas
from wellhead.config.deployment import LoadedLookup
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.lookup.deliver import Delivery
from wellhead.consumers.lookup.durable import disk_trouble, sweep
from wellhead.consumers.lookup.losses import Doubt
from wellhead.consumers.lookup.manifest import Source
from wellhead.consumers.lookup.mappings import LoadedMapping
from wellhead.consumers.lookup.reading import CatchUp, from_topic
from wellhead.consumers.lookup.report import FileReport, RunReport, again_secs
from wellhead.consumers.lookup.reset import Cursors, ask_for_reset
from wellhead.consumers.lookup.state import Layout, LookupState
from wellhead.consumers.lookup.turn import Circumstances, Turn
from wellhead.consumers.lookup.write import FileWriter, Moment
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.targets import AnyTarget, ThreadClock
from wellhead.telemetry.onward import CONSUME, MOST, OFF, Onward

STATE = "state.duckdb"
ANEW = "anew"
MADE_OF = "made_of"
REPARTITIONED = "repartitioned"


def no_step(_name: str) -> None:
    """Do nothing: where a crash test would strike."""


class Builder:
    """Runs one lookup. Blocking, for one thread.

    Args:
        lookup: The lookup.
        worker: Where Kafka and the registry are.
        mappings: Its mappings.
        clock: Its time; waits end once the process stops.
        stop: Set when the process stops: the run ends after what is at work.
        step: Called at the named points where a crash must do no harm.
        catch_up: Brings the state to where the topic is; from the worker's Kafka unless given.
        onward: Makes the spans of what becomes of the records.
    """

    def __init__(
        self,
        lookup: LoadedLookup,
        worker: WorkerSettings,
        mappings: Sequence[LoadedMapping],
        *,
        clock: ThreadClock,
        stop: threading.Event,
        step: Callable[[str], None] = no_step,
        catch_up: CatchUp | None = None,
        onward: Onward = OFF,
    ) -> None:
        self._lookup = lookup
        self._settings = lookup.settings
        self._worker = worker
        self._mappings = tuple(mappings)
        self._clock = clock
        self._stop = stop
        self._step = step
        record = self._mappings[0].mapping.record
        self._onward = onward
        self._parents: dict[bytes | None, None] = {}
        read = from_topic(worker, self._settings, record, clock=clock, stop=stop, on_read=self._note)
        self._catch_up = catch_up or read
        self._trust = False
        self._target: AnyTarget | None = None  # one for all runs: it keeps the pace that its vendor asks for
        self.calls: list[float | None] = []

    def run(self, *, force: bool = False) -> RunReport:
        """Read to the topic's end, write what changed, deliver it; give what happened, troubles included.

        Raises:
            PermanentError: The folders or the state cannot be used at all.
            TemporaryError: Another process has the state, or the disk is full.
        """
        report = RunReport(lookup=self._lookup.name, target=self._settings.target, started_ms=self._clock.now_ms())
        self.calls = []
        self._parents = {}
        self._make_folders()
        with self._open() as state:
            self._step("state_opened")
            report.rebuilt = state.restarted
            self._note_anew(state, report.rebuilt)
            self._read(state, report)
            self._note_anew(state, report.rebuilt)
            self._note_partitions(state, report)
            self._step("caught_up")
            report.rows = state.rows()
            report.stopped = self._stop.is_set()
            if not report.stopped:
                self._write_and_deliver(state, report, force=force)
            self._step("delivered")
        self._trust = report.good
        report.alerts = sorted({*report.alerts, *(["run_failed"] if report.problems else [])})
        report.ended_ms = self._clock.now_ms()
        return report

    def close(self) -> None:
        """Let go of the target's connections; no run is under way."""
        if self._target is not None:
            self._target.close()
        self._target = None

    def _make_folders(self) -> None:
        folders = (self._settings.output_dir, self._sent)
        for folder in folders:
            with disk_trouble(f"make {folder}"):
                folder.mkdir(parents=True, exist_ok=True)

    @property
    def _sent(self) -> Path:
        return self._settings.state_dir / "sent"

    def _open(self) -> LookupState:
        first = self._mappings[0].mapping
        return LookupState.open(
            self._settings.state_dir / STATE,
            Layout(
                columns_of(self._mappings),
                first.newest_by,
                "integer" if _is_number(first.record, first.record_key) else "bytes",
            ),
            clock=self._clock,
            memory_limit=self._settings.state_memory_max,
        )

    def _note(self, messages: Sequence[Message]) -> None:
        """Remember which traces the files of this run go on in; of very many some are enough."""
        if self._onward.is_on and len(self._parents) <= MOST:
            self._parents |= dict.fromkeys(self._onward.parents(messages))

    def _read(self, state: LookupState, report: RunReport) -> None:
        """Bring the state to the topic's end; where that fails, what it holds is still true as of its last end."""
        began_ms = self._clock.now_ms()
        try:
            for caught_up in self._catch_up(state, report.note_foreign):
                report.messages += caught_up.messages
                report.changed += caught_up.changed
                report.removed += caught_up.removed
                report.rebuilt = caught_up.rebuilt or report.rebuilt
        except (TemporaryError, PermanentError) as error:
            report.problems.append(f"the topic could not be read to its end: {error}")
            report.again_secs = again_secs(error)
        if report.foreign:
            report.alerts.append("foreign")
        with self._onward.stage(CONSUME, self._parents, began_ms=began_ms, messages=report.messages) as consumed:
            self._parents = dict.fromkeys(consumed.all_onward())

    def _note_anew(self, state: LookupState, why: str | None) -> None:
        """Remember, until every file had its turn, that the state was made anew: what is missing in it then may have been lost."""
        position, made_of = state.position(), state.note(MADE_OF)
        remade = made_of is not None and position is not None and made_of["topic_id"] != position.topic_id
        if why is None and (position is None or not position.complete):
            why = "the state was made anew from what the topic still holds"
        if remade:
            why = "the topic was deleted and made again"
        if why is not None:
            state.write_note(ANEW, {"why": why, "remade": remade})

    def _note_partitions(self, state: LookupState, report: RunReport) -> None:
        """Warn of a topic that was given more partitions: its keys lie in others now, with no order between what is old and what is new.

        A state that went on knows what is newest; one that is read anew may bring back what has ended.
        """
        position, made_of, known = state.position(), state.note(MADE_OF), state.note(REPARTITIONED)
        if position is None:
            return
        count = len(position.offsets)
        if known is not None and known["topic_id"] != position.topic_id:
            known = None
            state.write_note(REPARTITIONED, None)
        if made_of is not None and made_of["topic_id"] == position.topic_id and made_of.get("partitions", count) < count:
            known = {"topic_id": position.topic_id, "before": made_of["partitions"], "rebuilt": False}
            state.write_note(REPARTITIONED, known)
            report.warnings.append(
                f"{self._settings.topic} has {count} partitions now, {known['before']} before: the files are right, but would not be for "
                "sure once the state is read anew. Have the topic filled again: delete it, and its connector makes it anew"
            )
        if known is not None and report.rebuilt is not None and not known["rebuilt"]:
            known["rebuilt"] = True
            state.write_note(REPARTITIONED, known)
        if known is not None and known["rebuilt"]:
            report.warnings.append(
                f"the state was read anew from {self._settings.topic}, which was given more partitions since it was made: rows that have "
                "ended may be back. Delete the topic; its connector makes and fills it anew"
            )
        if report.warnings:
            report.alerts.append("repartitioned")

    def _write_and_deliver(self, state: LookupState, report: RunReport, *, force: bool) -> None:
        position = state.position()
        if position is None or not position.complete:
            # A part of the topic says nothing about the keys that are missing in it.
            report.problems.append(
                f"{self._settings.topic} was not read to its end yet, so no file can be made: what stands here and at the target is left as it is"
            )
            return
        if state.note(MADE_OF) is None and not any(position.offsets.values()):
            report.problems.append(
                f"nothing has been written to {self._settings.topic} yet, so there is nothing to make files of: start the connector that "
                "writes it, or correct the topic's name"
            )
            return
        for folder in (self._settings.output_dir, self._sent):
            sweep(folder)
        source = Source(
            topic=self._settings.topic,
            topic_id=position.topic_id,
            offsets=dict(position.offsets),
            seq=state.seq(),
            records=report.rows,
        )
        at = Moment(source, self._clock.now_ms())
        if self._target is None:
            self._target = self._lookup.target(self._lookup.options, self._clock)
        turn = self._turn(state, self._target)
        limit = self._settings.oversize_max_bytes or self._target.max_bytes
        anew = state.note(ANEW)
        doubt = None if anew is None else Doubt(anew["why"], remade=anew["remade"])
        now = Circumstances(at, limit, force, doubt, self._trust)
        for loaded in self._mappings:
            if self._stop.is_set():
                report.stopped = True
                break
            report.files.append(self._take(turn, loaded, now))
            self._step("file_done")
        else:
            state.write_note(MADE_OF, {"topic_id": position.topic_id, "partitions": len(position.offsets)})
            state.write_note(ANEW, None)
        report.resets, self.calls = turn.losses.resets, turn.calls

    def _turn(self, state: LookupState, target: AnyTarget) -> Turn:
        settings = self._settings
        delivery = Delivery(
            target,
            state,
            self._sent,
            clock=self._clock,
            delta_ratio=settings.delivery_delta_max_ratio if settings.delivery_delta else None,
            step=self._step,
        )
        writer = FileWriter(state.connection, settings.output_dir, self._step, memory=state)
        return Turn(settings, writer, delivery, state, self._reset)

    def _take(self, turn: Turn, loaded: LoadedMapping, now: Circumstances) -> FileReport:
        try:
            with self._onward.stage("file", self._parents, file=loaded.mapping.file):
                return turn.take(loaded, now)
        except WellheadError as error:
            return FileReport(file=loaded.mapping.file, problem=str(error), alerts=["run_failed"], again_secs=again_secs(error))

    def _reset(self, former: Cursors, topic_id: str | None) -> dict[str, dict[str, Any]]:
        assert self._settings.source_connector is not None
        return ask_for_reset(self._worker, self._settings.source_connector, self._settings.source_tenant, former, topic_id)


def columns_of(mappings: Sequence[LoadedMapping]) -> pa.Schema:
    """Give every record column that some mapping needs, in the schema's order."""
    needed = {name for loaded in mappings for name in loaded.types.names}
    known = schemas.load(mappings[0].mapping.record).arrow
    return pa.schema([known.field(name) for name in known.names if name in needed])


def _is_number(record: str, column: str | None) -> bool:
    known = schemas.load(record).arrow
    return column is not None and column in known.names and pa.types.is_integer(known.field(column).type)
