"""Takes a simulator, gives it an address on the loopback while a block lasts, never leaves a thread or socket behind."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import uvicorn

from wellhead.errors import PermanentError
from wellhead.testing.simulator import Simulator

START_TIMEOUT_SECS = 20.0
STOP_TIMEOUT_SECS = 20.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time at all: the end of the connection is an RST


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.contextmanager
def serve(simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `simulator` from a thread while the block lasts; gives its base URL. Port 0 takes a free one.

    Raises:
        PermanentError: The address cannot be had.
        RuntimeError: At the end, when the simulator itself (not an armed fault) failed while it answered.
    """
    listener = _listen(host, port)
    server = _Server(_config(simulator))
    thread = threading.Thread(target=server.run, args=([listener],), name=f"simulator-{simulator.name}", daemon=True)
    thread.start()
    try:
        if not server.listening.wait(START_TIMEOUT_SECS):
            raise PermanentError(
                f"simulator {simulator.name}: not listening after {START_TIMEOUT_SECS:g} s; see the lines above"
            )
        simulator.count_connections = lambda: len(server.server_state.connections)
        simulator.reset_connection = lambda client: _reset(server, client)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_TIMEOUT_SECS)
        simulator.count_connections = lambda: 0
    if simulator.crashes:
        raise RuntimeError(f"simulator {simulator.name} failed while it answered a request") from simulator.crashes[0]


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PermanentError(f"simulator: cannot listen on {host}:{port}: {error.strerror}. Choose another port") from error
    return listener


def _reset(server: uvicorn.Server, client: tuple[str, int]) -> None:
    for connection in list(server.server_state.connections):
        transport = getattr(connection, "transport", None)
        if transport is None or transport.get_extra_info("peername") != client:
            continue
        held: socket.socket | None = transport.get_extra_info("socket")
        if held is not None:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()


def _config(simulator: Simulator) -> uvicorn.Config:
    return uvicorn.Config(
        simulator.app,
        log_config=None,
        # Cut connections are what a simulator is for: uvicorn would report each as an application's error.
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_ping_interval=None,
        # Longer than any poll interval, so that a pooled connection is not closed under the client's hands.
        timeout_keep_alive=300,
        timeout_graceful_shutdown=1,
    )
