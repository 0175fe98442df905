"""Takes blocking calls, runs them one after the other on a thread of its own, never holds up the process's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

R = TypeVar("R")

LATE_SECS = 3.0
IDLE_SECS = 10.0
"""A thread that was not called for so long ends: a thousand tasks that rest need none."""

_Call = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class CallThread:
    """One thread for one task's blocking clients; it starts with the first call, and anew with the first after it was idle.

    A call that has begun runs to its end whatever happens to its caller. The thread is a daemon and is never joined: a client
    that waits for a server that is gone must not keep alive a process that was told to end.

    Args:
        name: How the thread is called.
        on_late: Called when a call has not come back after `late_secs`.
        on_return: Called once a late call has ended, with whether it succeeded.
        late_secs: Longer than any call takes while the other side is well.
        idle_secs: After so long without a call the thread ends.
    """

    def __init__(
        self,
        name: str,
        on_late: Callable[[], None],
        on_return: Callable[[bool], None],
        *,
        late_secs: float = LATE_SECS,
        idle_secs: float = IDLE_SECS,
    ) -> None:
        self._name = name
        self._on_late = on_late
        self._on_return = on_return
        self._late_secs = late_secs
        self._idle_secs = idle_secs
        self._ending = Lock()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._thread: Thread | None = None
        self._ended = False

    async def run(self, work: Callable[[], R], *, may_take_long: bool = False) -> R:
        """Run `work` on the thread, after the calls before it, and give its result.

        Args:
            work: The call.
            may_take_long: Its length says nothing of the other side, as with reading a topic.
        """
        if self._ended:
            raise asyncio.CancelledError(f"{self._name} has ended")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        if not may_take_long:
            self._watch(loop, future)
        with self._ending:
            self._calls.put((work, loop, future))
            if self._thread is None:
                self._thread = Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
        return await asyncio.shield(future)

    def shutdown(self) -> None:
        """End the thread after its present call; whoever waits for a call is cancelled."""
        self._ended = True
        self._calls.put(None)
        for future in tuple(self._waiting):
            future.cancel()

    def _watch(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        late = False

        def now_late() -> None:
            nonlocal late
            late = True
            self._on_late()

        def done(ended: asyncio.Future[Any]) -> None:
            timer.cancel()
            # Also tells the loop that the error of a call nobody waits for any more has been seen.
            answered = not ended.cancelled() and ended.exception() is None
            if late:
                self._on_return(answered)

        timer = loop.call_later(self._late_secs, now_late)
        future.add_done_callback(done)

    def _next(self) -> _Call | None:
        """Give the next call; None where none came for long, or none is to come."""
        try:
            return self._calls.get(timeout=self._idle_secs)
        except Empty:
            with self._ending:
                if not self._calls.empty():
                    return self._calls.get()
                self._thread = None
                return None

    def _serve(self) -> None:
        while (call := self._next()) is not None and not self._ended:
            work, loop, future = call
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                _tell(loop, future, error=error)
            else:
                _tell(loop, future, result=result)
            del work, loop, future, call


def _tell(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], *, result: object = None, error: BaseException | None = None
) -> None:
    def deliver() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(deliver)
