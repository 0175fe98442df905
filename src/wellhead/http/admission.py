"""Takes wishes for live connections, admits as many as their destination and their tenant may have, in a fair order; never by one number for all."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Protocol

from wellhead.clock import Clock
from wellhead.config.streams import StreamsSettings
from wellhead.errors import TemporaryError
from wellhead.http.breaker import Breaker
from wellhead.http.lost import StreamLost
from wellhead.http.permit import Permit
from wellhead.telemetry.logs import get_logger

CHECK_SECS = 2.0
SHED_SHARE = 0.1
CALM_SECS = 60.0
"""After so long without more than the mark one connection is admitted at each look: memory that a process once had it may never give back."""
_MOMENT_SECS = 0.001
_LOW = 0.9
"""Shedding ends, and connections are admitted again, below this share of the mark."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the process holds now."""

    memory_bytes: int
    open_files: int


@dataclass(slots=True, eq=False)
class Ticket:
    """One who waits, or is in.

    Attributes:
        source: Connector and tenant.
        permit: Of the connection.
        turn: Done once it is admitted.
        why: What it waits for.
    """

    source: tuple[str, str]
    permit: Permit
    turn: asyncio.Future[None]
    why: str = ""


@dataclass(slots=True)
class Destination:
    """What is known of one host and port."""

    most: int
    breaker: Breaker
    open: list[Ticket] = field(default_factory=list)
    waiting: dict[tuple[str, str], deque[Ticket]] = field(default_factory=dict)
    pacing: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_connect_secs: float = 0.0


class Told(Protocol):
    """Hears what becomes of live connections; see `wellhead.telemetry.metrics.TaskTelemetry.upstream`."""

    def __call__(self, host: str, *, open_by: int = 0, waiting_by: int = 0, ended: str = "", breaker: str = "") -> None: ...


def _nobody(host: str, *, open_by: int = 0, waiting_by: int = 0, ended: str = "", breaker: str = "") -> None: ...


