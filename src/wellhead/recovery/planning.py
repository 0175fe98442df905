"""Takes a connector, what is wished of its cursors and what Kafka knows of them, gives the plan of it, never carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError
from wellhead.kafka.offsets import Scalar, offset_value
from wellhead.kafka.settings import admin_config, consumer_config
from wellhead.recovery.aim import Aim, ToCursor, ToStart, checked, deduplicates, iso, target
from wellhead.recovery.errors import Refused
from wellhead.recovery.forecast import Forecast, forecast
from wellhead.recovery.known import Known, look_up
from wellhead.recovery.place import Place, place_of
from wellhead.recovery.plan import Change, Plan, Reader, Spot, Why, name_of
from wellhead.recovery.readers import Progress, lags, progress
from wellhead.recovery.stored import read_stored
from wellhead.recovery.undo import before_last_intervention
from wellhead.recovery.way import CursorFields, Step, Way

ReadersOf: TypeAlias = Callable[[set[str]], Sequence[Progress]]
"""Gives how far every consumer group is in some topics; may raise `WellheadError`s."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of one stream's cursor.

    Attributes:
        partition: What names the stream.
        aim: Where it is to go; None undoes what was last done to it.
        why: What the history will say of it.
    """

    partition: Mapping[str, Scalar]
    aim: Aim | None
    why: Why


def wish(partition: Mapping[str, Scalar], cursor: CursorFields) -> Wish:
    """Give the wish of one entry of Connect's `offsets` body; a null offset resets."""
    return Wish(partition, ToStart(), "reset") if cursor is None else Wish(partition, ToCursor(cursor), "alter")


def plan_of(
    worker: WorkerSettings,
    connector: str,
    wishes: Sequence[Wish],
    places: Sequence[Place],
    *,
    now_ms: int,
    known: Known | None = None,
    forecasts: bool = True,
) -> Plan:
    """Plan what `wishes` ask for; reads Kafka, blocking, and writes nothing.

    Args:
        worker: Whose group and topics.
        connector: Whose cursors.
        wishes: What becomes of each.
        places: What is known of its streams (`places_of`), none where the connector's class is not known.
        now_ms: Epoch ms.
        known: What `look_up` gave, where that was asked already.
        forecasts: Whether to tell what it takes and who reads it; else history, runs and groups are left alone, which is quicker. Only for
            wishes that need no history: to the start or to a cursor.

    Raises:
        ConfigError: A cursor is none of its stream.
        Refused: There is nothing to undo.
        PermanentError: The history does not reach so far, or the rights are refused.
        TemporaryError: The broker cannot be reached.
    """
    if not forecasts:
        stored = read_stored(consumer_config(worker), worker.offset_storage_topic, connector)
        return Planner(connector, Known(connector, stored, (), {}), places, now_ms).plan(wishes, lambda _topics: [])
    known = known if known is not None else look_up(worker, connector)
    return Planner(connector, known, places, now_ms).plan(wishes, lambda topics: progress(admin_config(worker), topics))


