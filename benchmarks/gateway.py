"""Takes one gateway's log in several formats, measures the product reading it beside the plain row path; same broker, interleaved.

    python -m benchmarks.gateway [--quick] [--json FILE] [--rounds N]

CPU is what the kernel booked for the whole process, all threads, less a run over 8 rows (start, imports, registering). Records per
second of the product are those of its steady window, between 10 % and 95 % of the rows; with `--quick`, too short to have one, and of the
row path they are those of the whole process, from its start to its end.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from benchmarks import gatewayrows
from benchmarks.elff import steady_rate
from benchmarks.gatewaylog import FORMATS
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import Sample, Usage, Watch, run

SUBJECT = "webgateway.access_log"
CHECKED_ROWS = 997
TINY_ROWS = 8
BARS = (
    *(Bar(f"{name}_row_path_cpu_over_ours", least=5) for name in FORMATS),
    *(Bar(f"{name}_records_per_sec", least=250_000) for name in FORMATS),
    Bar("peak_rss_mb", most=400),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows each contestant gets of each format."""

    ours: int
    row_path: int
    rounds: int


FULL = Sizes(ours=2_000_000, row_path=150_000, rounds=3)
QUICK = Sizes(ours=200_000, row_path=30_000, rounds=1)


@dataclass
class Rounds:
    """What each round gave, by contestant and format."""

    cpu_per_million: dict[str, list[float]] = field(default_factory=dict)
    records_per_sec: dict[str, list[float]] = field(default_factory=dict)
    peak_rss_mb: float = 0.0

    def add(self, who: str, rows: int, base: Usage, used: Usage, rate: float) -> None:
        """Note one run over `rows` rows, its CPU beyond what one over a few took."""
        cpu = (used.cpu_secs - base.cpu_secs) / rows * 1e6
        self.cpu_per_million.setdefault(who, []).append(cpu)
        self.records_per_sec.setdefault(who, []).append(rate)
        print(f"  {who:<20} {cpu:7.2f} CPU s/M  {rate:10,.0f} records/s  {used.peak_rss_mb:6.0f} MiB peak", flush=True)


class Contest:
    """Runs the contestants one at a time against one broker."""

    def __init__(self, folder: Path, sizes: Sizes, topics: Topics, stack_words: dict[str, Any]) -> None:
        self._folder = folder
        self._sizes = sizes
        self._topics = topics
        self._worker = stack_words | {"listeners": "", "spool.dir": str(folder / "spool")}
        self.rounds = Rounds()
        for name, rows in (("big", sizes.ours), ("tiny", TINY_ROWS)):
            subprocess.run([sys.executable, "-m", "benchmarks.gatewaylog", str(rows), str(folder / name)], check=True)

    def log(self, kind: str, size: str = "big") -> Path:
        """Where a log lies."""
        return self._folder / size / f"{kind}.log"

    def ours(self, kind: str, number: int) -> None:
        """Read the log with the product; check the count and some values."""
        base, _ = self._read(kind, "tiny", f"{kind}{number}-start")
        used, samples = self._read(kind, "big", f"{kind}{number}")
        topic = f"{kind}{number}.{SUBJECT}"
        check(self._topics, topic, kind, self.log(kind), self._sizes.ours)
        self._topics.delete(topic)
        self.rounds.peak_rss_mb = max(self.rounds.peak_rss_mb, used.peak_rss_mb)
        rate = steady_rate(samples, self._sizes.ours) or self._sizes.ours / used.wall_secs
        self.rounds.add(f"{kind}_ours", self._sizes.ours, base, used, rate)

    def _read(self, kind: str, size: str, name: str) -> tuple[Usage, list[Sample]]:
        connector = {
            "connector.class": "webgateway",
            "tenant": name,
            "topic.prefix": f"{name}.",
            "topic.creation.default.partitions": 1,
            "paths": str(self.log(kind, size)),
            "follow": False,
        }
        deployment = self._folder / f"{name}.json"
        deployment.write_text(json.dumps({"worker": self._worker | {"group.id": name}, "connectors": {name: connector}}))
        command = [sys.executable, "-m", "wellhead", "run", "--once", str(deployment)]
        topic = f"{name}.{SUBJECT}"
        self._topics.create(topic)
        with Watch(lambda: self._topics.end(topic)) as watch:
            return run(command, self._folder / f"{name}.log"), watch.samples

    def row_path(self, kind: str, number: int) -> None:
        """Publish some rows the plain way."""
        base = self._rows(kind, TINY_ROWS, f"rows-{kind}{number}-start")
        used = self._rows(kind, self._sizes.row_path, f"rows-{kind}{number}")
        self.rounds.add(f"{kind}_row_path", self._sizes.row_path, base, used, self._sizes.row_path / used.wall_secs)

    def _rows(self, kind: str, rows: int, topic: str) -> Usage:
        self._topics.create(topic)
        words = [kind, str(self.log(kind)), topic, self._worker["kafka"]["bootstrap.servers"], str(rows)]
        used = run([sys.executable, "-m", "benchmarks.gatewayrows", *words], self._folder / f"{topic}.log")
        self._topics.delete(topic)
        return used


