"""Takes a wish for ports, gives loopback ports nobody else here uses, never one the kernel hands to outgoing connections."""

import os
import random
import socket
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from wellhead.stack.cache import HeldLock, try_lock
from wellhead.stack.errors import StackError

LOOPBACK = "127.0.0.1"
FIRST_PORT = 20_000
END_PORT = 32_000
ATTEMPTS = 500
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortLease:
    """Ports kept for one stack: a lock file per port keeps other stacks off, also while a broker is down.

    A port from the kernel's own range could be taken as the local end of a client's connection
    between kill and restart (even of the client that retries that very port), so none is used.
    """

    def __init__(self, folder: Path | None = None, chooser: random.Random | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"wellhead-ports-{os.getuid()}"
        self._random = chooser or random.SystemRandom()
        self._locks: dict[int, HeldLock] = {}

    def take(self, count: int, preferred: Iterable[int] = ()) -> list[int]:
        """Return `count` free ports, the preferred ones where they are free.

        Raises:
            StackError: none could be found.
        """
        taken: list[int] = []
        for port in preferred:
            if len(taken) < count and self._try(port):
                taken.append(port)
        for _ in range(ATTEMPTS):
            if len(taken) == count:
                return taken
            port = self._random.randrange(FIRST_PORT, _end_port())
            if self._try(port):
                taken.append(port)
        raise StackError(
            f"found only {len(taken)} of {count} free ports on {LOOPBACK} between {FIRST_PORT} and {_end_port()}. "
            "Stop what listens there (`wellhead stack status`, `ss -ltn`) and try again"
        )

    def take_apart(self, distance: int, preferred: int | None = None) -> list[int]:
        """Return a free port and the one `distance` above it, which must be free too.

        Raises:
            StackError: none could be found.
        """
        for attempt in range(ATTEMPTS):
            port = preferred if preferred and not attempt else self._random.randrange(FIRST_PORT, _end_port() - distance)
            if self._try(port):
                if self._try(port + distance):
                    return [port, port + distance]
                self._locks.pop(port).release()
        raise StackError(
            f"found no two free ports {distance} apart on {LOOPBACK} above {FIRST_PORT}. "
            "Stop what listens there (`wellhead stack status`, `ss -ltn`) and try again"
        )

    def release(self) -> None:
        """Give all ports back; safe to call twice."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    def _try(self, port: int) -> bool:
        if port in self._locks:
            return False
        lock = try_lock(self._folder / str(port))
        if lock is None:
            return False
        if not is_free(port):
            lock.release()
            return False
        self._locks[port] = lock
        return True


def is_free(port: int) -> bool:
    """Tell whether a server could bind the loopback port now."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on the loopback port."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _end_port() -> int:
    try:
        first_ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return END_PORT
    return min(END_PORT, first_ephemeral) if first_ephemeral > FIRST_PORT + 1000 else END_PORT
