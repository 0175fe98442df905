"""Takes nothing, gives the machine's TCP sockets as the kernel's inet_diag tells them, with bytes and idle times; changes none.

Linux only. Whoever may not ask, or asks a kernel that does not know it, gets an OSError of which `is_refusal` is true.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from connectors.sockets.proc import SCHEMA, STATES, address

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_ERROR, _DONE = 2, 3
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR
_INFO = 2  # INET_DIAG_INFO
_ALL_STATES = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_MESSAGE_BYTES = 72  # struct inet_diag_msg
_PORTS = struct.Struct(">HH")
_OWNER = struct.Struct("=II")
_ERRNO = struct.Struct("=i")
_LARGEST_ERRNO = 4095
_LAST_SENT, _LAST_RECEIVED, _BYTES = 44, 52, 120  # offsets in struct tcp_info
_TIMES, _COUNTS = struct.Struct("=I"), struct.Struct("=QQ")
_MOST = (1 << 63) - 1  # what a record can hold
_BUFFER_BYTES = 1 << 20
_TRIES = 3
_TIMEOUT_SECS = 10.0
_REFUSALS = {errno.EPERM, errno.EACCES, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL}


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)


def sockets(connect: Callable[[], socket.socket] = _open) -> pl.DataFrame:
    """Give one row a TCP socket, IPv4 and IPv6, the columns of `proc.SCHEMA`.

    Args:
        connect: Opens a connection to the kernel.

    Raises:
        OSError: The kernel does not answer, or not to us, or its list changed each time while it was read.
    """
    rows = [row for family in (socket.AF_INET, socket.AF_INET6) for row in _dumped(family, connect)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def is_refusal(error: OSError) -> bool:
    """Tell whether the kernel will not answer another time either, as against one that is short of something now."""
    return error.errno in _REFUSALS


def _dumped(family: int, connect: Callable[[], socket.socket]) -> list[tuple[Any, ...]]:
    """Give one family's sockets; a dump that others' changes cut across is taken again, a few times."""
    for _ in range(_TRIES):
        with connect() as kernel:
            kernel.settimeout(_TIMEOUT_SECS)
            request = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ALL_STATES)
            kernel.sendall(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 1, 0) + request)
            rows, torn = _answer(kernel)
        if not torn:
            return rows
    raise OSError(errno.EAGAIN, f"its list of sockets changed each of {_TRIES} times while it was read")


def _answer(kernel: socket.socket) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    torn = False
    while True:
        received = kernel.recv(_BUFFER_BYTES)
        if not received:
            raise OSError(errno.EBADMSG, "the list of sockets has no end")
        for kind, flags, body in messages(received):
            torn = torn or bool(flags & _INTERRUPTED)
            if kind == _DONE:
                return rows, torn
            if kind == _ERROR:
                code = abs(_ERRNO.unpack_from(body.ljust(_ERRNO.size, b"\0"))[0]) & _LARGEST_ERRNO
                raise OSError(code, os.strerror(code))
            rows.append(row(body))


def messages(received: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give type, flags and body of each message in what was received at once."""
    at = 0
    while at + _HEADER.size <= len(received):
        size, kind, flags, _, _ = _HEADER.unpack_from(received, at)
        if size < _HEADER.size:
            raise OSError(errno.EBADMSG, "a message of the list of sockets has no length")
        yield kind, flags, received[at + _HEADER.size : at + size]
        at += (size + 3) & ~3


def row(body: bytes) -> tuple[Any, ...]:
    """Give one inet_diag_msg as a row of `proc.SCHEMA`.

    Raises:
        OSError: It is too short to be one.
    """
    if len(body) < _MESSAGE_BYTES:
        raise OSError(errno.EBADMSG, "a message of the list of sockets is cut")
    size = 4 if body[0] == socket.AF_INET else 16
    local_port, remote_port = _PORTS.unpack_from(body, 4)
    uid, inode = _OWNER.unpack_from(body, 64)
    state = STATES.get(body[1], str(body[1]))
    local, remote = address(body[8 : 8 + size]), address(body[24 : 24 + size])
    return (local, local_port, remote, remote_port, state, uid, inode, *_told(state, _info(body)))


def _info(body: bytes) -> bytes:
    """Give the tcp_info that stands behind a message; empty where there is none."""
    at = _MESSAGE_BYTES
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        if kind == _INFO:
            return body[at + 4 : at + size]
        at += max(4, (size + 3) & ~3)
    return b""


def _told(state: str, info: bytes) -> tuple[float | None, int | None, int | None]:
    """Give seconds idle, bytes sent and bytes received; a socket that listens has none of them."""
    if state == "LISTEN" or len(info) < _LAST_RECEIVED + 4:
        return None, None, None
    idle_ms = min(_TIMES.unpack_from(info, _LAST_SENT)[0], _TIMES.unpack_from(info, _LAST_RECEIVED)[0])
    if len(info) < _BYTES + _COUNTS.size:
        return idle_ms / 1000, None, None
    sent, received = _COUNTS.unpack_from(info, _BYTES)
    return idle_ms / 1000, min(sent, _MOST), min(received, _MOST)
