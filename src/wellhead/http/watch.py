"""Takes waits for a peer, gives up those that are too long: for any byte, or for an event; time in which nobody asks for bytes does not count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wellhead.clock import Clock
from wellhead.http.lost import Reason, StreamLost

T = TypeVar("T")


class Watch:
    """The clock over one connection.

    Args:
        call: Method, host and path, for messages.
        silence_secs: Longest wait for a byte.
        progress_secs: Longest wait for an event, while bytes come; None watches for none.
        clock: Measures.
    """

    def __init__(
        self,
        call: str,
        *,
        silence_secs: float,
        progress_secs: float | None,
        clock: Clock,
    ) -> None:
        self._call = call
        self._silence_secs = silence_secs
        self._progress_secs = progress_secs
        self._clock = clock
        self._waited_secs = 0.0
        self._opened_secs = clock.monotonic_secs()

    def progressed(self) -> None:
        """Begin to wait for an event anew."""
        self._waited_secs = 0.0

    async def next(self, read: Callable[[], Awaitable[T]]) -> T:
        """Give what `read` gives.

        Raises:
            StreamLost: It takes too long.
        """
        left_secs = None if self._progress_secs is None else self._progress_secs - self._waited_secs
        if left_secs is not None and left_secs <= 0:
            raise self.lost("no_progress")
        limit_secs = self._silence_secs if left_secs is None else min(self._silence_secs, left_secs)
        began_secs = self._clock.monotonic_secs()
        try:
            async with asyncio.timeout(limit_secs):
                return await read()
        except TimeoutError:
            raise self.lost("silent" if limit_secs >= self._silence_secs else "no_progress") from None
        finally:
            self._waited_secs += self._clock.monotonic_secs() - began_secs

    def lost(self, reason: Reason) -> StreamLost:
        """Give the error that says so."""
        secs = self._clock.monotonic_secs() - self._opened_secs
        told = {
            "cut": "the connection ended in the middle",
            "reset": "the server, or something on the way, reset the connection",
            "silent": f"no byte for {self._silence_secs:g} s",
            "no_progress": f"bytes, but no event for {self._progress_secs or 0:g} s",
            "half_open": "the other side is gone without a word (found by TCP)",
            "shed": "closed here: this worker has more than it can hold",
            "closed": "the client was closed",
        }[reason]
        return StreamLost(f"{self._call}: {told}, after {secs:.0f} s; it will be opened again", reason)
