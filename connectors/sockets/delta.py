"""Takes snapshots in their order, gives what each changed since the one before, or all of it; knows nothing of before the first."""

from __future__ import annotations

import polars as pl

KEY = ("local_ip", "local_port", "remote_ip", "remote_port")
WATCHED = ("state", "direction", "remote_name", "uid", "inode", "pid", "process", "complete", "bytes_sent", "bytes_received")
"""What is published when it changes; `idle_secs` and `age_secs` go on by themselves."""


class Delta:
    """The snapshot before.

    Args:
        full_every: Every so manieth snapshot is given as a whole, unless it is empty; the first always is.
    """

    def __init__(self, full_every: int) -> None:
        self._full_every = full_every
        self._taken = 0
        self._before: pl.DataFrame | None = None

    def step(self, snapshot: pl.DataFrame, time_ms: int) -> pl.DataFrame:
        """Give the records of a snapshot: its columns with `change`, `since` (epoch ms) and `age_secs`.

        Args:
            snapshot: One row a connection, the columns of `KEY` and `WATCHED` and others.
            time_ms: When it was taken.
        """
        whole = self._taken % self._full_every == 0
        self._taken += 1
        before = self._before
        now = pl.lit(time_ms, dtype=pl.Int64)
        if before is None:
            present = snapshot.with_columns(since=now, change=pl.lit("opened"))
        else:
            present = _compared(snapshot, before, now)
        self._before = present.drop("change")
        # An empty whole snapshot has no record to say so: what is gone is told instead.
        if before is None or (whole and not present.is_empty()):
            records = present.with_columns(change=pl.lit("full"))
        else:
            gone = before.join(snapshot, on=KEY, how="anti", maintain_order="left").with_columns(change=pl.lit("closed"))
            records = pl.concat([present.filter(pl.col("change") != ""), gone])
        return records.with_columns(age_secs=(now - pl.col("since")).clip(0) / 1000)


def _compared(snapshot: pl.DataFrame, before: pl.DataFrame, now: pl.Expr) -> pl.DataFrame:
    """Give a snapshot with `since` and `change`, which is empty where nothing did."""
    old = before.select(*KEY, *(pl.col(name).alias(f"{name}_old") for name in (*WATCHED, "since")))
    both = snapshot.join(old, on=KEY, how="left", maintain_order="left")
    # A socket that lost its inode is on its way out; one with another inode is another connection between the same ports.
    other = (pl.col("inode") != pl.col("inode_old")) & (pl.col("inode") != 0) & (pl.col("inode_old") != 0)
    opened = pl.col("since_old").is_null() | other
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in WATCHED)
    return both.select(
        *snapshot.columns,
        pl.when(opened).then(now).otherwise(pl.col("since_old")).alias("since"),
        pl.when(opened).then(pl.lit("opened")).when(changed).then(pl.lit("changed")).otherwise(pl.lit("")).alias("change"),
    )