class Planner:
    """Plans for one connector from what is known of it; talks to nobody but `readers_of`.

    Args:
        connector: Whose cursors.
        known: What Kafka knows of them.
        places: What is known of its streams.
        now_ms: Epoch ms.
        fences: Whether the plan will be carried out behind a fence, not by a worker that stops the connector itself.
    """

    def __init__(self, connector: str, known: Known, places: Sequence[Place], now_ms: int, *, fences: bool = True) -> None:
        self._fences = fences
        self._connector = connector
        self._known = known
        self._places = places
        self._now_ms = now_ms
        self._warnings: list[str] = []

    def plan(self, wishes: Sequence[Wish], readers_of: ReadersOf) -> Plan:
        """Give the plan; `readers_of` gives who reads some topics."""
        for number, each in enumerate(wishes):
            if each.partition in [earlier.partition for earlier in wishes[:number]]:
                raise PermanentError(
                    f"{self._connector}: {name_of(dict(each.partition))} is named twice; name each stream once"
                )
        changes = [self._change(each) for each in wishes]
        readers = self._readers({change.topic for change in changes if change.topic is not None and change.moves}, readers_of)
        return Plan(
            id=f"plan-{uuid4().hex[:12]}",
            connector=self._connector,
            created_ms=self._now_ms,
            created_at=iso(self._now_ms),
            changes=tuple(_with_readers(change, readers) for change in changes),
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _change(self, wish: Wish) -> Change:
        place = place_of(self._places, self._connector, wish.partition)
        partition = dict(wish.partition)
        whose = f"{self._connector}, {name_of(partition)}"
        steps = self._known.steps(partition)
        after = self._target(wish, place, steps, whose)
        stored = self._known.of(partition)
        before = None if stored is None else stored.cursor
        way = Way.of(steps)
        runs = {run.run_id: run for run in self._known.runs_of(partition)}
        why_not = _why_not(way, before)
        self._warn(place, whose)
        return Change(
            partition=partition,
            before=before,
            after=after,
            why="reset" if after is None and wish.why == "alter" else wish.why,
            transactional_id=place.transactional_id,
            topic=place.topic,
            cleanup=place.cleanup,
            deduplicates=deduplicates(after, place.cursor),
            stored_at=None if stored is None else Spot(partition=stored.kafka_partition, offset=stored.kafka_offset),
            stored_ms=None if stored is None else stored.at_ms,
            forecast=Forecast(direction="none", records=0, rejects=0, api_calls=0, minutes=0.0)
            if before == after
            else forecast(None if why_not else way.between(after), runs, place.quota, why_not=why_not),
        )

    def _target(self, wish: Wish, place: Place, steps: Sequence[Step], whose: str) -> CursorFields:
        aim = wish.aim
        after = before_last_intervention(steps, whose=whose) if aim is None else target(aim, steps, whose=whose)
        if after is None:
            return None
        offset_value(after)  # it must be flat, whatever its model
        if place.cursor is None:
            return after
        try:
            sound = checked(after, place.cursor, whose)
        except ConfigError:
            if isinstance(wish.aim, ToCursor):
                raise
            raise Refused(
                f"{whose}: the cursor that the history holds is none that this version of the connector reads. "
                "Name a later time, write the cursor out (--to-cursor), or go to the start"
            ) from None
        return sound if isinstance(wish.aim, ToCursor) else after

    def _warn(self, place: Place, whose: str) -> None:
        if place.cursor is None:
            self._warnings.append(
                f"{whose}: its connector's class is not known here, so the cursor is not checked. Name the file that configures it (-c)"
            )
        if place.transactional_id is None and self._fences:
            self._warnings.append(
                f"{whose}: who runs it is not known here, so it cannot be fenced. Stop it before you apply this"
            )

    def _readers(self, topics: set[str], readers_of: ReadersOf) -> Mapping[str, tuple[Reader, ...]] | None:
        if not topics:
            return {}
        try:
            found = readers_of(topics)
        except PermanentError as error:
            self._warnings.append(f"who reads {', '.join(sorted(topics))} is not known: {error}")
            return None
        return {
            topic: tuple(Reader(group=group, lag=lag) for group, lag in lags(found, topic).items()) for topic in sorted(topics)
        }


def _why_not(way: Way, before: dict[str, Any] | None) -> str:
    if way.stands_at(before):
        return ""
    if way.since_ms is None:
        return "there is no history of this stream, so what lies between cannot be known"
    return "the cursor was moved without a trace in the history (by another tool?), so what lies between cannot be known"


def _with_readers(change: Change, readers: Mapping[str, tuple[Reader, ...]] | None) -> Change:
    if readers is None or change.topic is None:
        return change
    return change.model_copy(update={"readers": readers.get(change.topic, ())})
