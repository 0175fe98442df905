"""A proxy in front of a server: cut in every way a network is, and mended, without a byte changed or lost that TCP would keep."""

import socket
import threading
from collections.abc import Iterator

import pytest

from wellhead.testing.cut import Cut

LONG_SECS = 60


class Echo:
    """A server that gives back what it got, and remembers it."""

    def __init__(self) -> None:
        self.got = b""
        self.peer_ports: set[int] = set()
        self.heard = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, (_, port) = self._listening.accept()
            except OSError:
                return
            self.peer_ports.add(port)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    self.got += data
                    self.heard.set()
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(LONG_SECS)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def cut(echo: Echo) -> Iterator[Cut]:
    with Cut(echo.port) as made:
        yield made


def connected(cut: Cut) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cut.port), LONG_SECS)


def received(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := connection.recv(65536)):
        found += data
    return found


def says_nothing(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(LONG_SECS)
    return False


def test_passes_every_byte_both_ways(cut):
    """What goes in comes out, in order, however much."""
    sent = bytes(range(256)) * 4096
    with connected(cut) as connection:
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        assert received(connection, len(sent)) == sent
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert cut.connections == 1


def test_the_server_can_tell_who_came_this_way(cut, echo):
    """The ports that the server sees are known, however many connections there were."""
    for _ in range(3):
        with connected(cut) as connection:
            connection.sendall(b"x")
            assert received(connection, 1) == b"x"
    assert len(echo.peer_ports) == 3
    assert cut.server_ports == echo.peer_ports


def test_a_black_hole_holds_and_heals(cut, echo):
    """In a black hole nothing arrives and nothing breaks, for old and new connections; after it everything arrives."""
    with connected(cut) as old:
        old.sendall(b"before")
        assert received(old, 6) == b"before"
        cut.black_hole()
        with connected(cut) as new:
            old.sendall(b"old")
            new.sendall(b"new")
            assert says_nothing(old)
            assert says_nothing(new)
            assert echo.got == b"before"
            cut.heal()
            assert received(old, 3) == b"old"
            assert received(new, 3) == b"new"


def test_answers_alone_can_be_held(cut, echo):
    """A request arrives while its answer is held: who asked cannot know whether it did."""
    with connected(cut) as connection:
        cut.black_hole(requests=False)
        connection.sendall(b"commit")
        assert echo.heard.wait(LONG_SECS)
        assert says_nothing(connection)
        cut.heal()
        assert received(connection, 6) == b"commit"


def test_refuse_resets_and_refuses_until_healed(cut):
    """Connections are reset, new ones refused, and the same address serves again after healing."""
    with connected(cut) as connection:
        connection.sendall(b"x")
        assert received(connection, 1) == b"x"
        cut.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(cut)
    cut.heal()
    with connected(cut) as again:
        again.sendall(b"y")
        assert received(again, 1) == b"y"


def test_reset_welcomes_new_connections(cut):
    """A reset breaks what is connected, and nothing else."""
    with connected(cut) as connection:
        connection.sendall(b"x")
        assert received(connection, 1) == b"x"
        cut.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connected(cut) as again:
        again.sendall(b"y")
        assert received(again, 1) == b"y"


def test_a_held_connection_can_be_reset(cut):
    """A black hole that turns into a reset does not hang."""
    cut.black_hole()
    with connected(cut) as connection:
        connection.sendall(b"x")
        while not cut.connections:
            assert says_nothing(connection)
        cut.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_server_that_is_away_is_told_as_a_reset():
    """Where nobody listens behind the proxy, a connection is reset."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Cut(port) as cut, pytest.raises(ConnectionResetError), connected(cut) as connection:
        connection.recv(1)


def test_closing_twice_is_harmless(cut):
    """`close` may be called again."""
    cut.close()
    cut.close()
    with pytest.raises(ConnectionRefusedError):
        connected(cut)
