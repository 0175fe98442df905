"""Takes a server on loopback, gives an address in front of it whose network a test may cut and mend; never changes a byte."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from wellhead.stack import KafkaOptions, Stack
from wellhead.stack.kafka_files import ExtraListener
from wellhead.stack.ports import LOOPBACK, PortLease

_CHUNK_BYTES = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time at all: the end of the connection is an RST
_ANSWER_SECS = 30.0
T = TypeVar("T")


class Cut:
    """A proxy whose connections can be held, reset and refused; open in a `with` block.

    It runs in a thread of its own and may be told what to do from any other; each call returns when it has been done.

    Args:
        port: The server's port on loopback; nothing needs to listen there yet.

    Attributes:
        port: Where to connect instead.
        connections: How many were accepted so far.
        server_ports: The ports from which it has connected to the server, by which the server's log tells who came this way.
    """

    def __init__(self, port: int) -> None:
        self.connections = 0
        self.server_ports: set[int] = set()
        self._server_port = port
        # Bound and never listening: keeps the port ours, and refuses, while nobody listens.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"cut-{self.port}", daemon=True)
        self._thread.start()
        self._relay = self._call(_Relay.open(self))

    @property
    def address(self) -> str:
        """`host:port` to connect to."""
        return f"{LOOPBACK}:{self.port}"

    def black_hole(self, *, requests: bool = True, answers: bool = True) -> None:
        """Let nothing through and say nothing, on connections old and new; what was sent arrives after `heal`, as TCP has it.

        Args:
            requests: Whether what goes to the server is held.
            answers: Whether what comes from it is held.
        """
        self._call(self._relay.hold(requests=requests, answers=answers))

    def refuse(self) -> None:
        """Reset every connection and refuse new ones."""
        self._call(self._relay.refuse())

    def reset(self) -> None:
        """Reset every connection; new ones are welcome."""
        self._call(self._relay.reset())

    def heal(self) -> None:
        """Let everything through again."""
        self._call(self._relay.heal())

    def close(self) -> None:
        """End it and every connection; safe to call twice."""
        if self._loop.is_closed():
            return
        self._call(self._relay.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _call(self, action: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(action, self._loop).result(_ANSWER_SECS)


class _Relay:
    """The proxy's half that lives on its loop."""

    def __init__(self, cut: Cut, server_port: int) -> None:
        self._cut = cut
        self._server_port = server_port
        self._listening: asyncio.Server | None = None
        self._requests, self._answers = asyncio.Event(), asyncio.Event()
        self._requests.set()
        self._answers.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, cut: Cut) -> _Relay:
        relay = cls(cut, cut._server_port)  # noqa: SLF001 - its other half
        await relay.heal()
        return relay

    async def hold(self, *, requests: bool, answers: bool) -> None:
        for gate, held in ((self._requests, requests), (self._answers, answers)):
            gate.clear() if held else gate.set()

    async def refuse(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self.reset()

    async def reset(self) -> None:
        for writer in self._writers:
            _reset(writer)
        if self._connections:
            for connection in self._connections:
                connection.cancel()
            await asyncio.wait(self._connections)

    async def heal(self) -> None:
        self._requests.set()
        self._answers.set()
        if self._listening is None:
            self._listening = await asyncio.start_server(self._accept, sock=_bound(self._cut.port))

    async def close(self) -> None:
        await self.refuse()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listening is None:  # accepted before the refusal, and heard of after it
            _reset(writer)
            return
        self._cut.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(writer)
        try:
            # asyncio would report a cancelled connection as a failure of the server's.
            with suppress(asyncio.CancelledError, OSError):
                await self._requests.wait()
                await self._relay(reader, writer)
        finally:
            self._writers.discard(writer)
            self._connections.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._server_port)
        except OSError:
            _reset(writer)
            return
        self._writers.add(server_writer)
        self._cut.server_ports.add(server_writer.get_extra_info("sockname")[1])
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, server_writer, self._requests))
                both.create_task(_pump(server_reader, writer, self._answers))
        except* OSError:
            _reset(writer)
        finally:
            self._writers.discard(server_writer)
            server_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        await gate.wait()
        writer.write(data)
        await writer.drain()
    await gate.wait()
    writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((LOOPBACK, port))
    return made


@contextmanager
def cuttable_stack(
    count: int = 1, *, kafka: KafkaOptions | None = None, registry: bool = True
) -> Iterator[tuple[Stack, list[Cut]]]:
    """Give a one-broker stack and `count` proxies before its broker: a client that starts from a cut's address meets the broker only there.

    Args:
        count: How many, so that one client can be cut off and another not; clients of `stack.bootstrap_servers` never are.
        kafka: How the broker runs.
        registry: Whether there is a schema registry, too.
    """
    lease = PortLease()
    cuts: list[Cut] = []
    try:
        ports = lease.take(count)
        cuts += [Cut(port) for port in ports]
        listeners = tuple(
            ExtraListener(f"CUT{number}", port, cut.port) for number, (port, cut) in enumerate(zip(ports, cuts, strict=True))
        )
        with Stack.start(registry=registry, kafka=replace(kafka or KafkaOptions(), extra_listeners=listeners)) as stack:
            yield stack, cuts
    finally:
        for cut in cuts:
            cut.close()
        lease.release()
