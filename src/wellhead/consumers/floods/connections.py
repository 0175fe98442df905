"""Takes records of `sockets.connection` in their order, gives the connections a gateway has now; judges none.

A snapshot's records say what changed since the one before, or, all of them `full`, what there is. What is missing from a full
one is gone. Only established ones are held: of others nothing is counted, and a gateway may have many times as many of them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import polars as pl

KEY = ("local_ip", "local_port", "remote_ip", "remote_port")
CONNECTIONS_MAX = 200_000
"""So many connections are held; of more, those seen first."""

_SCHEMA: dict[str, pl.DataType] = {
    "local_ip": pl.String(),
    "local_port": pl.Int64(),
    "remote_ip": pl.String(),
    "remote_port": pl.Int64(),
    "name": pl.String(),
    "direction": pl.String(),
    "established": pl.Boolean(),
    "process": pl.String(),
    "since": pl.Int64(),
    "active": pl.Int64(),
    "asked": pl.Int64(),
    "fed": pl.Int64(),
    "sent": pl.Int64(),
    "received": pl.Int64(),
    "seen": pl.Int64(),
}
_OPTIONAL = {
    "remote_name": pl.String,
    "idle_secs": pl.Float64,
    "bytes_sent": pl.Int64,
    "bytes_received": pl.Int64,
    "process": pl.String,
}
_ESTABLISHED = ("established", "estab")
_FOLLOWED = ("since", "active", "asked", "fed", "sent", "received")


class Connections:
    """The connections of one gateway.

    Attributes:
        frame: One row a connection. Times are epoch milliseconds: `since` it was there, `active` it was last used, `asked` bytes
            were last sent on it, `fed` bytes were last received; each at the latest then, null where the source cannot tell.
        time_ms: Of the snapshot taken last; 0 before the first.
        cut: Whether there were more connections than are held.
    """

    def __init__(self) -> None:
        self.frame = pl.DataFrame(schema=_SCHEMA)
        self.time_ms = 0
        self.cut = False
        self._full = False

    def fold(self, rows: pl.DataFrame, time_ms: int) -> None:
        """Take records of one snapshot, all or some of them; `finish` ends it."""
        self.time_ms = time_ms
        self._full = self._full or bool((rows["change"] == "full").any())
        fresh = _read(rows).unique(KEY, keep="last", maintain_order=True)
        known = self.frame.select(*KEY, *(pl.col(name).alias(f"{name}_old") for name in _FOLLOWED))
        is_live = (pl.col("change") != "closed") & pl.col("established")
        live = fresh.filter(is_live).join(known, on=KEY, how="left", maintain_order="left")
        left = self.frame.join(fresh.select(KEY), on=KEY, how="anti", maintain_order="left")
        self.frame = pl.concat([left, _followed(live, time_ms)])
        if self.frame.height > CONNECTIONS_MAX:
            self.frame, self.cut = self.frame.sort("since", maintain_order=True).head(CONNECTIONS_MAX), True

    def finish(self) -> None:
        """End the snapshot: what a full one did not name is gone."""
        if self._full:
            self.frame = self.frame.filter(pl.col("seen") == self.time_ms)
            self.cut = self.frame.height >= CONNECTIONS_MAX
        self._full = False

    def set_back(self, time_ms: int) -> None:
        """Have nothing be later than `time_ms`: the clock was set back to it."""
        times = ("since", "active", "asked", "fed")
        self.frame = self.frame.with_columns(pl.col(name).clip(upper_bound=time_ms) for name in times)

    def kept(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        held = io.BytesIO()
        # Texts one after the other, not as views: equal frames are equal bytes, and nothing is kept of rows that went.
        self.frame.rechunk().write_ipc(held, compression="zstd", compat_level=pl.CompatLevel.oldest())
        frame = base64.b85encode(held.getvalue()).decode()
        return {"frame": frame, "time_ms": self.time_ms, "full": self._full, "cut": self.cut}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `kept` gave."""
        self.frame = pl.read_ipc(io.BytesIO(base64.b85decode(kept["frame"])))
        self.time_ms, self._full, self.cut = kept["time_ms"], kept["full"], kept["cut"]


def _read(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the columns that matter, under the names they have here."""
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in _OPTIONAL.items() if name not in rows.columns]
    return rows.with_columns(*missing).select(
        pl.col("local_ip").fill_null(""),
        pl.col("local_port").cast(pl.Int64).fill_null(0),
        pl.col("remote_ip").fill_null(""),
        pl.col("remote_port").cast(pl.Int64).fill_null(0),
        pl.col("remote_name").alias("name"),
        pl.col("direction"),
        pl.col("state").str.to_lowercase().is_in(_ESTABLISHED).alias("established"),
        pl.col("process"),
        _epoch_ms(rows, "since"),
        pl.col("idle_secs").cast(pl.Float64),
        pl.col("bytes_sent").cast(pl.Int64).alias("sent"),
        pl.col("bytes_received").cast(pl.Int64).alias("received"),
        pl.col("change"),
    )


def _epoch_ms(rows: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).dt.epoch("ms") if rows.schema[name].is_temporal() else pl.col(name).cast(pl.Int64)


def _followed(live: pl.DataFrame, time_ms: int) -> pl.DataFrame:
    """Give what a connection is now, from what it was and what came.

    When bytes were last sent is known only by the snapshot that saw more of them: at the latest then. A source that was started
    anew begins to count `since` anew, so the earlier one stays, unless it is another connection between the same ports.
    """
    now = pl.lit(time_ms, dtype=pl.Int64)
    other = (
        (pl.col("change") == "opened") | (pl.col("sent") < pl.col("sent_old")) | (pl.col("received") < pl.col("received_old"))
    )
    known = pl.col("since_old").is_not_null() & ~other.fill_null(value=False)
    more_sent = (pl.col("sent") > pl.col("sent_old")).fill_null(value=True)
    more_received = (pl.col("received") > pl.col("received_old")).fill_null(value=False)
    idle_ms = (pl.col("idle_secs") * 1000).round().cast(pl.Int64)
    asked = pl.when(pl.col("sent").is_null()).then(None).when(known & ~more_sent).then(pl.col("asked_old")).otherwise(now)
    unused = known & ~more_sent & ~more_received
    by_bytes = pl.when(pl.col("sent").is_null()).then(None).when(unused).then(pl.col("active_old")).otherwise(now)
    since = pl.coalesce("since", now)
    return live.select(
        *KEY,
        "name",
        "direction",
        "established",
        "process",
        pl.when(known).then(pl.min_horizontal(since, "since_old")).otherwise(since).alias("since"),
        pl.coalesce(now - idle_ms, by_bytes).alias("active"),
        asked.alias("asked"),
        pl.when(known & more_received)
        .then(now)
        .when(known)
        .then(pl.col("fed_old"))
        .otherwise(None)
        .cast(pl.Int64)
        .alias("fed"),
        "sent",
        "received",
        now.alias("seen"),
    )
