"""Takes a rate, serves endless event streams that tell when each event was sent; plain asyncio, shares no code with what reads it.

    python -m benchmarks.pushserver PER_SEC

It prints its port. Any path is a stream; `/_open` answers how many are open. With a rate of 0 only signs of life are sent.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

HEARTBEAT_SECS = 15.0
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


class PushServer:
    """Endless streams, each of so many events a second, all of them out of step."""

    def __init__(self, per_sec: float) -> None:
        self._per_sec = per_sec
        self._open = 0
        self._count = 0

    async def serve(self) -> None:
        """Serve until the process ends."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=2_048)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if request.split(b" ", 2)[1] == b"/_open":
                body = json.dumps({"open": self._open, "sent": self._count}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                return
            self._open += 1
            pushing = asyncio.ensure_future(self._push(writer))
            try:
                await reader.read()  # the client's end
            finally:
                self._open -= 1
                pushing.cancel()
                await asyncio.wait([pushing])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _push(self, writer: asyncio.StreamWriter) -> None:
        every_secs = 1 / self._per_sec if self._per_sec else HEARTBEAT_SECS
        writer.write(_HEAD)
        loop = asyncio.get_running_loop()
        due_secs = loop.time() + every_secs * random.random()
        number = 0
        while True:
            await asyncio.sleep(due_secs - loop.time())
            due_secs += every_secs
            number += 1
            piece = b": alive\n\n"
            if self._per_sec:
                self._count += 1
                piece = b'id: %d\ndata: {"sent_ns":%d,"filling":"%s"}\n\n' % (number, time.time_ns(), b"x" * 200)
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()


if __name__ == "__main__":
    asyncio.run(PushServer(float(sys.argv[1])).serve())