class Admission:
    """The door to live connections of one process; for one event loop.

    Of each destination so many may be open, and of each tenant of a connector; who waits for a destination gets there in turns of the
    tenants. Where the process holds too much, the newest connections are closed, and nobody is admitted until there is room again.

    Args:
        settings: The operator's `streams.*` options.
        clock: Every wait.
        random: Draws the jitter.
        load: What the process holds.
    """

    def __init__(self, settings: StreamsSettings, clock: Clock, random: Random, load: Callable[[], Load]) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._load = load
        self._destinations: dict[str, Destination] = {}
        self._of_source: Counter[tuple[str, str]] = Counter()
        self._newest: list[Ticket] = []
        self._overload = ""
        self._calm_secs = 0.0
        self._spare = 0
        self._is_told = False
        self._watching: asyncio.Task[None] | None = None
        self._log = get_logger("http")
        self.shed_count = 0

    def of(self, connector: str, tenant: str, told: Told = _nobody) -> TenantStreams:
        """Give the door as one tenant of a connector sees it; `told` hears what becomes of its connections."""
        return TenantStreams(self, (connector, tenant), told)

    def breaker_of(self, destination: str) -> str:
        """Give the state of a destination's circuit breaker: closed, open or half_open."""
        return self._at(destination).breaker.state

    @asynccontextmanager
    async def admitted(self, destination: str, call: str, source: tuple[str, str], waits: set[Ticket]) -> AsyncIterator[Permit]:
        """Wait for one's turn; the connection counts until the block ends.

        Raises:
            TemporaryError: Connections to this destination fail one after the other: it is left alone for a while.
        """
        permit = Permit(destination)
        if _matches(_host(destination), self._settings.streams_bypass):
            yield permit
            return
        at = self._at(destination)
        probes = at.breaker.ask(call)
        permit.on_open = at.breaker.worked
        try:
            async with self._place(at, source, permit, waits):
                permit.refuse_if_ended(call)
                probes = probes or at.breaker.ask(call)  # it may have opened meanwhile
                yield permit
        except StreamLost:
            raise
        except TemporaryError:
            if permit.is_asked and not permit.is_open:
                at.breaker.failed()
            raise
        finally:
            if probes and not permit.is_open:
                at.breaker.gave_up()

    # --- who is in

    @asynccontextmanager
    async def _place(self, at: Destination, source: tuple[str, str], permit: Permit, waits: set[Ticket]) -> AsyncIterator[None]:
        """Wait for a place; it is given up with the block."""
        ticket = Ticket(source, permit, asyncio.get_running_loop().create_future())
        waits.add(ticket)
        try:
            await self._turn(at, ticket)
        finally:
            waits.discard(ticket)
        try:
            yield
        finally:
            self._leave(at, ticket)

    async def _turn(self, at: Destination, ticket: Ticket) -> None:
        at.waiting.setdefault(ticket.source, deque()).append(ticket)
        self._admit(at)
        try:
            await ticket.turn
            await self._pace(at)
        except BaseException:
            if ticket in at.open:
                self._leave(at, ticket)
            else:
                self._forget(at, ticket)
            raise
        self._watch()

    def _admit(self, at: Destination) -> None:
        """Admit who may come in: the tenants take turns, each in the order of asking."""
        is_moving = True
        while is_moving:
            is_moving = False
            for source in list(at.waiting):
                if (self._overload and not self._spare) or len(at.open) >= at.most:
                    break
                if self._of_source[source] < self._settings.streams_max_per_tenant:
                    self._admit_first(at, source)
                    is_moving = True
        self._tell_why(at)

    def _admit_first(self, at: Destination, source: tuple[str, str]) -> None:
        queue = at.waiting.pop(source)
        ticket = queue.popleft()
        if queue:
            at.waiting[source] = queue  # behind the others
        if ticket.turn.done():  # given up just now
            return
        at.open.append(ticket)
        self._newest.append(ticket)
        self._of_source[source] += 1
        ticket.why = ""
        self._spare = max(0, self._spare - 1)
        ticket.turn.set_result(None)

    def _tell_why(self, at: Destination) -> None:
        for ahead, (source, queue) in enumerate(at.waiting.items()):
            for ticket in queue:
                ticket.why = self._why(at, source, ahead, ticket.permit.destination)

    def _why(self, at: Destination, source: tuple[str, str], ahead: int, destination: str) -> str:
        if self._overload:
            return f"waits: {self._overload}"
        if self._of_source[source] >= self._settings.streams_max_per_tenant:
            return f"waits: {self._of_source[source]} of {self._settings.streams_max_per_tenant} streams of this tenant are open (streams.max.per.tenant)"
        return f"waits: {len(at.open)} of {at.most} streams to {destination} are open, {ahead} tenants before it"

    def _forget(self, at: Destination, ticket: Ticket) -> None:
        queue = at.waiting.get(ticket.source)
        if queue is not None and ticket in queue:
            queue.remove(ticket)
            if not queue:
                del at.waiting[ticket.source]

    def _leave(self, at: Destination, ticket: Ticket) -> None:
        at.open.remove(ticket)
        self._newest.remove(ticket)
        self._of_source[ticket.source] -= 1
        for other in self._destinations.values():
            if other.waiting:
                self._admit(other)

    async def _pace(self, at: Destination) -> None:
        """Leave a moment between two connections to a destination: after an outage all of its streams come at once."""
        async with at.pacing:  # one after the other; who gives up has cost nobody anything
            wait_secs = at.next_connect_secs - self._clock.monotonic_secs()
            if wait_secs > _MOMENT_SECS:
                await self._clock.sleep(wait_secs)
            gap_secs = self._random.uniform(0.5, 1.5) / self._settings.streams_connects_per_sec
            at.next_connect_secs = self._clock.monotonic_secs() + gap_secs

    def _at(self, destination: str) -> Destination:
        at = self._destinations.get(destination)
        if at is None:
            settings = self._settings
            host = _host(destination)
            own = (each for pattern, each in settings.stream_limits() if fnmatchcase(host, pattern))
            most = next(own, settings.streams_max_per_destination)
            breaker = Breaker(destination, settings.streams_breaker_failures, settings.streams_breaker_open_secs, self._clock)
            at = self._destinations[destination] = Destination(most, breaker)
        return at

    # --- overload

    def _watch(self) -> None:
        is_bounded = self._settings.streams_memory_high_bytes is not None or self._settings.streams_files_high is not None
        if is_bounded and (self._watching is None or self._watching.done()):
            self._watching = asyncio.create_task(self._guard(), name="streams")

    async def _guard(self) -> None:
        """Look at the load while anything is open."""
        while self._newest or self._overload:
            await self._clock.sleep(CHECK_SECS)
            await self.relieve()

    async def relieve(self) -> None:
        """Close the newest connections where the process holds too much; admit again once it does not."""
        reason = self._too_much(1.0)
        if reason and self._newest:
            victims = self._newest[-max(1, round(len(self._newest) * SHED_SHARE)) :][::-1]
            self.shed_count += len(victims)
            self._log.warning("streams_shed", reason=reason, closed=len(victims), open=len(self._newest) - len(victims))
            self._overload, self._calm_secs = reason, 0.0
            for victim in victims:
                await victim.permit.end("shed")
        elif reason and self._overload:
            self._calm_secs = 0.0
            self._tell_shut(reason)
        elif self._overload and not self._too_much(_LOW):
            self._overload, self._is_told = "", False
            self._log.info("streams_admitted_again", open=len(self._newest))
            self._admit_all()
        elif self._overload:
            self._calm_secs += CHECK_SECS
            self._spare = int(self._calm_secs > CALM_SECS)
            self._admit_all()
            self._spare = 0

    def _tell_shut(self, reason: str) -> None:
        """Say once that closing every connection did not help: only a person can end that."""
        if not self._is_told:
            self._is_told = True
            self._log.error(
                "streams_shut_out",
                reason=reason,
                next_step="raise the mark, or restart the worker: no connection is left to close",
            )

    def _admit_all(self) -> None:
        for at in self._destinations.values():
            self._admit(at)

    def _too_much(self, share: float) -> str:
        settings, load = self._settings, self._load()
        if settings.streams_memory_high_bytes is not None and load.memory_bytes > share * settings.streams_memory_high_bytes:
            return f"the worker holds {load.memory_bytes:,} bytes, more than streams.memory.high.bytes {settings.streams_memory_high_bytes:,}"
        if settings.streams_files_high is not None and load.open_files > share * settings.streams_files_high:
            return f"the worker has {load.open_files:,} files and sockets open, more than streams.files.high {settings.streams_files_high:,}"
        return ""


