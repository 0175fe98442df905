"""Takes a rate and a length of life, serves event streams that die in every way a stream can; plain asyncio, shares no code with what reads it.

    python -m benchmarks.flapserver PER_SEC LIFE_SECS

It prints its port. `/_state` tells how many are open and what became of the others, `/_flap` lets them die from now on, `/_calm` lets them live,
`/_end` lets no further event come. Event n of a channel is made by rule and kept for ever, so whoever comes again loses none.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
import time
import zlib
from collections import Counter

BEAT_SECS = 0.5
HEARTBEAT_BEATS = 2
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
_BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)
"""Of SO_LINGER: closing resets."""
DEATHS = ("ended", "cut", "reset", "silent", "unanswered", "busy")
"""Properly; in the middle of an event; by a reset; alive without a byte; no answer at all; 503."""
_UNBORN = ("unanswered", "busy")


class FlapServer:
    """Endless streams, all of one rate and out of step, that live for a while."""

    def __init__(self, per_sec: float, life_secs: float) -> None:
        self._per_sec = per_sec
        self._life_secs = life_secs
        self._random = random.Random(7)  # the same deaths in every run
        self._began_secs = time.monotonic()
        self._until_secs: float | None = None
        self._calmed = asyncio.Event()
        self._calmed.set()
        self._open: Counter[str] = Counter()
        self._most_of_one = 0
        self._count = 0
        self._deaths: Counter[str] = Counter()

    async def serve(self) -> None:
        """Serve until the process ends."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=2_048)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    def due(self, channel: str) -> int:
        """Give the number of a channel's newest event."""
        secs = (self._until_secs or time.monotonic()) - self._began_secs
        return int(secs * self._per_sec + zlib.crc32(channel.encode()) % 100 / 100)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split(" ", 2)[1]
            if path.startswith("/_"):
                await self._told(path[2:], writer)
                return
            await self._stream(path[1:], _last_id(request), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _told(self, word: str, writer: asyncio.StreamWriter) -> None:
        match word:
            case "flap":
                self._calmed.clear()
            case "calm":
                self._calmed.set()
            case "end":
                self._until_secs = self._until_secs or time.monotonic()
            case _:
                pass
        state = {
            "open": sum(self._open.values()),
            "opened": self._count,
            "most_of_one": self._most_of_one,
            "deaths": self._deaths,
            "due": {channel: self.due(channel) for channel in self._open},
        }
        body = json.dumps(state).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async def _stream(self, channel: str, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        self._open[channel] += 1
        self._most_of_one = max(self._most_of_one, self._open[channel])
        dying = asyncio.ensure_future(self._live(channel, number, writer))
        leaving = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait([dying, leaving], return_when=asyncio.FIRST_COMPLETED)
            self._deaths["left"] += not dying.done()
        finally:
            self._open[channel] -= 1
            for task in (dying, leaving):
                task.cancel()
            await asyncio.wait([dying, leaving])
            for task in (dying, leaving):
                task.cancelled() or task.exception()

    async def _live(self, channel: str, number: int, writer: asyncio.StreamWriter) -> None:
        """Push until it is time to die, then die."""
        death = self._random.choice(DEATHS)
        until_secs = time.monotonic() + self._random.expovariate(1 / self._life_secs)
        if death not in _UNBORN or self._calmed.is_set():
            writer.write(_HEAD)
            beat = 0
            while self._calmed.is_set() or time.monotonic() < until_secs:
                due, piece = self.due(channel), b": alive\n\n" if beat % HEARTBEAT_BEATS == 0 else b""
                beat += 1
                for each in range(number + 1, due + 1):
                    piece += b'id: %d\ndata: {"seq":%d,"filling":"%s"}\n\n' % (each, each, b"x" * 200)
                number = max(number, due)
                if piece:
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    await writer.drain()
                await asyncio.sleep(BEAT_SECS)
        self._deaths[death] += 1
        await self._die(death, writer)

    async def _die(self, death: str, writer: asyncio.StreamWriter) -> None:
        match death:
            case "ended":
                writer.write(b"0\r\n\r\n")
            case "busy":
                writer.write(_BUSY)
            case "cut":
                writer.write(b"40\r\nid: 999999999\ndata: cut")
            case "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                writer.transport.abort()
            case _:
                await self._calmed.wait()


def _last_id(request: str) -> int:
    for line in request.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "last-event-id":
            return int(value)
    return 0


if __name__ == "__main__":
    asyncio.run(FlapServer(float(sys.argv[1]), float(sys.argv[2])).serve())
