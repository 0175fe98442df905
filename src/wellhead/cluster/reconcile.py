"""Takes what the config topic wants and which slots are ours, makes the places run exactly that; never decides who owns a slot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from wellhead.cluster.lanes import placed
from wellhead.cluster.place import Key, Place, Spec
from wellhead.config.tenants import WORD as TENANTS
from wellhead.runtime.lease import Lease
from wellhead.runtime.taskset import TaskSet
from wellhead.storage.configs import ConfigView, ConnectorEntry, Restart, Target, TaskEntry
from wellhead.telemetry.logs import get_logger


class Reconciler:
    """The tasks of this process; every method is called on the event loop.

    Args:
        build: Makes the tasks of a spec.
        describe: Gives what `/health` says of a running set.
        lease: Gives the lease that holds now; without a valid one nothing runs.
    """

    def __init__(
        self,
        build: Callable[[Spec], TaskSet],
        describe: Callable[[TaskSet], tuple[Mapping[str, Any], ...]],
        lease: Callable[[], Lease],
    ) -> None:
        self._build = build
        self._describe = describe
        self._lease = lease
        self._view: ConfigView | None = None
        self._slots: frozenset[int] = frozenset()
        self._orders: dict[Key, int] = {}
        self._heard = -1
        self._runs: dict[Key, asyncio.Task[None]] = {}
        self.places: dict[Key, Place] = {}
        self._log = get_logger("cluster")

    @property
    def has_view(self) -> bool:
        """Whether it is known what is wanted."""
        return self._view is not None

    @property
    def slots(self) -> frozenset[int]:
        """The slots that are ours."""
        return self._slots

    def see(self, view: ConfigView) -> None:
        """Follow a newer view of the config topic; the first one's orders to restart were meant for others before us."""
        if self._view is None:
            self._heard = view.end_offset
        self._view = view
        self._hear(view.restarts.values())
        self.look()

    def gain(self, slots: Iterable[int]) -> None:
        """Take slots over."""
        self._slots |= frozenset(slots)
        self.look()

    async def release(self, slots: Iterable[int]) -> None:
        """Give slots away; return once nothing of theirs runs any more."""
        self._slots -= frozenset(slots)
        self.look()
        await asyncio.gather(*(place.vacated() for key, place in list(self.places.items()) if key not in self._wanted()))

    def lose(self, slots: Iterable[int]) -> None:
        """Let go of slots that others may have by now: nothing of theirs commits any more."""
        self._slots -= frozenset(slots)
        self._drop_all_but(self._wanted())
        self.look()

    def look(self) -> None:
        """Make every place run what is wanted now."""
        wanted = self._wanted()
        if not wanted and self.places and not self._lease().valid():
            self._drop_all_but({})
        for key, spec in wanted.items():
            self._place(key).want(spec)
        for key, place in list(self.places.items()):
            if key not in wanted:
                place.want(None)
                if place.is_idle:
                    self._forget(key)

    async def close(self) -> None:
        """End everything, letting it commit what it has."""
        await self.release(self._slots)
        for key in list(self.places):
            self._forget(key)

    def _wanted(self) -> dict[Key, Spec]:
        """Give what is to run here; nothing while no lease is valid."""
        if self._view is None or not self._lease().valid():
            return {}
        live = [
            self._spec(entry, task)
            for entry in self._view.connectors.values()
            if entry.target is Target.STARTED
            for task in entry.tasks.values()
            if task.slot in self._slots
        ]
        # Beside its task, so that the two can take turns: some vendors serve a tenant's one client.
        lanes = [
            replace(self._spec(entry, task), streams=(lane.backfill.stream,), backfill=lane.backfill)
            for entry, task, lane in placed(self._view)
            if entry.target is Target.STARTED and task.slot in self._slots
        ]
        return {spec.key: spec for spec in (*live, *lanes)}

    def _spec(self, entry: ConnectorEntry, task: TaskEntry) -> Spec:
        listed = bool(entry.config.get(TENANTS))  # an empty list is none, as `fan_out` has it
        config = {word: value for word, value in entry.config.items() if word != TENANTS}
        tenant = task.tenant if listed else ""
        order = self._orders.get((entry.name, task.number), 0)
        return Spec(entry.name, task.number, tenant, task.streams, config, order, self._lease())

    def _hear(self, restarts: Iterable[Restart]) -> None:
        """Note orders to restart that are newer than the last one heard."""
        new = sorted((each for each in restarts if each.offset > self._heard), key=lambda each: each.offset)
        for order in new:
            self._heard = order.offset
            for key, place in self.places.items():
                meant = key[0] == order.connector and (key[1] == order.task if order.task is not None else order.include_tasks)
                if meant and (place.failed or not order.only_failed):
                    self._orders[key] = order.offset
                    self._log.info("restarting", connector=key[0], task=str(key[1]))

    def _drop_all_but(self, wanted: Mapping[Key, Spec]) -> None:
        for key, place in self.places.items():
            if key not in wanted:
                place.drop()

    def _place(self, key: Key) -> Place:
        if key not in self.places:
            self.places[key] = Place(key, self._build, self._describe)
            self._runs[key] = asyncio.create_task(self.places[key].run(), name=f"place-{key[0]}-{key[1]}")
        return self.places[key]

    def _forget(self, key: Key) -> None:
        self._runs.pop(key).cancel()
        del self.places[key]
        self._orders.pop(key, None)