class TenantStreams:
    """The door as one tenant of a connector sees it; a `wellhead.http.streams.Streams`."""

    def __init__(self, admission: Admission, source: tuple[str, str], told: Told) -> None:
        self._admission = admission
        self._source = source
        self._told = told
        self._waits: set[Ticket] = set()

    @property
    def waiting(self) -> str:
        """What the first of its connections that waits is waiting for; empty where none is."""
        return next((ticket.why for ticket in self._waits if ticket.why), "")

    @asynccontextmanager
    async def admitted(self, destination: str, call: str) -> AsyncIterator[Permit]:
        """See `Admission.admitted`."""
        host, permit = destination.rpartition("@")[2], None
        self._told(host, waiting_by=1)
        try:
            async with self._admission.admitted(destination, call, self._source, self._waits) as permit:
                self._told(host, waiting_by=-1, open_by=1)
                yield permit
        finally:
            if permit is None:
                self._told(host, waiting_by=-1, breaker=self._admission.breaker_of(destination))
            else:
                outcome = permit.ended or ("done" if permit.is_open else "failed")
                self._told(host, open_by=-1, ended=outcome, breaker=self._admission.breaker_of(destination))


def _host(destination: str) -> str:
    return destination.rpartition("@")[2].partition(":")[0].lower() if "[" not in destination else destination.lower()


def _matches(host: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(host, pattern.lower()) for pattern in patterns)
