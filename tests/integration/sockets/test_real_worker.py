"""A worker publishes this machine's connections: whoever folds the topic, as the guide says, has exactly those there are."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from listening import Listening

from wellhead.stack import Stack

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time at all


class Gateway:
    """A server on loopback and the connections that clients hold to it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._sides: list[tuple[socket.socket, socket.socket]] = []

    def connect(self, count: int) -> None:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.port))
            self._sides.append((client, self._listener.accept()[0]))

    def close(self, count: int) -> None:
        """End the oldest ones, without a trace of them in TIME_WAIT."""
        ended, self._sides = self._sides[:count], self._sides[count:]
        for client, server in ended:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            server.close()

    @property
    def clients(self) -> set[int]:
        """The ports from which clients are connected."""
        return {client.getsockname()[1] for client, _ in self._sides}

    def end(self) -> None:
        self.close(len(self._sides))
        self._listener.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.end()


def folded(records: list[dict], port: int) -> set[int]:
    """Give the clients of `port` that are connected by the last record, each change as the guide says."""
    held: dict[tuple, dict] = {}
    whole = None
    for each in records:
        if each["change"] == "full" and each["sequence"] != whole:
            whole = each["sequence"]
            held.clear()
        key = (each["local_ip"], each["local_port"], each["remote_ip"], each["remote_port"])
        if each["change"] == "closed":
            held.pop(key, None)
        else:
            held[key] = each
    return {key[3] for key, each in held.items() if key[1] == port and each["state"] == "ESTABLISHED"}


@contextmanager
def watching(stack: Stack, unique: str, tmp_path, port: int, **options) -> Iterator[Listening]:
    words = {
        "connector.class": "sockets",
        "gateway": "gateway-1",
        "interval_secs": 1,
        "full_every": 5,
        "local_ports": str(port),
        **options,
    }
    made = Listening(stack, unique, tmp_path, words, {}, subject="sockets.connection")
    try:
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("method", ["netlink", "proc"])
def test_the_fold_is_what_there_is(stack, unique, tmp_path, gateway, method):
    """Through opening, closing and a SIGKILL between; connections that ended while nobody looked are gone, too."""
    with watching(stack, unique, tmp_path, gateway.port, method=method) as worker:

        def follows() -> bool:
            return folded(worker.records(), gateway.port) == gateway.clients

        gateway.connect(20)
        process = worker.start()
        worker.until(follows, "the first connections")
        gateway.close(5)
        gateway.connect(3)
        worker.until(follows, "those closed and opened")
        process.kill()
        process.wait(30)
        gateway.close(8)
        gateway.connect(2)
        worker.start()
        worker.until(follows, "what changed while nobody looked")
        assert len(gateway.clients) == 12
        mine = [each for each in worker.records() if each["local_port"] == gateway.port]
        assert {each["direction"] for each in mine} == {"client"}
        assert {(each["bytes_sent"] is None) for each in mine if each["state"] == "ESTABLISHED"} == {method == "proc"}
