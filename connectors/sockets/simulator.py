"""Takes settings, gives a recording of a gateway's /proc as files, with known truth, never shares code with the source.

What is modelled: connections of clients and of the gateway that come, change and go by rule, over IPv4 and IPv6, with the processes that
hold them. The source reads files, not a server; so the server that every simulator is has no routes of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pydantic import Field
from starlette.routing import BaseRoute

from wellhead.testing.simulator import Clock, Rehearsal, Simulator, SimulatorSettings
from wellhead.testing.truth import TruthRecord

__all__ = ["CONFORMANCE", "DEMO", "Settings", "SocketsSimulator", "create"]

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PROXY_PORT = 9090
STATES = {"ESTABLISHED": 1, "CLOSE_WAIT": 8}
LISTEN = 10
INTERVAL_MS = 10_000
PID = 812
PROCESS = "mwg-core"
NEVER = 1 << 30


class Settings(SimulatorSettings):
    """Options of the simulated gateway."""

    gateway: str = Field(default="gateway-1", description="Name of the gateway.")
    connections: int = Field(default=60, ge=1, le=200_000, description="Connections that ever are.")
    snapshots: int = Field(default=12, ge=1, le=10_000, description="Snapshots in the recording, ten seconds apart.")
    flood: int = Field(
        default=0,
        ge=0,
        le=200_000,
        description="Connections of a flood: upstream legs of live streams whose clients have gone, to three names of one domain.",
    )
    flood_at: int = Field(default=10, ge=1, description="Snapshot in which the flood's connections begin to be there.")
    folder: Path | None = Field(
        default=None, description="Folder to write the recording to; unset = a temporary one, removed at the end."
    )


# Whoever reads on from a cursor begins with a whole snapshot, so only whole ones are the same read in one go or in two.
CONFORMANCE = Rehearsal({"connections": 40, "snapshots": 8}, {"full_every": 1})
DEMO = Rehearsal(
    {"connections": 500, "snapshots": 40, "flood": 150},
    {"full_every": 1},
    flood_limits={"established.max": 100, "orphan": {"max": 100}},
)
FLOOD_NAMES = ("p1.livepush.example", "p2.livepush.example", "p3.livepush.example")
FLOOD_FAMILY = "*.livepush.example"
FLOOD_ADDRESSES = {f"203.0.113.{number}": name for number, name in enumerate(FLOOD_NAMES, 1)}


@dataclass(frozen=True, slots=True)
class _Life:
    """One connection: `first` and `last` are its snapshots, from `waits` on the other end has closed."""

    number: int
    local: str
    local_port: int
    remote: str
    remote_port: int
    first: int
    last: int
    waits: int

    def state(self, snapshot: int) -> str:
        return "CLOSE_WAIT" if snapshot >= self.waits else "ESTABLISHED"

    @property
    def flood(self) -> bool:
        return self.remote in FLOOD_ADDRESSES

    @property
    def inode(self) -> int:
        return 40_000 + self.number


class SocketsSimulator(Simulator):
    """One gateway, recorded."""

    name: ClassVar[str] = "sockets"
    content_faults: ClassVar[Mapping[str, str]] = {"torn_line": "A row of net/tcp in the first snapshot is cut."}
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock)
        self.start_ms = self.clock.now_ms() - settings.snapshots * INTERVAL_MS
        self._lives = list(_lives(settings))
        self._folder: Path | None = None
        self._pipes: list[int] = []

    def routes(self) -> Sequence[BaseRoute]:
        return []

    @property
    def open_connections(self) -> int:
        """How many of its files are open in this process, except where it writes itself."""
        if self._folder is None:
            return 0
        opened = 0
        for held in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names alone
            try:
                target = os.readlink(f"/proc/self/fd/{held}")  # noqa: PTH115 - a link that may be gone
            except OSError:
                continue
            opened += target.startswith(f"{self._folder}/") and int(held) not in self._pipes
        return opened

    def present(self, snapshot: int) -> list[_Life]:
        """Give the connections that snapshot `snapshot`, counted from 1, shows."""
        return [life for life in self._lives if life.first <= snapshot <= life.last]

    def torn(self) -> list[str]:
        """Give the cut rows of the first snapshot."""
        armed = self.content.get("torn_line")
        return [] if armed is None else [f"{900 + number:4d}: 0100007F:1F90 0B0A" for number in range(armed.count or 1)]

    def write(self) -> Path:
        """Write the recording, once, and give its folder; a stalled one has a pipe that nobody feeds in place of a table."""
        if self._folder is None:
            self._folder = self.settings.folder or Path(tempfile.mkdtemp(prefix="wellhead-sockets-"))
            if self.settings.folder is None:
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            for snapshot in range(1, self.settings.snapshots + 1):
                self._write_snapshot(self._folder / str(snapshot), snapshot)
            (self._folder / "hosts").write_text("".join(f"{address} {name}\n" for address, name in FLOOD_ADDRESSES.items()))
        return self._folder

    def _write_snapshot(self, root: Path, snapshot: int) -> None:
        (root / "net").mkdir(parents=True, exist_ok=True)
        present = self.present(snapshot)
        torn = self.torn() if snapshot == 1 else []
        listening = _row(0, ("0.0.0.0", PROXY_PORT), ("0.0.0.0", 0), LISTEN, 30_000)  # noqa: S104 - what is told, not done
        ours = [life for life in present if ":" not in life.local]
        others = [life for life in present if ":" in life.local]
        self._table(root / "net" / "tcp", [listening, *_rows(ours, snapshot), *torn])
        self._table(root / "net" / "tcp6", _rows(others, snapshot))
        fds = root / str(PID) / "fd"
        fds.mkdir(parents=True, exist_ok=True)
        (root / str(PID) / "comm").write_text(f"{PROCESS}\n", encoding="utf-8")
        for at, life in enumerate(present, 3):
            link = fds / str(at)
            link.unlink(missing_ok=True)
            link.symlink_to(f"socket:[{life.inode}]")

    def _table(self, path: Path, rows: Sequence[str]) -> None:
        if self.faults.take("stall"):
            os.mkfifo(path)
            pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            self._pipes.append(pipe)
            weakref.finalize(self, os.close, pipe)
            return
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="ascii")
        at_secs = self.time_ms(int(path.parts[-3])) / 1_000
        os.utime(path, (at_secs, at_secs))

    def time_ms(self, snapshot: int) -> int:
        """Give when a snapshot was taken, epoch ms: the last one now."""
        return self.start_ms + snapshot * INTERVAL_MS

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        gateway = self.settings.gateway
        for snapshot in range(1, self.settings.snapshots + 1):
            for life in self.present(snapshot):
                identity = (gateway, str(snapshot), life.local, str(life.local_port), life.remote, str(life.remote_port))
                yield TruthRecord("connection", "", "record", identity, self._values(life, snapshot) if values else {})
        for line in self.torn():
            yield TruthRecord("connection", "", "broken", raw=line.encode())

    def _values(self, life: _Life, snapshot: int) -> dict[str, Any]:
        flood = {"_flood": FLOOD_FAMILY, "remote_name": FLOOD_ADDRESSES[life.remote]} if life.flood else {}
        return {
            **flood,
            "state": life.state(snapshot),
            "direction": "client" if life.local_port == PROXY_PORT else "server",
            "since": self.time_ms(life.first),
            "inode": life.inode,
            "pid": PID,
            "process": PROCESS,
        }

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        names = ("gateway", "sequence", "local_ip", "local_port", "remote_ip", "remote_port")
        return tuple(str(record[name]) for name in names)

    def options(self, url: str) -> dict[str, Any]:
        del url  # files are read, nothing is asked
        folder = self.write()
        options = {"proc_root": f"{folder}/{{sequence}}", "gateway": self.settings.gateway}
        return options | ({"hosts_file": str(folder / "hosts")} if self.settings.flood else {})

    def hint(self, url: str) -> str:
        return "\n".join(f"{name}: {value}" for name, value in {"connector.class": self.name, **self.options(url)}.items())


def create(settings: Settings, *, clock: Clock | None = None) -> SocketsSimulator:
    """Give a recorded gateway with these settings."""
    return SocketsSimulator(settings, clock=clock)


def _lives(settings: Settings) -> Iterator[_Life]:
    random = Random(settings.seed)
    for number in range(settings.connections):
        first = random.randint(1, settings.snapshots)
        last = min(settings.snapshots, first + random.randint(0, settings.snapshots))
        waits = random.randint(first, last + 3)
        local, remote = ("2001:db8::1", f"2001:db8:7::{number + 1:x}") if number % 5 == 0 else ("10.0.0.1", _v4(number))
        ports = (PROXY_PORT, 20_000 + number % 40_000) if random.random() < 0.5 else (20_000 + number % 40_000, 443)
        yield _Life(number, local, ports[0], remote, ports[1], first, last, waits)
    addresses = list(FLOOD_ADDRESSES)
    for number in range(settings.flood):
        # Nobody closes them: the server sends on, and the client side is no more.
        port, remote = 10_000 + number % 50_000, addresses[number % len(addresses)]
        yield _Life(settings.connections + number, "10.0.0.1", port, remote, 443, settings.flood_at, settings.snapshots, NEVER)


def _v4(number: int) -> str:
    return socket.inet_ntoa(struct.pack(">I", (198 << 24) + (18 << 16) + number))


def _rows(lives: Sequence[_Life], snapshot: int) -> list[str]:
    return [
        _row(at, (life.local, life.local_port), (life.remote, life.remote_port), STATES[life.state(snapshot)], life.inode)
        for at, life in enumerate(lives, 1)
    ]


def _row(at: int, local: tuple[str, int], remote: tuple[str, int], state: int, inode: int) -> str:
    ends = " ".join(f"{_hex(address)}:{port:04X}" for address, port in (local, remote))
    tail = "00000000:00000000 00:00000000 00000000"
    return f"{at:4d}: {ends} {state:02X} {tail} {1000:5d} {0:8d} {inode} 1 0000000000000000 20 4 30 10 -1"


def _hex(address: str) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held = socket.inet_pton(family, address)
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(held) // 4}I", held))
