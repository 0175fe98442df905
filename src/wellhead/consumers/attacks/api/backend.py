"""Takes questions for one store from the event loop, gives its answers within a time; never lets a slow store pile up threads or waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Final, TypeVar

from wellhead.clock import Clock
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.errors import TemporaryError, WellheadError
from wellhead.telemetry.logs import get_logger

T = TypeVar("T")
Ask = Callable[[Reader], T]

AT_ONCE: Final = 8
MOST_WAITING: Final = 64
MIRRORED_AT_ONCE: Final = 2
RETRY_SECS: Final = 2.0


class Lane:
    """Some threads that ask one store; for the event loop.

    Args:
        name: The store's name, for messages.
        reader: What they ask.
        at_once: Threads.
        most: Questions under way and waiting, all together; beyond it one fails at once.
    """

    def __init__(self, name: str, reader: Reader, at_once: int, most: int) -> None:
        self._name = name
        self._reader = reader
        self._pool = ThreadPoolExecutor(at_once, f"ask-{name}")
        self._most = most
        self._held = 0
        self._lock = Lock()

    async def ask(self, ask: Ask[T], timeout_secs: float) -> T:
        """Ask in a thread and give the answer.

        Raises:
            TemporaryError: No answer in time, or too many wait already; or what `ask` raises.
        """
        with self._lock:
            if self._held >= self._most:
                raise TemporaryError(
                    f"store {self._name!r} has {self._held} questions to answer already", after_secs=RETRY_SECS
                )
            self._held += 1
        try:
            future = self._pool.submit(ask, self._reader)
        except RuntimeError:
            self._leave(None)
            raise TemporaryError(f"store {self._name!r} is asked no more: the process is being stopped") from None
        future.add_done_callback(self._leave)
        try:
            async with asyncio.timeout(timeout_secs):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            # The thread ends by itself: the store's own timeout is no longer than this one.
            message = f"store {self._name!r} did not answer within {timeout_secs:g} s (serve.timeout.secs); is it up, and its load normal?"
            raise TemporaryError(message, after_secs=RETRY_SECS) from None

    def close(self) -> None:
        """Take no more questions; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _future: Future[Any] | None) -> None:
        with self._lock:
            self._held -= 1


class Backend:
    """One store of the API: a lane for those who wait for its answers, a narrow one for mirrored questions, and whether it is up.

    Args:
        name: The store's name.
        reader: Asks it.
        clock: Says since when it is up or down.
    """

    def __init__(self, name: str, reader: Reader, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._answering = Lane(name, reader, AT_ONCE, MOST_WAITING)
        self._mirrored = Lane(name, reader, MIRRORED_AT_ONCE, MOST_WAITING)
        self.is_up: bool | None = None
        self._since_ms = clock.now_ms()
        self._reason = ""

    async def ask(self, ask: Ask[T], timeout_secs: float, *, mirrored: bool = False) -> T:
        """Ask it, and note whether it is up.

        Raises:
            TemporaryError: It is away, busy, or too slow.
            PermanentError: It refuses us.
            ApiError: The question cannot be answered by any store.
        """
        lane = self._mirrored if mirrored else self._answering
        try:
            answer = await lane.ask(ask, timeout_secs)
        except TemporaryError as error:
            self._note(is_up=False, reason=str(error))
            raise
        self._note(is_up=True, reason="")
        return answer

    async def probe(self, timeout_secs: float) -> None:
        """Find out whether it answers and lets us read; never raises."""
        try:
            await self._answering.ask(Reader.ping, timeout_secs)
        except WellheadError as error:
            self._note(is_up=False, reason=str(error))
        else:
            self._note(is_up=True, reason="")

    def told(self) -> dict[str, Any]:
        """Give what `/health` says of it."""
        state = {True: "up", False: "down", None: "not asked yet"}[self.is_up]
        return {"state": state, "since_ms": self._since_ms, **({"reason": self._reason} if self._reason else {})}

    def close(self) -> None:
        """Ask no more."""
        self._answering.close()
        self._mirrored.close()

    def _note(self, *, is_up: bool, reason: str) -> None:
        self._reason = reason
        if is_up is self.is_up:
            return
        was, self.is_up, self._since_ms = self.is_up, is_up, self._clock.now_ms()
        log = get_logger("attacks.api")
        if not is_up:
            log.error("a store does not answer", store=self.name, reason=reason)
        elif was is False:
            log.info("a store answers again", store=self.name)
