"""Takes the root of a /proc, gives which process holds which socket, by inode; what it may not see is left out, never an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_SOCKET = "socket:["
SCHEMA = {"inode": pl.Int64, "pid": pl.Int32, "process": pl.String}


def owners(root: Path) -> pl.DataFrame:
    """Give `inode`, `pid` and `process` of each socket that a process holds; of several processes the one with the lowest pid."""
    pids = sorted(int(name) for name in _listed(root) if name.isdecimal())
    held: dict[int, tuple[int, str]] = {}
    for pid in pids:
        sockets = list(_sockets(root / str(pid) / "fd"))
        if not sockets:
            continue
        name = _name(root / str(pid) / "comm")
        # Its pid may be another process's by now, and the name that one's: whoever still holds one of them is the one that was asked.
        if any(_inode(path) == inode for path, inode in sockets):
            for _, inode in sockets:
                held.setdefault(inode, (pid, name))
    rows = [(inode, pid, name) for inode, (pid, name) in held.items()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _sockets(folder: Path) -> Iterator[tuple[str, int]]:
    for name in _listed(folder):
        path = f"{folder}/{name}"
        inode = _inode(path)
        if inode is not None:
            yield path, inode


def _inode(path: str) -> int | None:
    """Give the inode of the socket that a link leads to; None where it leads to something else, or nowhere any more."""
    try:
        target = os.readlink(path)  # noqa: PTH115 - tens of thousands of them, each a call less
    except OSError:  # closed meanwhile, or not ours to see
        return None
    return int(target[len(_SOCKET) : -1]) if target.startswith(_SOCKET) else None


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, without an object each
    except OSError:  # ended meanwhile, or not ours to see
        return []


def _name(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""
