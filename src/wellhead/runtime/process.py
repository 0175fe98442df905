"""Takes a deployment, gives a worker with its logs, metrics, health page and tasks around it; closes all of them in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from wellhead.clock import Clock
from wellhead.config.deployment import Deployment
from wellhead.rest.health import create_app
from wellhead.rest.serving import Serving, serve
from wellhead.runtime.ambient import Ambient, no_step
from wellhead.runtime.assemble import assemble, assemble_lane
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.lane import LaneSupervisor
from wellhead.runtime.worker import Worker
from wellhead.telemetry.logs import get_logger


class Process:
    """A worker and what it lives in, as an async context manager.

    Args:
        deployment: What to run.
        worker_id: How the process is named in logs and `/health`.
        once: End when every task is caught up once.
        step: Called at the named points where a crash must do no harm.
        backfills: What is also read, beside the live streams, by connector.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        worker_id: str,
        once: bool = False,
        step: Callable[[str], None] = no_step,
        clock: Clock | None = None,
        backfills: Mapping[str, Sequence[Backfill]] | None = None,
    ) -> None:
        worker = deployment.worker
        self._ambient = Ambient(worker, deployment.secrets(), once=once, step=step, clock=clock, worker_id=worker_id)
        self._log = get_logger("runtime")
        around = self._ambient.surroundings
        tasks = [task for loaded in deployment.connectors for task in assemble(loaded, around)]
        self.lanes = [
            assemble_lane(loaded, around, backfill)
            for loaded in deployment.connectors
            for backfill in (backfills or {}).get(loaded.name, ())
            if backfill.tenant == loaded.settings.tenant
        ]
        grace_secs = worker.task_shutdown_graceful_timeout_ms / 1000
        self.worker = Worker([*tasks, *self.lanes], grace_secs=grace_secs, worker_id=worker_id, clock=self._ambient.clock)
        self._deployment = deployment
        self._serving: Serving | None = None

    async def __aenter__(self) -> Self:
        for warning in self._deployment.warnings:
            self._log.warning("config_warning", path=warning.path, message=warning.message)
        self._ambient.settle()
        if self._deployment.worker.listeners:
            app = create_app(self.health, self._ambient.telemetry.render)
            self._serving = await serve(app, self._deployment.worker.listeners, self._deployment.worker)
        connectors = [connector.name for connector in self._deployment.connectors]
        self._log.info("started", version=self._ambient.version, connectors=connectors, listening=self.urls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            await self._serving.stop()
        self._ambient.close()
        self._log.info("stopped", failed=self.worker.failed)

    @property
    def lanes_done(self) -> bool:
        """Whether every backfill has come to its end."""
        return all(isinstance(lane.supervisor, LaneSupervisor) and lane.supervisor.done for lane in self.lanes)

    @property
    def urls(self) -> list[str]:
        """Where `/health` and `/metrics` are served; empty when `listeners` is."""
        return [] if self._serving is None else list(self._serving.urls)

    def health(self) -> dict[str, Any]:
        """Give what `/health` answers, without any secret (I6)."""
        shown: dict[str, Any] = self._ambient.redactor.value(self.worker.health())
        return shown
