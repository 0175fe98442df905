"""Takes a folder or none, gives one server with ports of its own and a life, never one that outlives this process."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from wellhead.stack.data_dir import DataDir
from wellhead.stack.errors import PortTakenError, StackError
from wellhead.stack.ports import LOOPBACK, PortLease
from wellhead.stack.process import ServerProcess

START_SECS = 120.0
STOP_SECS = 10.0
PORT_ATTEMPTS = 3


class StandaloneServer(ABC):
    """One server on the loopback interface; a `with` block starts it, and closes it at its end.

    Ports and data stay the same over `stop`, `kill` and `restart`. Not safe for use from several threads at once.

    Args:
        name: How messages and its log file call it.
        folder: Where its configuration, log and data lie, to be kept; None means a throw-away folder.
        port: Where clients reach it; None means where it was on this folder the last time, else any free port.
        inner_ports: How many more ports it needs.
    """

    def __init__(self, name: str, folder: Path | None, *, port: int | None = None, inner_ports: int = 0) -> None:
        self.name = name
        self._port_count = 1 + inner_ports
        self._may_move = port is None
        self._data = DataDir(folder)
        self._lease = PortLease()
        self._server: ServerProcess | None = None
        self._closed = False
        preferred = [port] if port else list(self._data.layout().get("ports", []))
        try:
            self._ports = self._take(preferred)
        except StackError:
            self._let_go()
            raise
        if port and self._ports[0] != port:
            self._let_go()
            raise PortTakenError(
                f"{name}: port {port} on {LOOPBACK} is taken by another process. "
                f"Stop that one (`ss -ltnp` names it), or choose another port"
            )

    @abstractmethod
    def _process(self, ports: list[int]) -> ServerProcess:
        """Write the server's files and give its process, not yet started."""

    @property
    def port(self) -> int:
        """Where clients reach it; settled once it has started."""
        return self._ports[0]

    @property
    def folder(self) -> Path:
        """Where its configuration, log and data lie."""
        return self._data.path

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self._data.path / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The server's pid; None while it is down."""
        return self._server.pid if self._server else None

    @property
    def process(self) -> ServerProcess:
        """The server's process.

        Raises:
            StackError: it was never started.
        """
        if self._server is None:
            raise StackError(f"{self.name} was never started: call start() first")
        return self._server

    def start(self, timeout_secs: float = START_SECS) -> None:
        """Start, and return once it serves; a running one is left alone.

        Raises:
            PortTakenError: another process has its port.
            StartError: it exited or was not ready in time; the message quotes its log.
        """
        if self._closed:
            raise StackError(f"{self.name} was closed and its folder given up: make another server")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            first = self._server is None
            self._server = self._server or self._process(self._ports)
            try:
                self._start_once(self._server, timeout_secs)
            except BaseException as error:
                self._server.kill()
                if not first:
                    raise
                self._server = None
                if not isinstance(error, PortTakenError) or not self._may_move or attempt == PORT_ATTEMPTS:
                    # Nobody will close a server that never was up; the error quotes a log, so the folder stays a while.
                    self._let_go()
                    raise
                self._lease.release()
                self._ports = self._take([])
            else:
                return

    def stop(self, timeout_secs: float = STOP_SECS) -> None:
        """Stop cleanly, by SIGKILL after `timeout_secs`; ports and data stay."""
        if self._server:
            self._server.stop(timeout_secs)

    def kill(self) -> None:
        """SIGKILL; returns once it is gone; ports and data stay."""
        if self._server:
            self._server.kill()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay open and nothing answers."""
        if self._server:
            self._server.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        if self._server:
            self._server.resume()

    def restart(self, timeout_secs: float = START_SECS) -> None:
        """Start again on the same ports and data (a running one is stopped first); returns once it serves.

        Raises:
            StartError: as for `start`.
        """
        self.stop()
        self.start(timeout_secs)

    def close(self) -> None:
        """Stop it, free its ports, delete a throw-away folder; safe to call twice."""
        if self._data.kept:
            self.stop()
        else:
            self.kill()
        self._let_go()
        self._data.close()

    def _start_once(self, server: ServerProcess, timeout_secs: float) -> None:
        server.start()
        server.wait_ready(timeout_secs)
        self._data.remember({"ports": self._ports})

    def _take(self, preferred: list[int]) -> list[int]:
        return self._lease.take(self._port_count, preferred)

    def _let_go(self) -> None:
        self._closed = True
        self._lease.release()
        self._data.abandon()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
