"""Takes an archive far larger than memory may grow, measures the product's peak; and how soon and how small an idle worker is.

    python -m benchmarks.memory [--quick] [--json FILE]

The archive repeats one gzip member, so that it fits tmpfs; the product unpacks and publishes every line of it all the same.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
import zipfile
from pathlib import Path

import click

from benchmarks.corpus import TRAILER, Corpus
from benchmarks.ours import Worker
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import corpus, memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs, rss_mb
from benchmarks.vendor import serving
from wellhead.stack import Stack

GIGABYTE = 1_000_000_000
MEMBER_ROWS = 200_000
SETTLE_SECS = 5.0
IDLE_SECS = 10.0
STARTS = 3
STOP_SECS = 10
BARS = (
    Bar("peak_rss_mb", most=400),
    Bar("start_to_first_poll_secs", most=2),
    Bar("idle_rss_mb", most=150),
)


def repeat(data: Corpus, times: int, target: Path) -> int:
    """Write an archive of one member that is the corpus `times` over; give how many bytes of text it holds."""
    member = data.packed.read_bytes()
    with target.open("wb") as body:
        with (
            zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive,
            archive.open("cloud_18000_20260101000000.log.gz", "w", force_zip64=True) as packed,
        ):
            for _ in range(times):
                packed.write(member)
        body.seek(0, os.SEEK_END)
        body.write(TRAILER)
    return data.text_bytes * times


def pull_huge(stack: Stack, folder: Path, text_bytes: int) -> tuple[dict[str, int | float], dict[str, object]]:
    """Pull one archive of about `text_bytes`; give figures and conditions."""
    data = corpus(MEMBER_ROWS, folder / "member")
    times = -(-text_bytes // data.text_bytes)
    archive = folder / "huge.bin"
    held_bytes = repeat(data, times, archive)
    worker, topics = Worker(stack, folder / "ours"), Topics(stack.bootstrap_servers, stack.registry_url)
    with serving(archive) as vendor:
        used, _ = worker.pull(vendor.url, "huge", topics.end)
    rows = sum(1 for _ in topics.committed(worker.topic("huge")))
    topics.delete(worker.topic("huge"))
    topics.close()
    archive.unlink()
    if rows != MEMBER_ROWS * times:
        raise RuntimeError(f"{rows:,} records of {MEMBER_ROWS * times:,} were published")
    figures = {"peak_rss_mb": round(used.peak_rss_mb), "text_gb": round(held_bytes / GIGABYTE, 2), "rows": rows}
    return figures, {"seconds": round(used.wall_secs, 1), "bytes_per_line": round(data.text_bytes / data.rows, 1)}


def start_and_idle(stack: Stack, folder: Path, name: str, idle_secs: float) -> dict[str, float]:
    """Start a worker whose vendor has nothing; give the time to its first request, its memory and CPU while it waits."""
    worker = Worker(stack, folder / name)
    with serving() as vendor, worker.log(name).open("wb") as log:
        command = worker.command(vendor.url, name, once=False)
        started_secs = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            first_poll_secs = vendor.next_request_secs() - started_secs
            time.sleep(SETTLE_SECS)
            before = cpu_secs(process.pid)
            time.sleep(idle_secs)
            return {
                "start_to_first_poll_secs": round(first_poll_secs, 2),
                "idle_rss_mb": round(rss_mb(process.pid), 1),
                "idle_cpu_percent": round((cpu_secs(process.pid) - before) / idle_secs * 100, 2),
            }
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def measure(text_bytes: int) -> Report:
    """Run everything once, starts three times; give what came out."""
    with memory_folder() as folder, servers(folder) as stack:
        conditions: dict[str, object] = machine()
        # A broker that has never seen a transaction takes seconds to make its own topics for them; that is no worker's start.
        start_and_idle(stack, folder, "first", 0.1)
        runs = [start_and_idle(stack, folder, f"idle{number}", IDLE_SECS / STARTS) for number in range(STARTS)]
        figures: dict[str, int | float] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        huge, shape = pull_huge(stack, folder, text_bytes)
    return Report("memory", {}, {**huge, **figures}, {**conditions, **shape}, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="1 GB of text instead of 8.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure the memory of a worker at work and at rest, and how soon it polls."""
    outcome = measure(GIGABYTE if quick else 8 * GIGABYTE)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
