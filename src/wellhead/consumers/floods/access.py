"""Takes records of a web gateway's access log, gives the columns floods are seen by; makes up nothing that a log does not tell."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pyarrow as pa

from wellhead.consumers.floods.families import UNKNOWN

_BYTES = ("bytes_to_client", "bytes_from_client")
LENGTH_MAX_MS = 7 * 86_400_000
"""What a log says was open for longer than a week is taken for a week."""


def lines_of(batch: pa.RecordBatch) -> pl.DataFrame:
    """Give end, length, moved, host, client and address of each line that has a time, in order; null where the log does not tell."""
    rows = pl.DataFrame(pl.from_arrow(batch))
    moved = [_told(rows, name, pl.Int64()) for name in _BYTES]
    return rows.select(
        pl.col("time").dt.epoch("ms").alias("end"),
        _told(rows, "duration_ms", pl.Int64()).clip(0, LENGTH_MAX_MS).alias("length"),
        # Where neither is told nothing is known; where one is, so much moved at least.
        pl.when(pl.coalesce(moved).is_not_null()).then(pl.sum_horizontal(moved, ignore_nulls=True)).alias("moved"),
        _told(rows, "url_domain", pl.String()).alias("host"),
        _told(rows, "client_ip", pl.String()).alias("client"),
        _told(rows, "server_ip", pl.String()).alias("address"),
    ).filter(pl.col("end").is_not_null())


def with_families(lines: pl.DataFrame, family_named: Callable[[str], str]) -> pl.DataFrame:
    """Give the lines with the family of each host; those without a host are of the address, or of nothing known."""
    lines = lines.with_columns(pl.coalesce("host", "address", pl.lit(UNKNOWN)).alias("host"))
    hosts = lines["host"].unique().to_list()
    families = [family_named(host) for host in hosts]
    of = pl.DataFrame({"host": hosts, "family": families}, schema={"host": pl.String, "family": pl.String})
    return lines.join(of, on="host", how="left", maintain_order="left")


def _told(rows: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    """Give a column, which records of an earlier version need not have."""
    return pl.col(name).cast(kind) if name in rows.columns else pl.lit(None, dtype=kind)
