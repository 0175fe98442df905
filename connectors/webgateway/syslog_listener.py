"""Takes an inbox and addresses, gives what senders send there to it, as far as it has room; never reads ahead of that, nor outlives its block.

A TCP connection is read only while what it sent before is being committed as fast: the sender's own buffer fills, and it waits or drops.
UDP cannot wait: what finds no room is dropped and counted.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.webgateway.syslog_framing import Frame, Framing
from connectors.webgateway.syslog_inbox import Inbox
from wellhead import PermanentError, TemporaryError

_READ_BYTES = 64 * 1024
# Of which twice as much may be read ahead of the inbox.
_AHEAD_BYTES = 8 * 1024
_HANDSHAKE_SECS = 10.0
_UDP_BUFFER_BYTES = 8 << 20
_BACKLOG = 100
_PAUSE_SECS = 1.0
_SO_MEMINFO = 55  # of Linux; the last of nine numbers is what was dropped
_DROPS = struct.Struct("=9I")


@dataclass(frozen=True, slots=True)
class Door:
    """Who may send how much, and where.

    Attributes:
        host: Address to receive on.
        tcp_port: Port for TCP, None for none.
        udp_port: Port for UDP, None for none.
        tls: How TCP is encrypted, None for not at all.
        senders: Networks that may send; empty for all.
        connections: Most TCP connections.
        connections_each: Most of one address.
        message_bytes: The longest message.
        idle_secs: After how long of silence a connection is closed.
    """

    host: str
    tcp_port: int | None
    udp_port: int | None
    tls: ssl.SSLContext | None
    senders: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    connections: int
    connections_each: int
    message_bytes: int
    idle_secs: float

    def lets_in(self, address: str) -> bool:
        """Tell whether that address may send."""
        source = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(source, "ipv4_mapped", None) or source
        return not self.senders or any(mapped in network for network in self.senders)


class Listener:
    """Receives while a block lasts.

    Args:
        inbox: Where it goes.
        door: Where from.

    Attributes:
        dropped: How many messages or connections were turned away, by reason.
    """

    def __init__(self, inbox: Inbox, door: Door) -> None:
        self._inbox = inbox
        self._door = door
        self._open: Counter[str] = Counter()
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self.dropped: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        door, loop = self._door, asyncio.get_running_loop()
        try:
            if door.tcp_port is not None:
                bound = _bound(door.host, door.tcp_port, socket.SOCK_STREAM)
                bound.listen(_BACKLOG)
                self._accepting = asyncio.create_task(self._accept(bound))
            if door.udp_port is not None:
                bound = _bound(door.host, door.udp_port, socket.SOCK_DGRAM)
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER_BYTES)
                self._datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=bound)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        await self.aclose()

    async def aclose(self) -> None:
        """Take nothing any more and close every connection; twice does no harm."""
        self.deaf()
        for connection in self._connections:
            connection.cancel()
        if ending := {*self._connections, *([self._accepting] if self._accepting else [])}:
            await asyncio.wait(ending)

    def deaf(self) -> None:
        """Let nobody in any more; who is connected stays so."""
        if self._accepting is not None:
            self._accepting.cancel()
        if self._datagrams is not None:
            self._datagrams.close()

    # TCP

    async def _accept(self, bound: socket.socket) -> None:
        """Let connections in, or turn them away before anything of theirs is read, a handshake included."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(bound)
                except OSError:  # it went again, or this process has no more files: others may close some
                    await asyncio.sleep(_PAUSE_SECS)
                    continue
                address = str(peer[0])
                if refused := self._refusal(address):
                    self.dropped[refused] += 1
                    accepted.close()
                    continue
                self._open[address] += 1
                connection = asyncio.create_task(self._connected(accepted, address))
                self._connections.add(connection)
                connection.add_done_callback(self._connections.discard)
        finally:
            loop.remove_reader(bound)
            bound.close()

    async def _connected(self, accepted: socket.socket, address: str) -> None:
        reader = asyncio.StreamReader(_AHEAD_BYTES)
        transport: asyncio.BaseTransport | None = None
        tls = self._door.tls
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader),
                accepted,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else _HANDSHAKE_SECS,
            )
            await self._read(address, reader)
        except OSError:
            self.dropped["connection_lost"] += 1
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
            else:
                accepted.close()

    def _refusal(self, address: str) -> str:
        if not self._door.lets_in(address):
            return "sender_not_allowed"
        if self._open.total() >= self._door.connections:
            return "too_many_connections"
        return "too_many_of_one_sender" if self._open[address] >= self._door.connections_each else ""

    async def _read(self, address: str, reader: asyncio.StreamReader) -> None:
        """Read a connection to its end; what was read of one that breaks is kept."""
        framing, lane, received = Framing(self._door.message_bytes), object(), b""
        try:
            while True:
                await self._inbox.room(lane)
                async with asyncio.timeout(self._door.idle_secs):
                    received = await reader.read(_READ_BYTES)
                if not received:
                    break
                # Asked again: many may have come meanwhile, and messages weigh more than their bytes.
                await self._inbox.room(lane)
                self._inbox.put(address, lane, framing.feed(received))
                received = b""
        except TimeoutError:
            self.dropped["connection_idle"] += 1
        except asyncio.CancelledError:
            # The listener closes. What was read stays in the inbox, where it is counted, also what was read ahead of it.
            reader.feed_eof()
            ahead = await reader.read()  # which waits for nothing behind an end
            self._keep(address, lane, framing.feed(received), [*framing.feed(ahead), *framing.cut()])
            raise
        self._inbox.put(address, lane, framing.end())
        await self._inbox.settled(lane)

    def _keep(self, address: str, lane: object, read: list[Frame], ahead: list[Frame]) -> None:
        self._inbox.put(address, lane, read)
        if not self._inbox.is_full:  # its lane's own bound is for who goes on sending
            self._inbox.put(address, lane, ahead)
        elif ahead:
            self.dropped["stopped"] += len(ahead)

    # UDP

    def look(self) -> None:
        """Count what the kernel has dropped since the socket was opened, because nobody read as fast as it came."""
        if self._datagrams is None:
            return
        bound = self._datagrams.get_extra_info("socket")
        with suppress(OSError, struct.error):  # a kernel that does not tell
            self.dropped["kernel_buffer"] = _DROPS.unpack(bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.size))[-1]

    def datagram(self, received: bytes, address: str) -> None:
        """Take one datagram in, which is one message."""
        if not self._door.lets_in(address):
            self.dropped["sender_not_allowed"] += 1
        elif not self._inbox.has_room(address):
            self.dropped["no_room"] += 1
        elif line := received.rstrip(b"\r\n\0"):
            most = self._door.message_bytes
            told = f"the message is longer than {most:,} bytes (option `syslog_line_max_bytes`); only its beginning is kept"
            self._inbox.put(address, address, [Frame(line) if len(line) <= most else Frame(line[:most], told)])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._listener.datagram(data, str(addr[0]))


def tls_of(cert_file: Path, key_file: Path | None, password: str | None, client_ca_file: Path | None) -> ssl.SSLContext:
    """Give how TCP is encrypted.

    Raises:
        PermanentError: A file cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # An empty password is never asked for at the terminal.
        context.load_cert_chain(cert_file, key_file, password or "")
        if client_ca_file is not None:
            context.load_verify_locations(client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise PermanentError(
            f"syslog: the certificate cannot be used: {error.strerror or type(error).__name__}. See syslog_cert_file, "
            "syslog_key_file, syslog_key_password and syslog_client_ca_file"
        ) from None
    return context


def networks(texts: Sequence[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Give networks that are written as text.

    Raises:
        ValueError: One is none.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def _bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            with suppress(OSError):
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        told = f"syslog: cannot listen on {host}:{port}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:  # as by a worker that is about to give the task up
            raise TemporaryError(f"{told}. If nothing is about to leave it, set another port", after_secs=1) from None
        raise PermanentError(f"{told}. Set syslog_host and its ports to an address of this machine that is free") from None
    return bound
