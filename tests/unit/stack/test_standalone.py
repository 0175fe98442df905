"""A server of its own keeps its ports and folder for as long as it lives, and gives them up when it cannot."""

import sys
from pathlib import Path

import pytest

from wellhead.stack.errors import PortTakenError, StackError, StartError
from wellhead.stack.process import ServerProcess
from wellhead.stack.standalone import StandaloneServer

SERVES = "print('I serve', flush=True); import time; time.sleep(600)"
# The first two starts meet a port that somebody took a moment ago.
UNLUCKY = """
import pathlib, sys, time
tried = pathlib.Path("tried"); number = len(tried.read_text()) if tried.exists() else 0
tried.write_text("x" * (number + 1))
if number < 2:
    sys.exit("bind: Address already in use")
print("I serve", flush=True); time.sleep(600)
"""
ALWAYS_TAKEN = "import sys; sys.exit('bind: Address already in use')"


class Scripted(StandaloneServer):
    """A Python program in a server's place."""

    def __init__(self, program: str, folder: Path | None = None, port: int | None = None) -> None:
        self._program = program
        self.given: list[list[int]] = []
        super().__init__("scripted", folder, port=port, inner_ports=1)

    def _process(self, ports: list[int]) -> ServerProcess:
        self.given.append(ports)
        return ServerProcess(self.name, [sys.executable, "-c", self._program], self.folder, lambda log: "I serve" in log)


def test_it_stays_where_it_is_over_restarts():
    """Ports are chosen once; stop, kill and restart keep them, and a second start of a running one changes nothing."""
    with Scripted(SERVES) as server:
        port, pid = server.port, server.pid
        server.start()
        assert server.pid == pid
        server.stop()
        assert server.pid is None
        server.restart()
        server.kill()
        server.start()

        assert server.port == port
        assert server.pid not in {None, pid}
        assert server.given == [[port, server.given[0][1]]]


def test_a_port_that_was_taken_meanwhile_is_replaced():
    """Between choosing and binding anyone may take a free port: it tries others, and its address follows."""
    with Scripted(UNLUCKY) as server:
        assert len({ports[0] for ports in server.given}) == 3
        assert server.port == server.given[-1][0]


def test_it_gives_up_after_some_ports(tmp_path: Path):
    """A machine on which every port is taken is told with the place of the log; the folder is free again."""
    with pytest.raises(PortTakenError, match=r"its port is taken by another process.*scripted\.log"):
        Scripted(ALWAYS_TAKEN, tmp_path).start()

    with Scripted(SERVES, tmp_path) as again:
        assert again.pid is not None


def test_a_wished_port_is_not_replaced():
    """Who asks for one port gets that one or an error."""
    with Scripted(SERVES) as free:
        port = free.port
    server = Scripted(ALWAYS_TAKEN, port=port)

    with pytest.raises(PortTakenError):
        server.start()
    assert server.given == [[port, server.given[0][1]]]


def test_an_early_end_is_quoted_and_final():
    """A program that ends while starting is quoted; such a server cannot be started again."""
    server = Scripted("import sys; sys.exit('no such setting')")

    with pytest.raises(StartError, match=r"(?s)scripted exited with code 1 while starting.*no such setting"):
        server.start()
    with pytest.raises(StackError, match="make another"):
        server.start()


def test_nothing_to_stop_is_no_error():
    """A server that never started can be stopped, killed, frozen and closed."""
    server = Scripted(SERVES)
    for act in (server.stop, server.kill, server.pause, server.resume, server.close):
        act()

    assert server.pid is None
    with pytest.raises(StackError, match="never started"):
        _ = server.process
