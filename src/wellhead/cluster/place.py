"""Takes what is to run at one place, runs it and nothing else there; never two things at once, however fast the wish changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wellhead.errors import WellheadError
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.lease import FOREVER, Lease
from wellhead.runtime.states import State
from wellhead.runtime.task import AssembledTask
from wellhead.runtime.taskset import TaskSet
from wellhead.telemetry.logs import get_logger

# A definition that cannot be used here (a missing secret, an unknown source) may be usable later without a change of its words.
RETRY_SECS = 30.0


Key: TypeAlias = tuple[str, int | str]


@dataclass(frozen=True, slots=True)
class Spec:
    """What is to run at a place; an equal one needs no restart.

    Attributes:
        connector: The connector's name.
        number: The task's number in it.
        tenant: Whose data, where the connector stands for several tenants; else empty.
        streams: The streams it polls, in turns.
        config: The connector's words, the list of tenants left out.
        order: Which order to restart it follows; a later one starts it anew.
        lease: Under what it runs: what was started under a lease that ended must not go on under the next one (I4).
        backfill: What it reads beside the task, where it is not the task itself.
    """

    connector: str
    number: int
    tenant: str
    streams: tuple[str, ...]
    config: Mapping[str, str | None] = field(repr=False)
    order: int = 0
    lease: Lease = field(default=FOREVER, repr=False)
    backfill: Backfill | None = None

    @property
    def key(self) -> Key:
        """Which task or backfill it is."""
        return self.connector, self.number if self.backfill is None else self.backfill.id


@dataclass(frozen=True, slots=True)
class Report:
    """How a place is, in Connect's words.

    Attributes:
        state: UNASSIGNED, RUNNING, RESTARTING, PAUSED or FAILED.
        trace: Why it failed, and the next step; else empty.
        topics: Those its streams have written to.
    """

    state: State
    trace: str = ""
    topics: tuple[str, ...] = ()


class Place:
    """One task's place in this process.

    Args:
        key: Connector, and number of the task or id of the backfill.
        build: Makes the tasks of a spec.
        describe: Gives what `/health` says of a running set.
        retry_secs: How long to wait before a definition that cannot be used is tried again.
    """

    def __init__(
        self,
        key: Key,
        build: Callable[[Spec], TaskSet],
        describe: Callable[[TaskSet], tuple[Mapping[str, Any], ...]],
        *,
        retry_secs: float = RETRY_SECS,
    ) -> None:
        self.key = key
        self._build = build
        self._describe = describe
        self._retry_secs = retry_secs
        self._wanted: Spec | None = None
        self._spec: Spec | None = None
        self._set: TaskSet | None = None
        self._running: asyncio.Task[None] | None = None
        self._failure = ""
        self._dropped = False  # what runs ends, even where the same is wished again before it has
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._log = get_logger("cluster").bind(connector=key[0], task=str(key[1]))

    @property
    def is_idle(self) -> bool:
        """True where nothing runs and nothing is wanted."""
        return self._idle.is_set() and self._wanted is None

    @property
    def tasks(self) -> tuple[AssembledTask, ...]:
        """The stream tasks that run there."""
        return self._set.tasks if self._set is not None else ()

    @property
    def failed(self) -> bool:
        """Whether something in it has failed."""
        return self.report().state is State.FAILED

    @property
    def refused(self) -> bool:
        """Whether its definition cannot be used here, so that it has no stream tasks that could tell of it."""
        return bool(self._failure)

    def want(self, spec: Spec | None) -> None:
        """Run `spec` and nothing else from now on; None ends what runs, letting it commit what it has."""
        if spec != self._wanted:
            self._wanted = spec
            if spec is not None:
                self._idle.clear()
            self._woken.set()

    def drop(self) -> None:
        """End what runs without letting it commit: others may have taken over."""
        if self._set is not None:
            self._dropped = True
            self._set.drop()
        self.want(None)

    async def vacated(self) -> None:
        """Return once nothing runs; `want(None)` or `drop` comes first."""
        await self._idle.wait()

    async def run(self) -> None:
        """Keep to what is wanted until cancelled."""
        try:
            while True:
                self._woken.clear()
                if self._dropped or self._spec != self._wanted:
                    await self._end()
                    if self._wanted is not None:
                        self._begin(self._wanted)
                if self._spec is None and self._wanted is None:
                    self._idle.set()
                await self._next()
        finally:
            await self._end()
            self._idle.set()

    def report(self) -> Report:
        """Tell how it is; asked often, so what costs is done only where something is ill."""
        if self._failure:
            return Report(State.FAILED, self._failure)
        if self._set is None:
            return Report(State.UNASSIGNED)
        states = [task.supervisor.state().state for task in self._set.tasks]
        topics = tuple(task.topic for task in self._set.tasks if task.telemetry.snapshot().written_records)
        for ill in (State.FAILED, State.RESTARTING):
            if ill in states:
                told = zip(self.details(), states, strict=True)
                trace = [f"{stream['stream']}: {stream.get('message', '')}" for stream, state in told if state is ill]
                return Report(ill, "\n".join(trace), topics)
        return Report(State.RUNNING if {State.RUNNING, State.DEGRADED} & set(states) else State.UNASSIGNED, "", topics)

    def details(self) -> tuple[Mapping[str, Any], ...]:
        """Give what `/health` says of each of its streams; dear, as no secret may be in it."""
        return self._describe(self._set) if self._set is not None else ()

    def _begin(self, spec: Spec) -> None:
        self._spec, self._failure = spec, ""
        try:
            self._set = self._build(spec)
        except WellheadError as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001 - a place that ended here could never be given away
            # Without what it says: that goes to the status topic, and nobody has taken secrets out of it (I6).
            self._refuse(
                f"{type(error).__name__} while its tasks were made, which is a defect; the worker's log says more", error
            )
        else:
            self._running = asyncio.create_task(self._set.run(), name=f"{spec.connector}-{spec.number}")

    def _refuse(self, reason: str, defect: Exception | None = None) -> None:
        self._failure = f"{reason} (tried again every {self._retry_secs:.0f} s)"
        self._log.error("task_refused", reason=reason, retry_in_secs=self._retry_secs, exc_info=defect)

    async def _end(self) -> None:
        running, taskset = self._running, self._set
        if taskset is not None:
            taskset.stop()
        if running is not None:
            await asyncio.wait([running])
            if not running.cancelled() and (error := running.exception()) is not None:
                self._log.error("task_defect", reason=f"{type(error).__name__}: {error}", exc_info=error)
        self._spec = self._set = self._running = None
        self._failure, self._dropped = "", False

    async def _next(self) -> None:
        """Wait for another wish, or until a refused definition is due again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._retry_secs if self._failure else None):
                await self._woken.wait()
            return
        self._spec = None
