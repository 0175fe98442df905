"""Takes sockets as decoded, gives those that the options select, with direction, name and process of each."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from connectors.sockets import owners
from connectors.sockets.delta import KEY
from connectors.sockets.options import SocketsConfig
from wellhead import PermanentError


def arranged(seen: pl.DataFrame, config: SocketsConfig, root: Path) -> pl.DataFrame:
    """Give the sockets to publish, each once, by the schema's columns.

    Args:
        seen: The columns of `proc.SCHEMA`.
        config: The options.
        root: The /proc to look for processes in.

    Raises:
        PermanentError: `hosts_file` cannot be read.
    """
    listened = seen.filter(pl.col("state") == "LISTEN")["local_port"].unique().to_list()
    # A table that changes while it is read may show a socket twice; the later row is the newer one.
    found = seen.filter(pl.col("state").is_in(list(config.states))).unique(KEY, keep="last", maintain_order=True)
    direction = (
        pl.when(pl.col("state") == "LISTEN")
        .then(pl.lit("unknown"))
        .when(pl.col("local_port").is_in(listened))
        .then(pl.lit("client"))
        .otherwise(pl.lit("server"))
    )
    found = found.with_columns(direction=direction, remote_name=_names(config.hosts_file, found["remote_ip"]))
    if config.local_ports:
        found = found.filter((pl.col("direction") == "server") | pl.col("local_port").is_in(list(config.local_ports)))
    return _owned(found, root, wanted=config.with_processes)


def _owned(found: pl.DataFrame, root: Path, *, wanted: bool) -> pl.DataFrame:
    held = owners.owners(root) if wanted else pl.DataFrame(schema=owners.SCHEMA)
    seen = pl.col("pid").is_not_null() | (pl.col("inode") == 0) | pl.lit(not wanted)
    return found.join(held, on="inode", how="left", maintain_order="left").with_columns(complete=seen)


def _names(path: Path | None, addresses: pl.Series) -> pl.Series:
    """Give the first name that a hosts file has for each address."""
    known: dict[str, str] = {}
    if path is not None:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            raise PermanentError(f"hosts_file {path} cannot be read: {error.strerror}") from error
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if len(words) > 1:
                known.setdefault(words[0], words[1])
    return pl.Series([known.get(each) for each in addresses], dtype=pl.String)
