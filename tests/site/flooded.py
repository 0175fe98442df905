"""Takes what a gateway's sockets are to look like, gives the records of `sockets.connection` of it; knows no detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

GATEWAY = "proxy-1"
OWN = "10.0.0.1"
START_MS = 1_770_000_000_000

SOCKETS = pa.schema(
    [
        ("gateway", pa.string()),
        ("snapshot_time", pa.timestamp("ms", "UTC")),
        ("sequence", pa.int64()),
        ("change", pa.string()),
        ("local_ip", pa.string()),
        ("local_port", pa.int32()),
        ("remote_ip", pa.string()),
        ("remote_port", pa.int32()),
        ("remote_name", pa.string()),
        ("direction", pa.string()),
        ("state", pa.string()),
        ("since", pa.timestamp("ms", "UTC")),
        ("idle_secs", pa.float64()),
        ("bytes_sent", pa.int64()),
        ("bytes_received", pa.int64()),
        ("process", pa.string()),
    ]
)


def leg(direction: str, number: int, remote: str, **more: Any) -> dict[str, Any]:
    """One socket: a client's, or one to a destination; `number` makes its ports its own."""
    client = direction == "client"
    made = {
        "local_ip": OWN,
        "local_port": 3128 if client else 1024 + number,
        "remote_ip": remote,
        "remote_port": 1024 + number if client else 443,
        "remote_name": None,
        "direction": direction,
        "state": "established",
        "since_ms": START_MS,
        "idle_secs": None,
        "bytes_sent": 500,
        "bytes_received": 5000,
        "process": "proxy",
    }
    return made | more


def client(number: int, **more: Any) -> dict[str, Any]:
    """A client's leg, of an address that 200 others share."""
    return leg("client", number % 60_000, f"172.16.{number % 250}.{number // 60_000 + 1}", **more)


def upstream(number: int, remote: str, **more: Any) -> dict[str, Any]:
    """A leg to a destination."""
    return leg("server", number, remote, **more)


def ordinary(count: int, **more: Any) -> list[dict[str, Any]]:
    """So many connections of ordinary use: half clients', half to a thousand sites, some large."""
    made = []
    for number in range(count // 2):
        site = (number * number) % 997
        made.append(client(number, **more))
        made.append(
            upstream(
                number % 60_000,
                f"198.18.{site // 250}.{site % 250 + 1}",
                remote_name=f"w{number % 3}.site{site}.example",
                **more,
            )
        )
    return made


def snapshot(legs: Iterable[dict[str, Any]], time_ms: int, sequence: int, change: str = "full") -> list[dict[str, Any]]:
    """One snapshot's records."""
    return [{"gateway": GATEWAY, "snapshot_time": time_ms, "sequence": sequence, "change": change, **each} for each in legs]


def records(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """The batch of them."""
    return pa.RecordBatch.from_pylist(
        [{**row, "since": row["since_ms"]} if "since_ms" in row else row for row in rows], schema=SOCKETS
    )
