"""Takes a worker's settings, gives a process of a group: REST, internal topics, membership and the tasks that are its; ends them in turn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from wellhead import plugins as installed_plugins
from wellhead.clock import Clock
from wellhead.cluster.api import Cluster
from wellhead.cluster.assignment import cluster_id, grow
from wellhead.cluster.build import Builder
from wellhead.cluster.knowledge import Knowledge
from wellhead.cluster.membership import Membership
from wellhead.cluster.placement import partitions_needed
from wellhead.cluster.reconcile import Reconciler
from wellhead.cluster.reporting import Reporter
from wellhead.config.worker import WorkerSettings
from wellhead.errors import TemporaryError, WellheadError
from wellhead.kafka import settings as kafka_settings
from wellhead.plugins import Plugins
from wellhead.rest.access import Access
from wellhead.rest.app import create_api
from wellhead.rest.contract import ApiError, Caller, Role
from wellhead.rest.definitions import Definitions
from wellhead.rest.health import create_app
from wellhead.rest.serving import Serving, serve
from wellhead.runtime.ambient import Ambient, no_step
from wellhead.runtime.lane import LaneSupervisor
from wellhead.runtime.worker import READY, health_of
from wellhead.storage.configs import ConfigView
from wellhead.storage.group import Storage
from wellhead.storage.topics import assignment_spec, ensure_storage, lease_spec
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.ownership import Change

# What giving tasks away may take beyond their grace period.
_OVER_SECS = 5.0
_AGAIN_SECS = 2.0
_MEND_SECS = 5.0
_SETTLE_SECS = 0.5


class GroupProcess:
    """One worker of a group, as an async context manager.

    Args:
        worker: Its settings.
        environ: What `${env:NAME}` refers to.
        step: Called at the named points where a crash must do no harm.
        plugins: The sources to choose from; the installed ones when None.
        connectors: Words of connectors that are kept in files, by name: made, or brought to these words, once this worker has joined.
        opening: The group's internal topics and what ends when they are open, where somebody has begun that already.
    """

    def __init__(
        self,
        worker: WorkerSettings,
        *,
        environ: Mapping[str, str],
        step: Callable[[str], None] = no_step,
        plugins: Plugins | None = None,
        connectors: Mapping[str, Mapping[str, str]] | None = None,
        clock: Clock | None = None,
        opening: tuple[Storage, asyncio.Future[None]] | None = None,
    ) -> None:
        self._worker = worker
        self._connectors = dict(connectors or {})
        self._environ = environ
        self._plugins = plugins or installed_plugins.installed()
        self._ambient = Ambient(worker, worker.secrets(), step=step, clock=clock)
        self._ownership = self._ambient.telemetry.own()
        self._log = get_logger("cluster")
        self._opening = opening
        self._loop: asyncio.AbstractEventLoop
        self._membership: Membership | None = None
        self._reconciler: Reconciler | None = None
        self._needed = 0
        self._more_needed = asyncio.Event()
        self._servings: list[Serving] = []
        self._stopping = asyncio.Event()
        self.cluster = Cluster(self.health, self._lane_message)
        self.failure: WellheadError | None = None
        self.worker_id = ""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ambient.settle()
        access = Access.of(self._worker, self._ambient.clock)
        metrics = self._ambient.telemetry.render
        if self._worker.listeners:
            api = create_api(self.cluster, access, metrics)
            self._servings.append(await serve(api, self._worker.listeners, self._worker))
        if self._worker.probe_listeners:
            probes = create_app(self.health, metrics)
            self._servings.append(await serve(probes, self._worker.probe_listeners, self._worker))
        self.worker_id = _worker_id(self._worker, self.urls)
        self._log.info("started", version=self._ambient.version, worker_id=self.worker_id, listening=self.urls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for serving in self._servings:
            await serving.stop()
        self._ambient.close()
        if self.failure is not None:
            self._log.error("worker_failed", reason=str(self.failure))
        self._log.info("stopped", worker_id=self.worker_id, failed=self.failure is not None)

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return [url for serving in self._servings for url in serving.urls]

    def stop(self) -> None:
        """Give back what is owned and end; `run` returns then."""
        self._stopping.set()

    async def run(self) -> None:
        """Join the group and run what falls to this worker until `stop` is called."""
        storage = await self._open_storage()
        if storage is None:
            return
        membership = self._membership = self._member()
        builder = Builder(
            self._ambient,
            self._environ,
            self.worker_id,
            storage.settled_cursors,
            plugins=self._plugins,
        )
        reconciler = self._reconciler = Reconciler(builder.build, builder.describe, lambda: membership.lease)
        reporter = Reporter(
            storage,
            reconciler,
            worker_id=self.worker_id,
            version=self._ambient.version,
            generation=lambda: membership.generation,
            clock=self._ambient.clock,
        )
        await asyncio.to_thread(self._know, storage)
        storage.configs.listen(lambda view: self._loop.call_soon_threadsafe(self._see, view))
        self._see(storage.configs.view)
        await asyncio.to_thread(membership.start)
        watching = [
            asyncio.create_task(self._watch_lease(membership)),
            asyncio.create_task(reporter.run()),
            asyncio.create_task(self._keep_enough(membership)),
            asyncio.create_task(self._mend_topics(membership)),
            asyncio.create_task(self._apply_files()),
            asyncio.create_task(self._settle_backfills(reconciler)),
        ]
        try:
            await self._until_stopped(watching)
        finally:
            self._log.info("stopping", tasks=len(reconciler.places))
            await asyncio.to_thread(membership.close)
            await reconciler.close()
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
            reporter.close()
            await asyncio.to_thread(storage.close)

    def health(self) -> dict[str, Any]:
        """Give what `/health` answers, without any secret (I6)."""
        places = self._reconciler.places.values() if self._reconciler is not None else ()
        shown = health_of((task for place in places for task in place.tasks), self._ambient.clock.now_ms(), self.worker_id)
        problem = self._membership.problem if self._membership is not None else None
        shown["member"] = self._membership is not None and self._membership.joined
        if self._reconciler is None or not self._reconciler.has_view:
            shown |= {"status": "starting", "message": "Worker is still starting up."}
        elif self.failure is not None:
            shown |= {"status": "unhealthy", "message": f"{self.failure}; the worker is ending"}
        elif problem:
            shown |= {"status": "unhealthy", "message": problem}
        elif not shown["member"]:
            shown |= {"status": "starting", "message": f"Worker is joining group {self._worker.group_id}."}
        elif refused := [f"{place.key[0]}, task {place.key[1]}: {place.report().trace}" for place in places if place.refused]:
            shown |= {"status": "unhealthy", "message": f"{len(refused)} tasks cannot be started here, such as {refused[0]}"}
        elif shown["status"] == "starting":
            # A worker of a group is ready once it can be given tasks; those that are just being begun are no reason to send it nobody.
            shown |= {"status": "healthy", "message": READY}
        answer: dict[str, Any] = self._ambient.redactor.value(shown)
        return answer

    async def _until_stopped(self, watching: list[asyncio.Task[None]]) -> None:
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            waiting: set[asyncio.Task[Any]] = {stopped, *watching}
            while not self._stopping.is_set():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            stopped.cancel()

    async def _open_storage(self) -> Storage | None:
        """Open the internal topics, however long the broker is away; None when told to stop meanwhile."""
        begun, self._opening = self._opening, None
        while not self._stopping.is_set():
            storage = begun[0] if begun is not None else Storage(self._worker, clock=self._ambient.clock)
            try:
                await (begun[1] if begun is not None else asyncio.to_thread(storage.start))
                storage.tail.hear(self._blinded)
            except TemporaryError as error:
                self._log.warning("waiting", reason=str(error), again_in_secs=_AGAIN_SECS)
                await asyncio.to_thread(storage.close)
                begun = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN_SECS):
                        await self._stopping.wait()
            else:
                return storage
        return None

    def _know(self, storage: Storage) -> None:
        known = Knowledge(
            worker=self._worker,
            worker_id=self.worker_id,
            environ=self._environ,
            storage=storage,
            definitions=Definitions(self._worker, self._environ, self._plugins),
            plugins=self._plugins,
            clock=self._ambient.clock,
            version=self._ambient.version,
            commit=os.environ.get("WELLHEAD_COMMIT", "unknown"),
            cluster_id=cluster_id(self._worker),
        )
        self.cluster.join(known)

    def _member(self) -> Membership:
        worker = self._worker
        return Membership(
            kafka_settings.consumer_config(worker),
            worker.group_id,
            worker.assignment_topic,
            worker.lease_topic,
            on_assigned=lambda slots: self._tell(Reconciler.gain, slots, "gained"),
            on_revoked=self._release,
            on_lost=lambda slots: self._tell(Reconciler.lose, slots, "lost"),
            session_ms=worker.session_timeout_ms,
            heartbeat_ms=worker.heartbeat_interval_ms,
            instance_id=worker.group_instance_id,
        )

    # The membership's threads call these.

    def _blinded(self, error: WellheadError) -> None:
        """End the process when the internal topics can be followed no longer: what it would run and answer is no longer true."""
        self.failure = error
        self._loop.call_soon_threadsafe(self.stop)

    def _tell(self, take: Callable[[Reconciler, AbstractSet[int]], None], slots: AbstractSet[int], how: Change) -> None:
        assert self._reconciler is not None
        self._ownership.changed(how, len(slots))
        self._loop.call_soon_threadsafe(take, self._reconciler, slots)

    def _release(self, slots: AbstractSet[int]) -> None:
        """Stop the tasks of slots that another worker waits for."""
        assert self._reconciler is not None
        self._ownership.changed("revoked", len(slots))
        released = asyncio.run_coroutine_threadsafe(self._reconciler.release(slots), self._loop)
        released.result(self._worker.task_shutdown_graceful_timeout_ms / 1000 + _OVER_SECS)

    # The event loop calls these.

    def _see(self, view: ConfigView) -> None:
        assert self._reconciler is not None
        assert self._membership is not None
        self._reconciler.see(view)
        for namespace, level in view.loggers.items():
            self.cluster.follow_level(namespace, level)
        needed = partitions_needed(view)
        if needed > self._needed:
            self._needed = needed
            self._more_needed.set()

    async def _keep_enough(self, membership: Membership) -> None:
        """Make the assignment topic have a partition for every slot, whoever gave it out, and have them assigned."""
        while True:
            await self._more_needed.wait()
            self._more_needed.clear()
            needed = self._needed
            try:
                await asyncio.to_thread(grow, self._worker, needed)
            except TemporaryError as error:
                self._log.warning("waiting", reason=str(error), again_in_secs=_AGAIN_SECS)
                await self._ambient.clock.sleep(_AGAIN_SECS)
                self._more_needed.set()
            else:
                membership.rescan(needed)

    async def _mend_topics(self, membership: Membership) -> None:
        """Make the assignment and lease topics again where somebody deleted them: they hold nothing, and without them nothing runs."""
        specs = [assignment_spec(self._worker), lease_spec(self._worker)]
        while True:
            await self._ambient.clock.sleep(_MEND_SECS)
            gone = membership.topic_is_gone
            if membership.problem is None and not gone:
                continue
            try:
                made = await asyncio.to_thread(ensure_storage, self._worker, specs)
                await asyncio.to_thread(grow, self._worker, max(1, self._needed))
            except WellheadError as error:
                self._log.warning("waiting", reason=str(error), again_in_secs=_MEND_SECS)
            else:
                if made:
                    self._log.warning("topics_made_again", topics=made)
                if made or gone:  # by another worker, perhaps
                    membership.rescan(self._needed)

    async def _apply_files(self) -> None:
        """Make the connectors that are kept in files, or bring them to what the files say."""
        by = Caller("files", Role.ADMIN, "")
        for name, words in sorted(self._connectors.items()):
            try:
                before = self.cluster.stored(name)
                if before != {**words, "name": name}:
                    await self.cluster.put_config(name, words, by=by)
                    self._log.info("connector_applied", connector=name, made=before is None)
            except ApiError as error:
                self._log.error("connector_refused", connector=name, reason=error.message)

    def _lane_message(self, name: str, backfill: str) -> str:
        place = None if self._reconciler is None else self._reconciler.places.get((name, backfill))
        if place is None:
            return ""
        report = place.report()
        return report.trace or "; ".join(task.supervisor.state().message for task in place.tasks)

    async def _settle_backfills(self, reconciler: Reconciler) -> None:
        """Write which backfills have come to their end; their cursors say so already, so that this may be late or come twice."""
        while True:
            await self._ambient.clock.sleep(_SETTLE_SECS)
            for (name, lane), place in list(reconciler.places.items()):
                supervisors = [task.supervisor for task in place.tasks]
                if any(isinstance(supervisor, LaneSupervisor) and supervisor.done for supervisor in supervisors):
                    try:
                        await self.cluster.settle_backfill(name, str(lane), self._ambient.clock.now_ms())
                    except (ApiError, WellheadError) as error:
                        self._log.warning("waiting", reason=str(error), again_in_secs=_SETTLE_SECS)

    async def _watch_lease(self, membership: Membership) -> None:
        """Let go of everything the moment the lease runs out, and take it up again once it is renewed."""
        assert self._reconciler is not None
        while True:
            lease = membership.lease
            if not await lease.wait():
                await asyncio.sleep(0.05)  # ended for good; the next membership brings another
                continue
            self._reconciler.look()
            await lease.wait_over()
            self._reconciler.look()


def _worker_id(worker: WorkerSettings, urls: list[str]) -> str:
    """Give the name by which others see the worker: host and port, as Connect's."""
    first = urlsplit(urls[0]) if urls else None
    bound = first.hostname if first is not None and first.hostname not in {None, "0.0.0.0", "::"} else socket.gethostname()  # noqa: S104 - compared
    host = worker.rest_advertised_host_name or bound
    port = worker.rest_advertised_port or (first.port if first is not None and first.port else os.getpid())
    return f"{host}:{port}"