def check(topics: Topics, topic: str, kind: str, log: Path, rows: int) -> None:
    """Read the topic back and compare: every row is there once and in order, and every 997th is what the plain way reads in its line.

    Raises:
        RuntimeError: It is not so.
    """
    with log.open(encoding="utf-8", newline="\n") as text:
        lines = (line for line in text if not line.startswith("#"))
        expected = gatewayrows.records(kind, itertools.islice(lines, 0, None, CHECKED_ROWS))
        count = 0
        for count, message in enumerate(topics.committed(topic), 1):
            if (count - 1) % CHECKED_ROWS == 0:
                value = message.value()
                assert value is not None
                record = {name: held for name, held in topics.record(value).items() if held is not None}
                wanted = {name: held for name, held in next(expected).items() if held is not None}
                if record != wanted:
                    raise RuntimeError(f"row {count} of {topic} is not what the log says: {record}, but {wanted}")
    if count != rows:
        raise RuntimeError(f"{topic} holds {count:,} committed records, the log {rows:,} lines")


def measure(sizes: Sizes) -> Report:
    """Run the rounds; give what came out."""
    with memory_folder() as folder, servers(folder) as stack:
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        words = {"kafka": {"bootstrap.servers": stack.bootstrap_servers}, "schema.registry.url": stack.registry_url}
        contest = Contest(folder, sizes, topics, words)
        conditions = {**machine(), "rows": sizes.ours, "rounds": sizes.rounds}
        conditions |= {f"{kind}_bytes_per_line": round(contest.log(kind).stat().st_size / sizes.ours) for kind in FORMATS}
        for number in range(sizes.rounds):
            print(f"round {number + 1} of {sizes.rounds}", flush=True)
            for kind in FORMATS:
                contest.ours(kind, number)
                contest.row_path(kind, number)
        topics.close()
    return report(contest.rounds, conditions)


def report(rounds: Rounds, conditions: dict[str, object]) -> Report:
    """Turn rounds into ratios and figures: medians, and the highest memory."""
    cpu = {who: statistics.median(each) for who, each in rounds.cpu_per_million.items()}
    rate = {who: statistics.median(each) for who, each in rounds.records_per_sec.items()}
    figures: dict[str, int | float] = {}
    for kind in FORMATS:
        figures[f"{kind}_records_per_sec"] = round(rate[f"{kind}_ours"])
        figures[f"{kind}_cpu_secs_per_million"] = round(cpu[f"{kind}_ours"], 2)
        figures[f"{kind}_row_path_records_per_sec"] = round(rate[f"{kind}_row_path"])
        figures[f"{kind}_row_path_cpu_secs_per_million"] = round(cpu[f"{kind}_row_path"], 2)
    figures["peak_rss_mb"] = round(rounds.peak_rss_mb)
    ratios = {f"{kind}_row_path_cpu_over_ours": round(cpu[f"{kind}_row_path"] / cpu[f"{kind}_ours"], 2) for kind in FORMATS}
    return Report("gateway", ratios, figures, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="A fifth of the rows, one round.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
@click.option("--rounds", type=int, help="Rounds, each contestant once in each.")
def main(*, quick: bool, json_path: Path | None, rounds: int | None) -> None:
    """Measure reading a gateway's log beside the plain row path."""
    chosen = QUICK if quick else FULL
    outcome = measure(chosen if rounds is None else replace(chosen, rounds=rounds))
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
