"""Takes names and a way to receive each, gives what comes of all of them; makes each connection again by itself, never holds more than it may."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from random import Random
from types import TracebackType
from typing import Generic, Literal, Self, TypeVar, cast

from wellhead.backoff import Backoff
from wellhead.clock import Clock
from wellhead.errors import PermanentError, TemporaryError

ItemT = TypeVar("ItemT")
State = Literal["open", "waiting", "failed"]

FIRST_WAIT_SECS = 0.5
LONGEST_WAIT_SECS = 60.0
FAILED_WAIT_SECS = 600.0
"""So long a channel rests that failed for good while others are well: a person may mend it, and it is not asked in vain."""
_LEAST_BYTES = 256
_LIVED_SECS = 10.0


class Channels(Generic[ItemT]):
    """Keeps many live connections, each in a task of its own, and gives what comes of all of them; an `async with` block keeps them.

    What comes waits until it is taken. While more waits than may, nobody receives, so that nothing is read without a place to put it.
    At the end of the block every connection is closed.

    Args:
        receive: Opens a channel, from where it was received last, and gives its items until the connection ends. Whatever it raises is
            answered here: a `TemporaryError` by another try, later each time; a `PermanentError` by a long rest.
        names: The channels.
        clock: Every wait.
        size_of: Bytes of an item, about.
        max_bytes: Most bytes that wait to be taken; one item may exceed it.
        is_content: Whether an item is more than a sign of life: only then, or once it has lived for a while, is a connection taken for a
            good one, and the next wait short again.
        on_change: Told when a channel is open (its first item came), waits to be made again, or failed for good, and why.
        random: Draws the jitter.
    """

    def __init__(
        self,
        receive: Callable[[str], AsyncIterator[ItemT]],
        names: Iterable[str],
        *,
        clock: Clock,
        size_of: Callable[[ItemT], int],
        max_bytes: int,
        is_content: Callable[[ItemT], bool] = lambda _item: True,
        on_change: Callable[[str, State, str], None] = lambda _name, _state, _reason: None,
        random: Random | None = None,
    ) -> None:
        self._receive = receive
        self._names = tuple(names)
        self._clock = clock
        self._size_of = size_of
        self._max_bytes = max_bytes
        self._is_content = is_content
        self._on_change = on_change
        self._random = random or Random()  # noqa: S311 - jitter guards nothing
        self._items: deque[tuple[str, ItemT]] = deque()
        self._nbytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self._failed: dict[str, PermanentError] = {}
        self._open: set[str] = set()
        self._lost: dict[str, str] = {}
        self._defect: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._keep(name), name=f"channel {name}") for name in self._names]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trail: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def take(self, wait_secs: float) -> list[tuple[str, ItemT]]:
        """Give all that waits, by channel in the order it came, as soon as there is anything; nothing after `wait_secs`.

        Raises:
            PermanentError: Every channel failed for good; it is the first one's.
            TemporaryError: Nothing came, and no channel is open: it would be no sign of life to say so.
        """
        if not self._items:
            self._arrived.clear()
            self._raise_if_over()
            await self._arrival(wait_secs)
        taken = list(self._items)
        if not taken:
            self._raise_if_over()
            self._raise_if_none_is_open()
        self._items.clear()
        self._nbytes = 0
        self._room.set()
        return taken

    def _raise_if_over(self) -> None:
        if self._defect is not None:
            raise self._defect
        if self._names and len(self._failed) == len(self._names):
            raise next(iter(self._failed.values()))

    def _raise_if_none_is_open(self) -> None:
        if self._lost and not self._open:
            name, reason = next(iter(self._lost.items()))
            raise TemporaryError(f"none of {len(self._names)} channels is open; {name}: {reason}")

    async def _arrival(self, wait_secs: float) -> None:
        waits = [asyncio.ensure_future(wait) for wait in (self._arrived.wait(), self._clock.sleep(wait_secs))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
                with suppress(asyncio.CancelledError):
                    await wait

    async def _keep(self, name: str) -> None:
        """Receive one channel until cancelled."""
        backoff = Backoff(FIRST_WAIT_SECS, LONGEST_WAIT_SECS, self._random)
        while True:
            wait_secs, reason = 0.0, "its connection ended"
            try:
                await self._listen(name, backoff)
                wait_secs = backoff.next_secs()
            except TemporaryError as error:
                wait_secs, reason = max(error.after_secs or 0.0, backoff.next_secs()), str(error)
            except PermanentError as error:
                self._failed[name] = error
                self._lost[name] = str(error)
                self._arrived.set()
                self._on_change(name, "failed", str(error))
                await self._clock.sleep(FAILED_WAIT_SECS * self._random.uniform(1.0, 1.1))
                continue
            except Exception as error:  # noqa: BLE001 - raised again where it is taken
                self._defect = error
                self._arrived.set()
                return
            self._lost[name] = reason
            self._on_change(name, "waiting", reason)
            await self._clock.sleep(wait_secs)

    async def _listen(self, name: str, backoff: Backoff) -> None:
        """Receive over one connection."""
        began_secs = self._clock.monotonic_secs()
        try:
            async with aclosing(cast("AsyncGenerator[ItemT]", self._receive(name))) as items:
                async for item in items:
                    if self._is_content(item):
                        backoff.reset()
                    if name not in self._open:
                        self._open.add(name)
                        self._failed.pop(name, None)
                        self._lost.pop(name, None)
                        self._on_change(name, "open", "")
                    await self._put(name, item)
        finally:
            if name in self._open and self._clock.monotonic_secs() - began_secs >= _LIVED_SECS:
                backoff.reset()
            self._open.discard(name)

    async def _put(self, name: str, item: ItemT) -> None:
        size = max(self._size_of(item), _LEAST_BYTES)
        async with self._turn:  # in the order of asking, so that one channel in a hurry leaves room to the others
            while self._defect is not None or (self._nbytes and self._nbytes + size > self._max_bytes):
                self._room.clear()
                await self._room.wait()
            self._items.append((name, item))
            self._nbytes += size
            self._arrived.set()
