"""Takes one log in gzip, measures the product pulling it beside Kafka Connect and the plain row path; same broker, interleaved.

    python -m benchmarks.elff [--quick] [--json FILE] [--rounds N]

CPU is what the kernel booked for the worker process, all threads. Of the product it is the whole process less a run over 8
rows (start, imports, registering), of Connect the steady window between 10 % and 95 % of the rows, of the row path the whole
process less one over 8 rows. Records per second of the product count from its first request, so download included, to its last commit; beside
it stand the rate in the same steady window as Connect's, and the one of the whole process, from its start to its end.
"""

from __future__ import annotations

import csv
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.connect_worker import Peer, TaskFailedError
from benchmarks.corpus import FIELDS, Corpus
from benchmarks.ours import Worker
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import corpus, memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import Sample, Usage, Watch, cpu_secs, rss_mb, run, steady
from benchmarks.vendor import serving
from connectors.wss.fields import column_name

PASS_THROUGH, SAME_WORK, LEAN = "connect_passthrough", "connect_avro", "connect_avro_preregistered"
PATIENCE_SECS = 600.0
CONNECT_ATTEMPTS = 3
CHECKED_ROWS = 997
BARS = (
    Bar("connect_passthrough_cpu_over_ours", least=1.2),
    Bar("connect_avro_cpu_over_ours", least=5),
    Bar("row_path_cpu_over_ours", least=5),
    Bar("records_per_sec", least=250_000),
    Bar("peak_rss_mb", most=400),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows each contestant gets."""

    ours: int
    pass_through: int
    same_work: int
    row_path: int
    warm_up: int
    rounds: int


FULL = Sizes(ours=2_000_000, pass_through=2_000_000, same_work=600_000, row_path=300_000, warm_up=400_000, rounds=3)
QUICK = Sizes(ours=200_000, pass_through=200_000, same_work=100_000, row_path=40_000, warm_up=100_000, rounds=1)


@dataclass
class Rounds:
    """What each round gave, by contestant."""

    cpu_per_million: dict[str, list[float]] = field(default_factory=dict)
    records_per_sec: dict[str, list[float]] = field(default_factory=dict)
    peak_rss_mb: dict[str, float] = field(default_factory=dict)
    steady_records_per_sec: list[float] = field(default_factory=list)
    whole_process_records_per_sec: list[float] = field(default_factory=list)
    raw_cpu_per_million: list[float] = field(default_factory=list)

    def add(self, who: str, cpu: float, rate: float, rss: float) -> None:
        """Note one run: CPU seconds per million records, records per second, peak MiB."""
        self.cpu_per_million.setdefault(who, []).append(cpu)
        self.records_per_sec.setdefault(who, []).append(rate)
        self.peak_rss_mb[who] = max(rss, self.peak_rss_mb.get(who, 0))
        print(f"  {who:<28} {cpu:7.2f} CPU s/M  {rate:10,.0f} records/s  {rss:6.0f} MiB peak", flush=True)

    def over_ours(self, who: str) -> float:
        """The median CPU of a contestant over ours."""
        return round(statistics.median(self.cpu_per_million[who]) / statistics.median(self.cpu_per_million["ours"]), 2)


class Contest:
    """Runs the contestants one at a time against one broker."""

    def __init__(self, folder: Path, sizes: Sizes, worker: Worker, topics: Topics, servers: str) -> None:
        self._folder = folder
        self._sizes = sizes
        self._worker = worker
        self._topics = topics
        self._servers = servers
        self.rounds = Rounds()
        self._peer_schema = ""
        self.tiny = corpus(8, folder / "tiny")
        self.big = corpus(sizes.ours, folder / "big")

    def ours(self, number: int) -> None:
        """Pull the archive with the product; check the count, and the first time some values."""
        base, _, _ = self._pull(self.tiny, f"ours{number}-start")
        used, samples, secs = self._pull(self.big, f"ours{number}")
        rows, topic = self.big.rows, self._worker.topic(f"ours{number}")
        check(self._topics, topic, self.big)
        self._topics.delete(topic)
        cpu = (used.cpu_secs - base.cpu_secs) / rows * 1e6
        self.rounds.raw_cpu_per_million.append(used.cpu_secs / rows * 1e6)
        self.rounds.steady_records_per_sec.append(steady_rate(samples, rows))
        self.rounds.whole_process_records_per_sec.append(rows / used.wall_secs)
        self.rounds.add("ours", cpu, rows / secs, used.peak_rss_mb)

    def _pull(self, data: Corpus, name: str) -> tuple[Usage, list[Sample], float]:
        """Give usage, samples, and the seconds from the product's first request to its last commit, as far as 0.1 s samples tell."""
        self._topics.create(self._worker.topic(name))  # or a sampler that asked too early would not see it for half a minute
        with serving(data.archive) as vendor:
            used, samples = self._worker.pull(vendor.url, name, self._topics.end)
            return used, samples, committed_secs(samples, used) - vendor.next_request_secs()

    def row_path(self, number: int) -> None:
        """Publish some rows the plain way."""
        base = self._rows(8, f"rows{number}-start")
        rows = self._sizes.row_path
        used = self._rows(rows, f"rows{number}")
        cpu = (used.cpu_secs - base.cpu_secs) / rows * 1e6
        self.rounds.add("row_path", cpu, rows / used.wall_secs, used.peak_rss_mb)

    def _rows(self, rows: int, topic: str) -> Usage:
        self._topics.create(topic)
        command = [sys.executable, "-m", "benchmarks.rows", str(self.big.packed), topic, self._servers, str(rows)]
        used = run(command, self._folder / f"{topic}.log")
        self._topics.delete(topic)
        return used

    def connect(self, peer: Peer, who: str, name: str, rows: int, *, warm_up: bool = False) -> None:
        """Let a connector publish `rows` rows, from a steady window of which its figures are taken.

        Connect's exactly-once task now and then fails with "OffsetStorageWriter is already flushing"; it may try again.
        """
        for attempt in range(CONNECT_ATTEMPTS):
            try:
                samples = self._connect_once(peer, who, f"{name}-{attempt}", rows)
                break
            except TaskFailedError as error:
                print(f"  {who}: tried again, {error.args[0].splitlines()[-1].strip()}", flush=True)
                if attempt == CONNECT_ATTEMPTS - 1:
                    raise
        if not warm_up:
            begun, ended = steady(samples, rows)
            records = ended.records - begun.records
            cpu, secs = ended.cpu_secs - begun.cpu_secs, ended.at_secs - begun.at_secs
            self.rounds.add(who, cpu / records * 1e6, records / secs, rss_mb(peer.pid, "VmHWM"))

    def _connect_once(self, peer: Peer, who: str, name: str, rows: int) -> list[Sample]:
        self._topics.create(name)
        with Watch(lambda: self._topics.end(name), lambda: cpu_secs(peer.pid)) as watch:
            peer.start_connector(name, self._config(peer, who, name))
            try:
                self._await(lambda: peer.check(name), watch.samples, rows)
            finally:
                peer.delete_connector(name)
        if who == SAME_WORK:
            self._peer_schema = self._topics.schema_text(f"{name}-value")
        self._topics.delete(name)
        return watch.samples

    def _config(self, peer: Peer, who: str, name: str) -> dict[str, object]:
        if who == PASS_THROUGH:
            return peer.pass_through(self.big.text, name)
        if who == LEAN:
            self._topics.register(f"{name}-value", self._peer_schema)
        return peer.same_work(self.big.packed, name, registers=who == SAME_WORK)

    @staticmethod
    def _await(check_alive: Callable[[], None], samples: Sequence[Sample], rows: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECS
        while not samples or samples[-1].records < rows:
            time.sleep(0.5)
            check_alive()
            if time.monotonic() > deadline:
                raise RuntimeError(f"Connect has not published {rows:,} rows in {PATIENCE_SECS:g} s")


def steady_rate(samples: Sequence[Sample], rows: int) -> float:
    """Give records per second inside the steady window; 0 where the run was too short to have one."""
    try:
        begun, ended = steady(samples, rows)
    except RuntimeError:
        return 0.0
    return (ended.records - begun.records) / (ended.at_secs - begun.at_secs)


def check(topics: Topics, topic: str, data: Corpus) -> None:
    """Read the topic back and compare: every row is there once and in order, and every 997th is what csv reads in its line.

    Raises:
        RuntimeError: It is not so.
    """
    expected = sampled(data)
    count = 0
    for count, message in enumerate(topics.committed(topic), 1):
        if (count - 1) % CHECKED_ROWS == 0:
            value = message.value()
            assert value is not None
            record = {name: held for name, held in topics.record(value).items() if held is not None}
            if record != next(expected):
                raise RuntimeError(f"row {count} of {topic} is not what the log says: {record}")
    if count != data.rows:
        raise RuntimeError(f"{topic} holds {count:,} committed records, {data.rows:,} were served")


def sampled(data: Corpus) -> Any:
    """Give every 997th line of a corpus as the record it must become, read by csv alone."""
    names = [column_name(name) for name in FIELDS.split()]
    with data.text.open(encoding="utf-8", newline="") as text:
        for line in itertools.islice(text, 0, None, CHECKED_ROWS):
            row = dict(zip(names, next(csv.reader([line.rstrip("\n")], delimiter=" ")), strict=True))
            moment = datetime.fromisoformat(f"{row.pop('date')}T{row.pop('time')}").replace(tzinfo=UTC)
            numbers = {"sc_status", "cs_uri_port", "time_taken", "sc_bytes", "cs_bytes"}
            yield {"time": moment} | {key: int(held) if key in numbers else held for key, held in row.items() if held != "-"}


def measure(sizes: Sizes) -> Report:
    """Run warm-ups and rounds; give what came out."""
    with memory_folder() as folder, servers(folder) as stack:
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        contest = Contest(folder, sizes, Worker(stack, folder / "ours"), topics, stack.bootstrap_servers)
        conditions = {**machine(), **shape(contest.big, sizes)}
        with Peer(stack, folder / "connect") as peer:
            print("warming up Connect", flush=True)
            contest.connect(peer, SAME_WORK, "connect-first", sizes.warm_up, warm_up=True)
            contest.connect(peer, PASS_THROUGH, "connect-second", sizes.warm_up, warm_up=True)
            for number in range(sizes.rounds):
                print(f"round {number + 1} of {sizes.rounds}", flush=True)
                contest.ours(number)
                contest.connect(peer, PASS_THROUGH, f"passed{number}", sizes.pass_through)
                contest.connect(peer, SAME_WORK, f"same{number}", sizes.same_work)
                contest.connect(peer, LEAN, f"lean{number}", sizes.same_work)
                contest.row_path(number)
        topics.close()
    return report(contest.rounds, conditions)


def committed_secs(samples: Sequence[Sample], used: Usage) -> float:
    """Give when the topic was first seen at its full size, commit marker included; the end of the process where that was too quick."""
    return next((s.at_secs for s in samples if s.records == samples[-1].records > 0), used.started_secs + used.wall_secs)


def shape(data: Corpus, sizes: Sizes) -> dict[str, object]:
    """Give what the data and the peers are, for the conditions."""
    return {
        "rows": sizes.ours,
        "rounds": sizes.rounds,
        "bytes_per_line": round(data.text_bytes / data.rows, 1),
        "gzip_ratio": round(data.text_bytes / data.packed_bytes, 2),
        "kafka": "4.3.1, 1 broker, -Xmx1g G1, replication 1, loopback, tmpfs",
        "kafka_connect": "4.3.1, distributed, exactly-once, interval 1 s, -Xmx2g G1; batch.size 256k, linger 20, lz4",
        "avro_converter": "Apicurio 2.6.13; preregistered = find-latest in place of its auto-register",
        "records_per_sec": "ours: first request to last commit; connect: its steady window; row path: whole process",
        "ours_writes": "76 fields a record, 25 of them in the log; the peers write 25",
    }


def report(rounds: Rounds, conditions: dict[str, object]) -> Report:
    """Turn rounds into ratios and figures: medians, and the highest memory."""
    peers = (PASS_THROUGH, SAME_WORK, LEAN, "row_path")
    figures: dict[str, int | float] = {
        "records_per_sec": round(statistics.median(rounds.records_per_sec["ours"])),
        "steady_records_per_sec": round(statistics.median(rounds.steady_records_per_sec)),
        "whole_process_records_per_sec": round(statistics.median(rounds.whole_process_records_per_sec)),
        "cpu_secs_per_million": round(statistics.median(rounds.cpu_per_million["ours"]), 2),
        "cpu_secs_per_million_with_start": round(statistics.median(rounds.raw_cpu_per_million), 2),
        "peak_rss_mb": round(rounds.peak_rss_mb["ours"]),
    }
    for who in peers:
        figures |= {
            f"{who}_records_per_sec": round(statistics.median(rounds.records_per_sec[who])),
            f"{who}_cpu_secs_per_million": round(statistics.median(rounds.cpu_per_million[who]), 2),
            f"{who}_peak_rss_mb": round(rounds.peak_rss_mb[who]),
        }
    return Report("elff", {f"{who}_cpu_over_ours": rounds.over_ours(who) for who in peers}, figures, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the rows, one round.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
@click.option("--rounds", type=int, help="Rounds, each contestant once in each.")
def main(*, quick: bool, json_path: Path | None, rounds: int | None) -> None:
    """Measure the WSS log path beside Kafka Connect and the plain row path."""
    chosen = QUICK if quick else FULL
    sizes = (
        chosen if rounds is None else Sizes(**{name: getattr(chosen, name) for name in Sizes.__slots__} | {"rounds": rounds})
    )
    outcome = measure(sizes)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
