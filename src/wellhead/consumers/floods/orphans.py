"""Takes the two kinds of legs a proxy has, gives how many upstream ones certainly have no client any more, and which they may be.

A proxy carries at most one client's exchange on an upstream connection at a time, and a client's connection asks for one thing at
a time. So each upstream leg in use needs a client leg of its own, and one that was there already when the upstream leg was last
sent something: what a client asks for is asked of the server after the client came. Upstream legs last asked by time t, less the
clients that were there by t, have no client left, whatever t is; the most over all t is certain, and more cannot be said of counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

_NEVER = np.iinfo(np.int64).max
"""When an upstream leg was last asked, where nothing tells: any client may have asked since."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """What is certain, and what is likely.

    Attributes:
        count: So many upstream legs have no client, at least.
        candidates: Those among which they are: columns as of the connections, and `fed` whether bytes still came after the last
            were sent.
    """

    count: int
    candidates: pl.DataFrame


def bound(asked: npt.NDArray[np.int64], since: npt.NDArray[np.int64], streams: int = 1) -> tuple[int, int]:
    """Give how many upstream legs at least have no client, and the time by which those were last asked.

    Args:
        asked: When each upstream leg was last sent something, at the latest.
        since: When each client leg was first seen.
        streams: So many exchanges a client leg may carry at a time.
    """
    if not len(asked):
        return 0, 0
    times, counts = np.unique(asked, return_counts=True)
    clients = np.searchsorted(np.sort(since), times, side="right")
    over = np.cumsum(counts) - clients * streams
    # Of equal bounds the earliest: the fewer they are among, the better they are known.
    at = int(np.argmax(over))
    return max(0, int(over[at])), int(times[at])


def orphans(legs: pl.DataFrame, proxies: set[str], streams: int = 1) -> Orphans:
    """Give the orphans among established connections.

    Args:
        legs: The gateway's established connections.
        proxies: Names of processes that ever had clients; what others connect to has no client and needs none.
        streams: So many exchanges a client leg may carry at a time: 1 of HTTP/1.1, up to a hundred or more of HTTP/2.
    """
    mine = legs.filter(pl.col("direction").is_in(["client", "server"]))
    # One leg whose process nobody could see may be any process's.
    groups: list[Any] = [None] if mine["process"].null_count() else sorted(proxies)
    count, found = 0, []
    for process in groups:
        ours = mine if process is None else mine.filter(pl.col("process") == process)
        up = ours.filter(pl.col("direction") == "server").with_columns(pl.col("asked").fill_null(_NEVER))
        since = ours.filter(pl.col("direction") == "client")["since"].to_numpy()
        some, by = bound(up["asked"].to_numpy(), since, streams)
        if some:
            count += some
            found.append(up.filter(pl.col("asked") <= by))
    none = legs.head(0)
    candidates = pl.concat(found) if found else none
    return Orphans(count, candidates.with_columns((pl.col("fed") > pl.col("asked")).fill_null(value=False).alias("fed")))


def allotted(count: int, candidates: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Allot orphans to families: first to those whose legs still receive what nobody asked for again, then to the largest.

    Args:
        count: How many there are.
        candidates: Of each family its name, its legs among the candidates, and how many of those are still fed.

    Returns:
        Of each family its name, how many are likely its own, and how many certainly: those the others are too few for.
    """
    every, left, found = sum(legs for _, legs, _ in candidates), count, []
    for name, legs, _ in sorted(candidates, key=lambda one: (-one[2], -one[1], one[0])):
        likely = min(left, legs)
        left -= likely
        found.append((name, likely, max(0, count - (every - legs))))
    return found
