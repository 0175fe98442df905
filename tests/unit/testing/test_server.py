"""A simulator is served while a block lasts, says how many sockets are open, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest

from wellhead.errors import PermanentError
from wellhead.testing.server import serve


def test_a_block_has_a_server(toy):
    """Within the block the URL answers; after it, nothing listens and no thread is left."""
    simulator = toy()
    with serve(simulator) as url:
        assert httpx.get(f"{url}/items", trust_env=False).text == "x" * 4_000
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/items", trust_env=False)
    assert not any(thread.name == "simulator-toy" for thread in threading.enumerate())


def test_open_sockets_are_counted(toy):
    """A client that keeps its connection is seen, and no longer after it has closed."""
    simulator = toy()
    with serve(simulator) as url:
        with httpx.Client(trust_env=False) as client:
            client.get(f"{url}/items")
            assert simulator.open_connections == 1
        with httpx.Client(trust_env=False) as other:  # its answer comes after the server has seen the first one go
            for _ in range(100):
                other.get(f"{url}/items")
                if simulator.open_connections == 1:
                    break
            assert simulator.open_connections == 1
    assert simulator.open_connections == 0


def test_a_taken_port_is_told(toy):
    """A port somebody else holds is an error that names it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PermanentError, match=f"127.0.0.1:{port}.*Choose another port"), serve(toy(), port=port):
            pass


def test_a_mistake_in_a_simulator_is_not_taken_for_a_fault(toy):
    """An error in the simulator's own code is raised at the end of the block."""
    with pytest.raises(RuntimeError, match="toy failed") as caught, serve(toy()) as url:
        assert httpx.get(f"{url}/fail", trust_env=False).status_code == 500
    assert isinstance(caught.value.__cause__, KeyError)
