"""Takes a machine with many open connections, measures a snapshot of them by the product beside psutil's; interleaved, in one run.

    python -m benchmarks.sockets [--quick] [--json FILE]

The connections are real ones over loopback, held by other processes, so that their owners are looked for, too. Ours is all that a poll
does: the kernel asked, processes found, directions told, and the difference to the snapshot before made into records.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import polars as pl
import psutil

from benchmarks.report import Bar, Report, machine
from connectors.sockets import netlink, proc
from connectors.sockets.arrange import arranged
from connectors.sockets.delta import Delta
from connectors.sockets.options import SocketsConfig

HOLDERS = 5
ROUNDS = 5
PROC = Path("/proc")
BARS = (Bar("snapshot_secs", most=1),)


@contextlib.contextmanager
def held(sockets: int) -> Iterator[None]:
    """Have so many sockets be open while the block lasts."""
    each = sockets // 2 // HOLDERS
    with contextlib.ExitStack() as stack:
        holders = []
        for number in range(HOLDERS):
            command = [sys.executable, "-m", "benchmarks.socketholder", str(each), f"127.0.1.{number + 1}"]
            holder = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            stack.callback(holder.kill)
            holders.append(holder)
        for holder in holders:
            assert holder.stdout is not None
            if holder.stdout.readline() != b"ready\n":
                raise SystemExit(
                    "a process that holds connections open has ended: is the limit of open files (ulimit -Hn) high enough?"
                )
        yield


class Ours:
    """Snapshots as the source takes them, from one of its two eyes."""

    def __init__(self, look: Callable[[], pl.DataFrame]) -> None:
        self._look = look
        self._delta = Delta(full_every=6)
        self._config = SocketsConfig()

    def snapshot(self) -> int:
        """Take one; give how many connections it saw."""
        seen = arranged(self._look(), self._config, PROC)
        self._delta.step(seen, round(time.time() * 1_000))
        return seen.height


def from_proc() -> pl.DataFrame:
    """Read the tables as text."""
    return pl.concat([proc.decode((PROC / "net" / table).read_bytes())[0] for table in ("tcp", "tcp6")])


def peers() -> int:
    """Take the same by psutil."""
    return len(psutil.net_connections("tcp"))


def timed(take: Callable[[], int]) -> tuple[float, int]:
    """Give how long it took, seconds, and what it saw."""
    began = time.perf_counter()
    seen = take()
    return time.perf_counter() - began, seen


@click.command()
@click.option("--quick", is_flag=True, help="5,000 sockets instead of 50,000.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the outcome there.")
def main(*, quick: bool, path: Path | None) -> None:
    """Measure snapshots of many connections."""
    sockets = 5_000 if quick else 50_000
    takes = {"netlink": Ours(netlink.sockets).snapshot, "proc": Ours(from_proc).snapshot, "psutil": peers}
    secs: dict[str, list[float]] = {name: [] for name in takes}
    least: dict[str, int] = {}
    with held(sockets):
        for _ in range(ROUNDS + 1):  # the first warms up
            for name, take in takes.items():
                took, seen = timed(take)
                secs[name].append(took)
                least[name] = min(seen, least.get(name, seen))
    if missed := {name: seen for name, seen in least.items() if seen < sockets // 2 // HOLDERS * 2 * HOLDERS}:
        raise SystemExit(f"of {sockets:,} sockets were seen by {missed}")
    middle = {name: statistics.median(taken[1:]) for name, taken in secs.items()}
    report = Report(
        "sockets",
        ratios={"psutil_over_ours": middle["psutil"] / middle["netlink"]},
        figures={
            "snapshot_secs": middle["netlink"],
            "snapshot_worst_secs": max(secs["netlink"][1:]),
            "proc_snapshot_secs": middle["proc"],
            "psutil_secs": middle["psutil"],
        },
        conditions=machine()
        | {"sockets": sockets, "processes_that_hold_them": HOLDERS, "processes": len(psutil.pids()), "uid": os.getuid()},
        bars=BARS,
    )
    report.show()
    report.write(path)


if __name__ == "__main__":
    main()
