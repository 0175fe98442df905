"""Says what a person may set about looking at a gateway's sockets."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

from pydantic import Field

from wellhead import Config, Cursor

NUMBER = "{sequence}"
State = Literal[
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
]


class SocketsConfig(Config):
    """Options of the sockets connector."""

    gateway: str | None = Field(
        default=None, min_length=1, description="Name of the gateway in the records; unset = this machine's host name."
    )
    interval_secs: float = Field(default=10, ge=0.1, le=3_600, description="Seconds from one snapshot to the next.")
    full_every: int = Field(
        default=6, ge=1, le=10_000, description="Every so manieth snapshot is published as a whole, the others as what changed."
    )
    method: Literal["auto", "netlink", "proc"] = Field(
        default="auto",
        description="Where to look: `netlink` asks the kernel, which tells bytes and idle times, too; `proc` reads files; `auto` the first, "
        "where `proc_root` is /proc and the kernel answers.",
    )
    proc_root: str = Field(
        default="/proc",
        min_length=1,
        description="Folder to read instead of /proc, such as one of another machine; with `{sequence}` in it a recording: folders 1, 2, ... "
        "are read one after the other, to the first that is missing.",
    )
    local_ports: tuple[int, ...] = Field(
        default=(), description="Of clients' connections only those to these ports; the gateway's own ones always. Empty = all."
    )
    states: tuple[State, ...] = Field(
        default=("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK", "CLOSING"),
        description="States of TCP to publish; the others are left out, as if they were closed.",
    )
    with_processes: bool = Field(
        default=True, description="Whether to find each connection's process; costs a look at every process's open files."
    )
    hosts_file: Path | None = Field(
        default=None, description="File in the form of /etc/hosts that names remote addresses; read anew for each snapshot."
    )

    @property
    def name(self) -> str:
        """The gateway's name."""
        return self.gateway or socket.gethostname()

    @property
    def recorded(self) -> bool:
        """Whether a recording is read, which ends."""
        return NUMBER in self.proc_root

    def root(self, sequence: int) -> Path:
        """Give the folder to read for a snapshot."""
        return Path(self.proc_root.replace(NUMBER, str(sequence)))


class SocketsCursor(Cursor):
    """Which snapshot was published last."""

    sequence: int = Field(default=0, ge=0, description="Number of the last snapshot; the next one is published as a whole.")
