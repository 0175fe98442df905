"""Takes a deployment, runs its lookups side by side with logs, metrics and a health page around them; stops within seconds."""

from __future__ import annotations

import asyncio
import importlib.metadata
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from wellhead.clock import Clock, SystemClock
from wellhead.config.deployment import Deployment, LoadedLookup
from wellhead.consumers.lookup.build import Builder, no_step
from wellhead.consumers.lookup.lane import Lane
from wellhead.consumers.lookup.mappings import LoadedMapping, load_mappings
from wellhead.errors import ConfigError, Problem
from wellhead.memory import tune_allocators
from wellhead.rest.health import create_app
from wellhead.rest.serving import Serving, serve
from wellhead.targets import ThreadClock
from wellhead.telemetry.logs import configure, get_logger, log_uncaught
from wellhead.telemetry.lookups import LOOKUP, LookupTally
from wellhead.telemetry.setup import Telemetry, TelemetrySettings

# What is at work when the process is told to stop may take so long; then it is left to the next start, as after a crash.
GRACE_SECS = 4.0


class LookupService:
    """The lookups of a deployment and what they live in, as an async context manager.

    Args:
        deployment: What to run.
        force: Deliver in the first run what the guard would hold back.
        step: Called at the named points where a crash must do no harm.
        clock: When runs are due; the machine's unless given.

    Raises:
        ConfigError: A mapping cannot be used.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        force: bool = False,
        step: Callable[[str], None] = no_step,
        clock: Clock | None = None,
    ) -> None:
        worker = deployment.worker
        self._clock = clock or SystemClock()
        self._version = importlib.metadata.version("wellhead")
        self._deployment = deployment
        self._telemetry = Telemetry(TelemetrySettings.of(worker, self._version), self._clock)
        redactor = configure(worker.log_level, worker.log_format, deployment.secrets(), otlp=self._telemetry.logger_provider)
        self._redactor = redactor
        self._log = get_logger("lookup")
        self._halt = threading.Event()
        self._stopping = asyncio.Event()
        self._serving: Serving | None = None
        self.abandoned = False
        self._builders: list[Builder] = []
        self._lanes = {lookup.name: self._lane(lookup, force=force, step=step) for lookup in deployment.lookups}

    def _lane(self, lookup: LoadedLookup, *, force: bool, step: Callable[[str], None]) -> Lane:
        settings = lookup.settings
        tally = LookupTally(lookup.name, self._clock.now_ms(), settings.alert_delivery_age_secs)
        self._telemetry.add_lookup(tally)
        builder = Builder(
            lookup,
            self._deployment.worker,
            mappings_of(lookup),
            clock=ThreadClock(self._halt),
            stop=self._halt,
            step=step,
            onward=self._telemetry.onward(settings.topic, {LOOKUP: lookup.name}),
        )
        self._builders.append(builder)
        return Lane(lookup, builder, tally, clock=self._clock, redact=self._redactor.text, force=force)

    async def __aenter__(self) -> Self:
        log_uncaught()
        tune_allocators()
        if self._deployment.worker.listeners:
            app = create_app(self.health, self._telemetry.render)
            self._serving = await serve(app, self._deployment.worker.listeners, self._deployment.worker)
        for warning in self._deployment.warnings:
            self._log.warning("config_warning", path=warning.path, message=warning.message)
        self._log.info("started", version=self._version, lookups=list(self._lanes), listening=self.urls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            await self._serving.stop()
        if not self.abandoned:
            for builder in self._builders:
                builder.close()
        self._telemetry.shutdown(1.0)
        self._log.info("stopped", abandoned=self.abandoned)

    async def run(self, *, once: bool = False) -> bool:
        """Run every lookup until `stop`, or each once; True where every file of the last runs is as it should be."""
        lanes = [asyncio.create_task(lane.run(self._stopping, once=once), name=name) for name, lane in self._lanes.items()]
        stopping = asyncio.create_task(self._stopping.wait())
        pending: set[asyncio.Task[Any]] = {*lanes}
        while pending and not self._stopping.is_set():
            _, pending = await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            pending.discard(stopping)
        stopping.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=GRACE_SECS)
        self.abandoned = bool(pending)
        for lane in pending:
            lane.cancel()
        for lane in lanes:
            if lane.done() and not lane.cancelled():
                lane.result()
        return all(lane.last is not None and lane.last.good for lane in self._lanes.values())

    def stop(self) -> None:
        """Have every run end after what is at work; call it on the event loop."""
        self._halt.set()
        self._stopping.set()

    @property
    def urls(self) -> list[str]:
        """Where `/health` and `/metrics` are served; empty when `listeners` is."""
        return [] if self._serving is None else list(self._serving.urls)

    def health(self) -> dict[str, Any]:
        """Give what `/health` answers, without any secret (I6): unhealthy while an alert stands, starting before the first run ended."""
        now_ms = self._clock.now_ms()
        lookups = {name: lane.health(now_ms) for name, lane in self._lanes.items()}
        wrong = [name for name, each in lookups.items() if each["alerts"]]
        if wrong:
            status, message = "unhealthy", f"alerts stand for {', '.join(wrong)}: see 'lookups' and docs/guide/lookups.md"
        elif any(lane.last is None for lane in self._lanes.values()):
            status, message = "starting", "the first run has not ended yet"
        else:
            status, message = "healthy", "every file is as it should be"
        shown: dict[str, Any] = self._redactor.value({"status": status, "message": message, "lookups": lookups})
        return shown


def mappings_of(lookup: LoadedLookup) -> tuple[LoadedMapping, ...]:
    """Load a lookup's mappings.

    Raises:
        ConfigError: One cannot be used; every problem is listed under the lookup.
    """
    try:
        return load_mappings(lookup.settings.files)
    except ConfigError as error:
        path = f"lookups.{lookup.name}.files"
        raise ConfigError(f"lookup {lookup.name}", [Problem(path, str(problem)) for problem in error.problems]) from error
