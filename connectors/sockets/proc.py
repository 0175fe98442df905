"""Takes the text of /proc/net/tcp or tcp6, gives its sockets as columns and what could not be read; opens no file.

Rows are taken apart by one pattern over a column; a line that it does not fit is given back byte for byte.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

import polars as pl

from wellhead import Reject

STATES: Final = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",
}
"""The kernel's states by number; 12 is a connection whose handshake is not over."""

SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "local_ip": pl.String,
    "local_port": pl.Int32,
    "remote_ip": pl.String,
    "remote_port": pl.Int32,
    "state": pl.String,
    "uid": pl.Int64,
    "inode": pl.Int64,
    "idle_secs": pl.Float64,
    "bytes_sent": pl.Int64,
    "bytes_received": pl.Int64,
}
_ADDRESS = r"((?:[0-9A-F]{32}|[0-9A-F]{8})):([0-9A-F]{4})"
_ROW = (
    rf"^ *\d+: {_ADDRESS} {_ADDRESS} (0[1-9A-C]) [0-9A-F]{{8}}:[0-9A-F]{{8}} [0-9A-F]{{2}}:[0-9A-F]{{8,}} [0-9A-F]{{8}}"
    r" +(\d{1,10}) +\d+ +(\d{1,18}) "
)
_PARTS = ("local", "local_port", "remote", "remote_port", "state", "uid", "inode")
_MAPPED = bytes(10) + b"\xff\xff"


def decode(text: bytes) -> tuple[pl.DataFrame, list[Reject]]:
    """Give the sockets in the text of one such file, in its order, and the lines that are none."""
    lines = pl.Series("line", text.decode("latin-1").split("\n")[1:], dtype=pl.String)
    parts = lines.str.extract_groups(_ROW).struct.rename_fields(list(_PARTS)).struct.unnest()
    sound = parts["inode"].is_not_null()
    torn = lines.filter(~sound & (lines != ""))
    rejects = [Reject(line.encode("latin-1"), "not a row of /proc/net/tcp: was it cut?") for line in torn]
    parts = parts.filter(sound)
    return parts.select(
        _dotted(parts["local"]).alias("local_ip"),
        pl.col("local_port").str.to_integer(base=16, dtype=pl.Int32),
        _dotted(parts["remote"]).alias("remote_ip"),
        pl.col("remote_port").str.to_integer(base=16, dtype=pl.Int32),
        pl.col("state").str.to_integer(base=16, dtype=pl.Int32).replace_strict(STATES, return_dtype=pl.String),
        pl.col("uid").cast(pl.Int64),
        pl.col("inode").cast(pl.Int64),
        *(pl.lit(None, dtype=SCHEMA[name]).alias(name) for name in ("idle_secs", "bytes_sent", "bytes_received")),
    ), rejects


def _dotted(written: pl.Series) -> pl.Series:
    """Give addresses as people write them; each that occurs is worked out once."""
    known = {each: address(_in_order(each)) for each in written.unique()}
    return pl.Series([known[each] for each in written], dtype=pl.String)


def _in_order(written: str) -> bytes:
    """Give an address's bytes as they are sent: the kernel prints words of four as its machine holds them."""
    words = bytes.fromhex(written)
    return struct.pack(f"={len(words) // 4}I", *struct.unpack(f">{len(words) // 4}I", words))


def address(sent: bytes) -> str:
    """Give an address of 4 or 16 bytes as text; IPv4 within IPv6 as IPv4."""
    if len(sent) == 16 and sent.startswith(_MAPPED):  # noqa: PLR2004 - an IPv6 address
        sent = sent[12:]
    return socket.inet_ntop(socket.AF_INET if len(sent) == 4 else socket.AF_INET6, sent)  # noqa: PLR2004 - an IPv4 address
