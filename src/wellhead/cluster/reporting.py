"""Takes what the places of this worker say, tells the status topic what changed; never tells of tasks that are others' by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zlib import crc32

from wellhead.clock import Clock
from wellhead.cluster.place import Report
from wellhead.cluster.placement import partitions_needed
from wellhead.cluster.reconcile import Reconciler
from wellhead.runtime.states import State
from wellhead.storage.configs import ConfigView, ConnectorEntry, Target
from wellhead.storage.group import Storage
from wellhead.storage.statuses import Status, TopicUse

_LOOK_SECS = 0.25
# Counters move all the time; what a person reads need not be newer than this.
_DETAIL_MS = 5_000
# The state of a task that is configured no more is removed by others after this long: its own worker may still be ending it.
_ORPHANED_SECS = 30.0

Key = tuple[str, int]
_STATES = {Target.STARTED: State.RUNNING, Target.PAUSED: State.PAUSED, Target.STOPPED: State.STOPPED}


class Reporter:
    """Keeps the status topic true for what runs here.

    Args:
        storage: Where states are written.
        reconciler: Whose places they are.
        worker_id: How this worker is named.
        version: Of Wellhead.
        generation: Gives the group's generation.
    """

    def __init__(
        self,
        storage: Storage,
        reconciler: Reconciler,
        *,
        worker_id: str,
        version: str,
        generation: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._statuses = storage.statuses
        self._configs = storage.configs
        self._out = storage.states
        self._reconciler = reconciler
        self._worker_id = worker_id
        self._version = version
        self._generation = generation
        self._clock = clock
        self._told: dict[Key, tuple[State, str]] = {}
        self._details: dict[Key, tuple[int, Any]] = {}
        self._details_left = 0
        self._used: set[tuple[str, str]] = set()
        self._orphans: dict[Key | str, float] = {}

    async def run(self) -> None:
        """Tell what changes until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(_LOOK_SECS)

    def look(self) -> None:
        """Tell what has changed since the last look."""
        view = self._configs.view
        ours = dict(self._ours(view))
        # Enough that each has its turn within _DETAIL_MS, and half as many to spare.
        self._details_left = 1 + int(len(ours) * _LOOK_SECS * 1000 / _DETAIL_MS * 1.5)
        for key in self._told.keys() - ours.keys():
            self._gone(key, view)
        for key, report in ours.items():
            self._tell(key, report)
        slots = partitions_needed(view)  # once: it looks at every task there is
        for name, entry in view.connectors.items():
            if self._speaks_for(name, slots):
                self._tell_connector(name, entry)
        self._sweep(view, slots)

    def close(self) -> None:
        """Tell that nothing runs here any more."""
        for key in list(self._told):
            self._gone(key, self._configs.view)

    def _ours(self, view: ConfigView) -> Iterator[tuple[Key, Report]]:
        for name, entry in view.connectors.items():
            for number, task in entry.tasks.items():
                if task.slot in self._reconciler.slots and not self._is_ended(entry, number):
                    place = self._reconciler.places.get((name, number))
                    resting = Report(State.PAUSED if entry.target is Target.PAUSED else State.UNASSIGNED)
                    yield (name, number), place.report() if place is not None and entry.target is Target.STARTED else resting

    def _is_ended(self, entry: ConnectorEntry, number: int) -> bool:
        """Tell whether a task of a stopped connector has come to its end here."""
        place = self._reconciler.places.get((entry.name, number))
        return entry.target is Target.STOPPED and (place is None or place.is_idle)

    def _tell(self, key: Key, report: Report) -> None:
        name, number = key
        if self._told.get(key) != (report.state, report.trace):
            self._told[key] = (report.state, report.trace)
            self._out.put_task(name, number, self._status(report.state, report.trace))
        self._tell_detail(key)
        for topic in report.topics:
            if (name, topic) not in self._used:
                self._used.add((name, topic))
                self._out.put_topic(TopicUse(topic, name, number, self._clock.now_ms()))

    def _tell_detail(self, key: Key) -> None:
        """Tell what a person reads of a task, where it is time to look and something is new."""
        now_ms, place = self._clock.now_ms(), self._reconciler.places.get(key)
        looked_ms, before = self._details.get(key, (0, []))
        if place is None or now_ms - looked_ms < _DETAIL_MS or not self._details_left:
            return
        # All at once they would hold the loop, and every request, for as long as a hundred of them take.
        self._details_left -= 1
        streams: list[Mapping[str, Any]] = [dict(stream) for stream in place.details()]
        told = [{word: value for word, value in stream.items() if not word.endswith("_secs")} for stream in streams]
        self._details[key] = (now_ms, told)
        if told != before:
            self._out.put_detail(*key, {"at_ms": now_ms, "worker_id": self._worker_id, "streams": streams})

    def _gone(self, key: Key, view: ConfigView) -> None:
        """Tell that a task does not run here any more: somebody else will say how it is, unless nobody is to run it."""
        del self._told[key]
        self._details.pop(key, None)
        name, number = key
        entry = view.connectors.get(name)
        if entry is None or number not in entry.tasks or entry.target is Target.STOPPED:
            self._used -= {used for used in self._used if used[0] == name}
            self._out.remove_task(name, number)
        else:
            self._out.put_task(name, number, self._status(State.UNASSIGNED))

    def _speaks_for(self, name: str, slots: int) -> bool:
        """Tell whether this worker tells a connector's state: whoever owns the slot its name falls on does."""
        return crc32(name.encode()) % slots in self._reconciler.slots

    def _tell_connector(self, name: str, entry: ConnectorEntry) -> None:
        state = _STATES[entry.target]
        before = self._statuses.view.connectors.get(name)
        if before is None or before.state != state.value or before.worker_id != self._worker_id:
            self._out.put_connector(name, self._status(state))

    def _sweep(self, view: ConfigView, slots: int) -> None:
        """Remove states of what is configured no more, once whoever ran it has had the time to do so."""
        told = self._statuses.view
        orphans: set[Key | str] = {name for name in told.connectors if name not in view.connectors}
        orphans |= {
            (name, number)
            for name, number in told.tasks
            if name not in view.connectors
            or number not in view.connectors[name].tasks
            or view.connectors[name].target is Target.STOPPED
        }
        now_secs = self._clock.monotonic_secs()
        self._orphans = {orphan: self._orphans.get(orphan, now_secs) for orphan in orphans}
        for orphan, since_secs in self._orphans.items():
            name = orphan if isinstance(orphan, str) else orphan[0]
            if not self._speaks_for(name, slots):
                continue
            if isinstance(orphan, str):
                self._out.remove_connector(orphan)
            elif now_secs - since_secs >= _ORPHANED_SECS:
                self._out.remove_task(*orphan)

    def _status(self, state: State, trace: str = "") -> Status:
        return Status(state.value, self._worker_id, self._generation(), trace or None, self._version)
