"""Takes proofs of membership, gives the moment until which a worker may ask vendors, never one that a late answer brings back to life."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from wellhead.clock import Clock, SystemClock

PROOF_SECS: Final = 1.0
MARGIN_SECS: Final = 2.0
_LOOK_SECS = 1.0


class BootClock(SystemClock):
    """The machine's own time, which goes on while the machine is suspended wherever the system can tell."""

    def monotonic_secs(self) -> float:
        boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Lease:
    """How long the owner may go on asking vendors; read from any thread, moved only by the membership's.

    A lease that was ended stays ended: what was started under it can never be revived by a later membership. One that ran out may be
    renewed, for nobody else has been given its tasks as far as the group knows.

    Args:
        clock: Its `monotonic_secs` is the time of this lease; compare `until_secs` with no other.
        until_secs: When it runs out, at first.
    """

    def __init__(self, clock: Clock, until_secs: float = float("-inf")) -> None:
        self._clock = clock
        self._until_secs = until_secs
        self._ended = False
        self._lock = threading.Lock()
        self._renewals = _Waiters()
        self._ends = _Waiters()

    @property
    def until_secs(self) -> float:
        """When it runs out, in its clock's seconds; moves forward while proofs succeed."""
        return self._until_secs

    @property
    def ended(self) -> bool:
        """Whether it can never be valid again."""
        return self._ended

    def valid(self) -> bool:
        """Tell whether a request may begin now."""
        return self.left_secs() > 0

    def left_secs(self) -> float:
        """Give the seconds that are left; 0 when it ran out."""
        return max(0.0, self._until_secs - self._clock.monotonic_secs())

    async def wait(self) -> bool:
        """Return True once it is valid, False once it has ended; cancellable."""
        while not self.valid():
            with self._renewals.waiter() as moved:
                # Looked at again: it may have moved before there was anyone to wake.
                if self._ended:
                    return False
                if not self.valid():
                    await moved
        return True

    async def wait_over(self) -> None:
        """Return once it has run out or ended, however often it was renewed meanwhile; cancellable."""
        with self._ends.waiter() as ended:
            while (left_secs := self.left_secs()) > 0:
                # An event loop's timers stand still while the machine is suspended, so no single wait is trusted for long.
                nap = asyncio.ensure_future(self._clock.sleep(min(left_secs, _LOOK_SECS)))
                try:
                    await asyncio.wait((nap, ended), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    nap.cancel()

    def renew(self, until_secs: float) -> None:
        """Move the end forward to `until_secs`; never back, and not once ended."""
        with self._lock:
            if not self._ended:
                self._until_secs = max(self._until_secs, until_secs)
        self._renewals.wake()

    def end(self) -> None:
        """Let nothing begin under it any more, for good."""
        with self._lock:
            self._ended, self._until_secs = True, float("-inf")
        self._renewals.wake()
        self._ends.wake()


class _Waiters:
    """Futures of any event loop, finished from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}

    @contextmanager
    def waiter(self) -> Iterator[asyncio.Future[None]]:
        """Give a future that is finished by the next `wake`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._waiting[future] = loop
        try:
            yield future
        finally:
            with self._lock:
                self._waiting.pop(future, None)
            future.cancel()

    def wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future, loop in waiting.items():
            with suppress(RuntimeError):  # its loop is closed, and with it whoever waited
                loop.call_soon_threadsafe(_finish, future)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Proofs:
    """Reckons the lease from proofs sent and answered; knows no Kafka, safe to use from any thread.

    Args:
        clock: Dates the proofs; also the lease's time.
        session_secs: How long the group waits for a member that is silent.

    Attributes:
        lease: The one that proofs extend now; another takes its place when it is lost.
    """

    def __init__(self, clock: Clock, session_secs: float) -> None:
        self._clock = clock
        self._term_secs = session_secs - MARGIN_SECS
        self._lock = threading.Lock()
        self._number = 0
        self._sent_secs: dict[int, float] = {}
        self._due_secs = float("-inf")
        self.lease = Lease(clock)

    def due(self) -> bool:
        """Tell whether it is time to prove again."""
        return self._clock.monotonic_secs() >= self._due_secs

    def begin(self) -> int:
        """Give the number of a proof that is about to be sent; its term counts from now, before it leaves."""
        with self._lock:
            now_secs = self._clock.monotonic_secs()
            for number in [number for number, sent_secs in self._sent_secs.items() if now_secs - sent_secs >= self._term_secs]:
                del self._sent_secs[number]
            self._number += 1
            self._sent_secs[self._number] = now_secs
            self._due_secs = now_secs + PROOF_SECS
            return self._number

    def accepted(self, number: int) -> None:
        """Renew the lease by the proof `number`; one sent before the lease was lost counts for nothing."""
        with self._lock:
            sent_secs = self._sent_secs.pop(number, None)
            if sent_secs is not None:
                self.lease.renew(sent_secs + self._term_secs)

    def soon(self) -> None:
        """Make the next proof due at once."""
        self._due_secs = float("-inf")

    def lost(self) -> None:
        """End the lease for good, forget every proof under way, and begin another lease that needs proofs of its own."""
        with self._lock:
            self._sent_secs.clear()
            self._due_secs = float("-inf")
            self.lease.end()
            self.lease = Lease(self._clock)
