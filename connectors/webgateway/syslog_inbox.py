"""Takes messages of many senders, holds what they weigh until they are committed; never lets one sender, or all, have more waiting than allowed."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass

from connectors.webgateway.syslog_framing import Frame

# What a message costs beside its bytes.
_FRAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages that came together.

    Attributes:
        sender: Address of who sent them.
        lane: What is bounded by itself: a connection, or a UDP sender.
        frames: They.
        weight: How many bytes they count for.
    """

    sender: str
    lane: object
    frames: list[Frame]
    weight: int


class Inbox:
    """The messages of all senders, for one event loop.

    Args:
        lane_bytes: Most bytes of one lane that wait for their commit; one piece more may be let in, so that any size moves on.
        most_bytes: Most bytes of all lanes.
    """

    def __init__(self, lane_bytes: int, most_bytes: int) -> None:
        self._lane_bytes = lane_bytes
        self._most_bytes = most_bytes
        self._held: Counter[object] = Counter()
        self._held_bytes = 0
        self._arrived: deque[Arrived] = deque()
        self._taken: deque[tuple[int, list[Arrived]]] = deque()
        self._arrival = asyncio.Event()
        self._released = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many messages have come and are not committed."""
        taken = (arrived for _, pieces in self._taken for arrived in pieces)
        return sum(len(arrived.frames) for arrived in (*taken, *self._arrived))

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for their commit."""
        return self._held_bytes

    @property
    def is_full(self) -> bool:
        """Whether as much waits of all lanes together as may."""
        return self._held_bytes >= self._most_bytes

    def has_room(self, lane: object) -> bool:
        """Tell whether more of a lane may be read."""
        return self._held[lane] < self._lane_bytes and not self.is_full

    async def room(self, lane: object) -> None:
        """Return once more of a lane may be put; whoever puts at once, without waiting for anything else, is the only one let in for it."""
        while not self.has_room(lane):
            self._released.clear()
            await self._released.wait()

    def put(self, sender: str, lane: object, frames: list[Frame]) -> None:
        """Take messages in."""
        if not frames:
            return
        weight = sum(len(frame.raw) + _FRAME_BYTES for frame in frames)
        self._held[lane] += weight
        self._held_bytes += weight
        self._arrived.append(Arrived(sender, lane, frames, weight))
        self._arrival.set()

    async def wait(self) -> None:
        """Return once there is something to take."""
        await self._arrival.wait()

    def take(self, most_bytes: int, number: int) -> list[Arrived]:
        """Take the oldest messages, at least one piece if there is any; `number` is how many will have been taken behind them."""
        taken: list[Arrived] = []
        weight = 0
        while self._arrived and (not taken or weight + self._arrived[0].weight <= most_bytes):
            taken.append(self._arrived.popleft())
            weight += taken[-1].weight
        if taken:
            self._taken.append((number, taken))
        if not self._arrived:
            self._arrival.clear()
        return taken

    def settle(self, number: int) -> None:
        """Make room for what was taken up to a number: it is committed."""
        while self._taken and self._taken[0][0] <= number:
            for arrived in self._taken.popleft()[1]:
                self._held_bytes -= arrived.weight
                self._held[arrived.lane] -= arrived.weight
                if not self._held[arrived.lane]:
                    del self._held[arrived.lane]
        self._released.set()

    def give_back(self, number: int) -> None:
        """Have what was taken behind a number be taken again, before all else: it was not committed."""
        self.settle(number)
        for _, pieces in reversed(self._taken):
            self._arrived.extendleft(reversed(pieces))
        self._taken.clear()
        if self._arrived:
            self._arrival.set()

    async def settled_to(self, number: int) -> None:
        """Return once nothing that was taken up to a number waits for its commit."""
        while self._taken and self._taken[0][0] <= number:
            self._released.clear()
            await self._released.wait()
        # The connections whose end waited for this close themselves in their next step.
        await asyncio.sleep(0)

    async def settled(self, lane: object) -> None:
        """Return once nothing of a lane waits for its commit."""
        while self._held[lane]:
            self._released.clear()
            await self._released.wait()
