"""Takes one entry of the `attacks` section, serves its read API with logs, metrics and probes around it; stops within seconds."""

from __future__ import annotations

import asyncio
import importlib.metadata
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from wellhead.clock import Clock, SystemClock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.deployment import Deployment
from wellhead.consumers.attacks.api.answering import Answering
from wellhead.consumers.attacks.api.app import create_api
from wellhead.consumers.attacks.api.backend import Backend
from wellhead.consumers.attacks.api.mirror import Mirror
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.consumers.attacks.api.switches import Switches
from wellhead.errors import ConfigError, Problem
from wellhead.rest.access import Access
from wellhead.rest.health import create_app
from wellhead.rest.serving import Serving, serve
from wellhead.search.store import SearchStore
from wellhead.telemetry.logs import configure, get_logger, log_uncaught
from wellhead.telemetry.setup import Telemetry, TelemetrySettings

PROBE_SECS: Final = 5.0


class AttacksApi:
    """The read API of one entry, as an async context manager: inside it answers.

    Args:
        deployment: What the files say.
        attacks: The entry to serve.
        read: Reads the entry again, in a thread; raises `WellheadError` where it cannot be used.
        paths: The files that are watched for changes.
        clock: The machine's unless given.
        chance: Picks what is mirrored.

    Raises:
        ConfigError: It has no store, or must not be served as the settings are; lists every reason.
    """

    def __init__(
        self,
        deployment: Deployment,
        attacks: AttacksSettings,
        read: Callable[[], AttacksSettings],
        paths: Sequence[Path] = (),
        *,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        worker = deployment.worker
        clock = clock or SystemClock()
        self._clock = clock
        self._worker = worker.model_copy(update={"listeners": attacks.serve.listeners})
        self._name = attacks.name
        self._access = _access_of(self._worker, attacks)
        self._version = importlib.metadata.version("wellhead")
        self._telemetry = Telemetry(TelemetrySettings.of(worker, self._version), clock)
        self._redactor = configure(
            worker.log_level, worker.log_format, deployment.secrets(), otlp=self._telemetry.logger_provider
        )
        self._log = get_logger("attacks.api")
        tally = self._telemetry.add_reads(attacks.name)
        self._stores = _stores_of(attacks, clock)
        self._backends = {name: Backend(name, Reader(store), clock) for name, store in self._stores.items()}
        self._switches = Switches(attacks, read, paths, clock, tally)
        self._mirror = Mirror(tally, clock)
        self._answering = Answering(
            backends=self._backends,
            switches=self._switches,
            mirror=self._mirror,
            tally=tally,
            clock=clock,
            random=chance or random.Random(),  # noqa: S311 - a sample, not a secret
        )
        tally.stores = lambda: {name: backend.is_up for name, backend in self._used().items()}
        tally.shares = self._shares
        self._stopping = asyncio.Event()
        self._servings: list[Serving] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        log_uncaught()
        api = create_api(self._answering, self._access, self.health, self._telemetry.render)
        try:
            self._servings.append(await serve(api, self._worker.listeners, self._worker))
            if self._worker.probe_listeners:
                probes = create_app(self.health, self._telemetry.render)
                self._servings.append(await serve(probes, self._worker.probe_listeners, self._worker))
        except ConfigError:
            await self.__aexit__(None, None, None)
            raise
        self._tasks = [asyncio.create_task(self._switches.follow()), asyncio.create_task(self._probe())]
        self._log.info("started", version=self._version, attacks=self._name, stores=list(self._backends), listening=self.urls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for serving in self._servings:
            await serving.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._mirror.close()
        for backend in self._backends.values():
            backend.close()
        for store in self._stores.values():
            store.close()
        self._telemetry.shutdown(1.0)
        self._log.info("stopped")

    async def run(self) -> None:
        """Answer until `stop`."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Have `run` return; call it on the event loop."""
        self._stopping.set()

    def reread(self) -> None:
        """Have the files read again now; call it on the event loop."""
        self._tasks.append(asyncio.create_task(self._switches.reread()))

    @property
    def urls(self) -> list[str]:
        """Where it answers."""
        return [url for serving in self._servings for url in serving.urls]

    def health(self) -> dict[str, Any]:
        """Give what `/health` answers, without any secret (I6).

        Unhealthy while a store that has to answer does not, even where the other one stands in; starting until each was asked.
        """
        used = self._used()
        needed = [name for name in used if self._has_to_answer(name)]
        down = [name for name in needed if used[name].is_up is False]
        if down:
            status, message = "unhealthy", f"no answer from {', '.join(down)}: see 'stores' and docs/guide/attacks-api.md"
        elif any(used[name].is_up is None for name in needed):
            status, message = "starting", "the stores have not been asked yet"
        elif self._switches.problem:
            status, message = "healthy", "a change of the files cannot be used, the former settings hold: see 'settings'"
        else:
            status, message = "healthy", "every store that has to answer does"
        stores = {name: backend.told() for name, backend in used.items()}
        told = {
            "status": status,
            "message": message,
            "attacks": self._name,
            "settings": self._switches.told(),
            "stores": stores,
        }
        shown: dict[str, Any] = self._redactor.value(told)
        return shown

    def _used(self) -> dict[str, Backend]:
        names = (self._switches.first, self._switches.current.mirror_to)
        return {name: self._backends[name] for name in names if name in self._backends}

    def _has_to_answer(self, name: str) -> bool:
        shift_percent = self._switches.current.shift_percent
        return shift_percent < 100 if name == self._switches.first else shift_percent > 0  # noqa: PLR2004 - all of them

    def _shares(self) -> dict[str, float]:
        return {"shift": self._switches.current.shift_percent, "mirror": self._switches.current.mirror_percent}

    async def _probe(self) -> None:
        while True:
            timeout_secs = self._switches.current.timeout_secs
            await asyncio.gather(*(backend.probe(timeout_secs) for backend in self._used().values()))
            await self._clock.sleep(PROBE_SECS)


def _stores_of(attacks: AttacksSettings, clock: Clock) -> dict[str, SearchStore]:
    """Give the stores, none of which waits longer for an answer than the API does."""
    most_secs = attacks.serve.timeout_secs
    return {
        name: SearchStore(
            settings.model_copy(update={"timeout_secs": min(settings.timeout_secs, most_secs)}), name=name, clock=clock
        )
        for name, settings in attacks.stores.items()
    }


def _access_of(worker: Any, attacks: AttacksSettings) -> Access:
    if attacks.read_store is None:
        raise ConfigError("read API", [Problem(f"attacks.{attacks.name}.stores", "required: the store to read from")])
    try:
        return Access.of(worker)
    except ConfigError as error:
        listeners = f"attacks.{attacks.name}.serve.listeners"
        told = [Problem(listeners if each.path == "worker.listeners" else each.path, each.message) for each in error.problems]
        raise ConfigError("read API", told) from error
