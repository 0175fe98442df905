"""Takes the parts of a service, runs them with logs, metrics and a health page around them; stops within seconds."""

from __future__ import annotations

import asyncio
import importlib.metadata
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from wellhead.clock import Clock, SystemClock
from wellhead.config.deployment import Deployment
from wellhead.consumers.lag import LagProbe
from wellhead.consumers.parts import Part
from wellhead.consumers.supervise import Supervised
from wellhead.consumers.watch import Probe, Watch
from wellhead.kafka.settings import consumer_config
from wellhead.memory import tune_allocators
from wellhead.rest.health import create_app
from wellhead.rest.serving import Serving, serve
from wellhead.telemetry.logs import configure, get_logger, log_uncaught
from wellhead.telemetry.setup import Telemetry, TelemetrySettings

PartT = TypeVar("PartT", bound=Part)
MakersT = TypeVar("MakersT")

GRACE_SECS = 3.5
LOOK_SECS = 5.0
LOOK_ONCE_SECS = 0.3


class PartsService(ABC, Generic[PartT, MakersT]):
    """The parts of a service and what they live in, as an async context manager; the subclass says which parts, and what `told` of them.

    Args:
        deployment: What to run.
        makers: How the parts are made; the real ones unless given.
        probe: What looks up lags; the real one unless given.
        clock: The time; the machine's unless given.
        grace_secs: How long what is at work when the process is told to stop may take; then it is left to the next start, as after a crash.

    Attributes:
        abandoned: Whether a thread was still at work when the process gave up waiting for it.
    """

    what: ClassVar[str]
    """What the service is called in logs and by its guide, such as `attacks`."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        makers: MakersT | None = None,
        probe: Probe | None = None,
        clock: Clock | None = None,
        grace_secs: float = GRACE_SECS,
    ) -> None:
        worker = deployment.worker
        self.abandoned = False
        self._grace_secs = grace_secs
        self._clock = clock or SystemClock()
        self._version = importlib.metadata.version("wellhead")
        self._deployment = deployment
        self._telemetry = Telemetry(TelemetrySettings.of(worker, self._version), self._clock)
        self._redactor = configure(
            worker.log_level, worker.log_format, deployment.secrets(), otlp=self._telemetry.logger_provider
        )
        self._log = get_logger(self.what)
        self._halt = threading.Event()
        self._stopping = asyncio.Event()
        self._serving: Serving | None = None
        self._probe = probe or LagProbe(consumer_config(worker, client_id=f"{worker.group_id}-lag"), self._clock)
        self._parts = list(self._parts_of(makers or self._real_makers(), self._clock, self._halt))
        self._watch: Watch | None = None
        for part in self._parts:
            self._telemetry.add_part(part.tally)
            part.tally.onward = self._telemetry.onward(part.reader.topic, part.tally.labels, part.reader.group)

    @abstractmethod
    def _real_makers(self) -> MakersT:
        """Give what really makes parts; what that needs is loaded only then."""

    @abstractmethod
    def _parts_of(self, makers: MakersT, clock: Clock, stop: threading.Event) -> Sequence[PartT]:
        """Give the parts, and have them end when `stop` is set."""

    async def __aenter__(self) -> Self:
        log_uncaught()
        tune_allocators()
        if self._deployment.worker.listeners:
            app = create_app(self.health, self._telemetry.render)
            self._serving = await serve(app, self._deployment.worker.listeners, self._deployment.worker)
        for warning in self._deployment.warnings:
            self._log.warning("config_warning", path=warning.path, message=warning.message)
        parts = [part.reader.name for part in self._parts]
        self._log.info("started", version=self._version, parts=parts, listening=self.urls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halt.set()
        if self._serving is not None:
            await self._serving.stop()
        self._telemetry.shutdown(1.0)
        self._log.info("stopped", abandoned=self.abandoned)

    async def run(self, *, once: bool = False) -> bool:
        """Run every part until `stop`, or until everything their topics hold now is done; True where it was, or where nothing failed."""
        loop = asyncio.get_running_loop()
        outcome: list[bool] = []

        def finished(is_done: bool) -> None:  # noqa: FBT001 - a callback's only word
            outcome.append(is_done)
            loop.call_soon_threadsafe(self.stop)

        redact = self._redactor.text
        watch = Watch(self._parts, self._probe, self._clock, log=self.what, redact=redact, finished=finished if once else None)
        self._watch = watch
        every_secs = LOOK_ONCE_SECS if once else LOOK_SECS
        watching = threading.Thread(target=watch.run, args=(self._halt, every_secs), name="wellhead-lag", daemon=True)
        supervised = [self._supervised(part) for part in self._parts]
        for each in supervised:
            each.start()
        watching.start()
        await self._stopping.wait()
        self._halt.set()
        self.abandoned = not await asyncio.to_thread(_ended, supervised, watching, self._grace_secs)
        return outcome[0] if outcome else not once

    def _supervised(self, part: PartT) -> Supervised:
        return Supervised(
            part.reader.name,
            part.make,
            part.tally,
            clock=self._clock,
            stop=self._halt,
            log=self.what,
            redact=self._redactor.text,
        )

    def stop(self) -> None:
        """Have every part end after what is at work; call it on the event loop."""
        self._halt.set()
        self._stopping.set()

    @property
    def urls(self) -> list[str]:
        """Where `/health` and `/metrics` are served; empty when `listeners` is."""
        return [] if self._serving is None else list(self._serving.urls)

    def health(self) -> dict[str, Any]:
        """Give what `/health` answers, without any secret (I6): unhealthy while an alert stands, starting before every part has run."""
        status, message = self._status()
        trouble = self._watch.trouble if self._watch is not None else ""
        shown: dict[str, Any] = self._redactor.value(
            {"status": status, "message": message, **self.told(), "lag_unknown_because": trouble}
        )
        return shown

    def told(self) -> dict[str, Any]:
        """Give what `/health` says beside the status: of each part."""
        return {part.reader.name: part.tally.health() for part in self._parts}

    def _status(self) -> tuple[str, str]:
        now_ms = self._clock.now_ms()
        alerts: dict[str, list[str]] = {}
        waiting: list[str] = []
        for part in self._parts:
            with part.tally.lock:
                alerts[part.reader.name] = sorted(part.tally.standing(now_ms))
                state, _, message = part.tally.now
            if state in {"waiting", "failed", "rebuilding"}:
                waiting.append(f"{part.reader.name} is {state}: {message}")
        wrong = [f"{name} ({', '.join(found)})" for name, found in alerts.items() if found]
        if wrong:
            return "unhealthy", "; ".join([f"alerts stand for {', '.join(wrong)}: see docs/guide/{self.what}.md", *waiting])
        if not all(part.tally.has_run for part in self._parts):
            return "starting", "; ".join(["not every part has run yet", *waiting])
        return "healthy", "; ".join(waiting) or "every part is at work"


def _ended(supervised: list[Supervised], watching: threading.Thread, grace_secs: float) -> bool:
    """Wait for the threads, all together at most `grace_secs`; True where each has ended."""
    until_secs = time.monotonic() + grace_secs
    ended = [each.join(until_secs - time.monotonic()) for each in supervised]
    watching.join(max(0.0, until_secs - time.monotonic()))
    return all(ended) and not watching.is_alive()
