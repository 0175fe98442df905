"""Every socket of a client is counted, and a closed ledger opens none."""

import asyncio
import socket

import httpcore
import pytest

from wellhead.config.http import HttpSettings
from wellhead.http.sockets import SocketLedger, dead_peer_options


def test_dead_peer_options_are_those_this_system_has():
    """Keepalive is always on, and the limit on unacknowledged bytes is in milliseconds."""
    options = dead_peer_options(HttpSettings(read_timeout_secs=1.5))
    assert options[0] == (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500) in options


def test_probes_end_a_connection_when_they_say():
    """The limit on unacknowledged bytes, by which Linux goes instead of the count of probes, is never longer than the probes take."""
    options = dead_peer_options(
        HttpSettings(keepalive_idle_secs=2, keepalive_interval_secs=3, keepalive_probes=4, read_timeout_secs=60)
    )
    told = {name: value for level, name, value in options if level == socket.IPPROTO_TCP}
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    wanted = zip(names, (2, 3, 4, 14_000), strict=True)
    assert told == {getattr(socket, name): value for name, value in wanted if hasattr(socket, name)}


def test_sockets_are_counted_from_connect_to_close():
    """The count follows connects, closes and close_all; after that a connect is refused and leaves nothing."""

    async def scene():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ledger = SocketLedger([])
        async with server:
            first, _ = [await ledger.connect_tcp("127.0.0.1", port) for _ in range(2)]
            counts = [ledger.open_count]
            await first.aclose()
            counts.append(ledger.open_count)
            await ledger.close_all()
            with pytest.raises(httpcore.ConnectError, match="closed while connecting"):
                await ledger.connect_tcp("127.0.0.1", port)
            return [*counts, ledger.open_count]

    assert asyncio.run(scene()) == [2, 1, 0]
