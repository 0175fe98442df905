"""Takes servers that push, measures how soon an event can be read in Kafka, and what a thousand streams cost on which nothing happens.

    python -m benchmarks.push [--quick] [--json FILE]

The shipped `wellhead run`, a real broker, the server and the reader share the machine. An event bears the time at which it was written to its
socket; the clock runs until a plain read_committed consumer has its record. The idle part counts the memory of one real process and its CPU
time while its streams bring nothing but a sign of life every 15 seconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs, rss_mb, tail
from wellhead.stack import Stack

CHANNELS = 50
PER_SEC = 10
IDLE = 1_000
SUBJECT = "push.event"
PATIENCE_SECS = 120
BARS = (
    Bar("readable_p99_ms", most=150),
    Bar("idle_rss_mb", most=400),
    Bar("idle_cpu_cores", most=0.05),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long each part takes."""

    warm_secs: float
    timed_secs: float
    settle_secs: float
    idle_secs: float


FULL = Sizes(warm_secs=15, timed_secs=60, settle_secs=15, idle_secs=90)
QUICK = Sizes(warm_secs=5, timed_secs=10, settle_secs=5, idle_secs=20)


@dataclass(frozen=True, slots=True)
class Pushing:
    """A server that runs."""

    port: int

    def state(self) -> dict[str, int]:
        """Give how many streams are open, and how many events were sent."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_open", timeout=30) as answer:
            state: dict[str, int] = json.load(answer)
            return state


@contextmanager
def pushing(per_sec: float) -> Iterator[Pushing]:
    """Run a server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pushserver", str(per_sec)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Pushing(int(process.stdout.readline()))
        finally:
            process.terminate()


@contextmanager
def worker(stack: Stack, folder: Path, server: Pushing, name: str, channels: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the product on so many channels of a server."""
    settings = {
        "group.id": name,
        "kafka": {"bootstrap.servers": stack.bootstrap_servers},
        "schema.registry.url": stack.registry_url,
        "listeners": "",
        "spool.dir": str(folder),
    }
    connector = {
        "connector.class": "push",
        "tenant": "bench",
        "topic.prefix": f"{name}.",
        "topic.creation.default.partitions": 1,
        "url": f"http://127.0.0.1:{server.port}/{{channel}}",
        "channels": ",".join(f"c{number}" for number in range(channels)),
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"worker": settings, "connectors": {name: connector}}) + "\n")
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "wellhead", "run", str(file)], stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or server.state()["open"] >= channels, folder / f"{name}.log")
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended\n{tail(folder / f'{name}.log')}")
        yield process
    finally:
        process.terminate()
        process.wait(30)


class Reader:
    """Reads a topic from its end on, in a thread of its own, and notes when each record could be read."""

    def __init__(self, stack: Stack, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack.bootstrap_servers,
                "group.id": "benchmark-push",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader")
        self.read: list[tuple[int, bytes]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._halt.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._halt.is_set():
            message = self._consumer.poll(0.2)
            value = None if message is None or message.error() is not None else message.value()
            if isinstance(value, bytes):
                self.read.append((time.time_ns(), value))


def latencies(topics: Topics, read: list[tuple[int, bytes]]) -> list[float]:
    """Give the milliseconds from sending each event until it could be read."""
    return [(read_ns - json.loads(topics.record(value)["data"])["sent_ns"]) / 1e6 for read_ns, value in read]


def busy(stack: Stack, folder: Path, sizes: Sizes) -> dict[str, float]:
    """Measure how soon events can be read."""
    topics = Topics(stack.bootstrap_servers, stack.registry_url)
    topic = f"busy.{SUBJECT}"
    with pushing(PER_SEC) as server, worker(stack, folder, server, "busy", CHANNELS) as process:
        until(lambda: topics.end(topic) > CHANNELS, folder / "busy.log")
        time.sleep(sizes.warm_secs)
        began, used = time.monotonic(), cpu_secs(process.pid)
        with Reader(stack, topic) as reader:
            time.sleep(sizes.timed_secs)
            cores = (cpu_secs(process.pid) - used) / (time.monotonic() - began)
            read = list(reader.read)
        sent_per_sec = len(read) / sizes.timed_secs
    found = latencies(topics, read)
    topics.close()
    cuts = statistics.quantiles(found, n=1000)
    return {
        "readable_p50_ms": round(statistics.median(found), 1),
        "readable_p99_ms": round(cuts[989], 1),
        "readable_p999_ms": round(cuts[998], 1),
        "readable_max_ms": round(max(found), 1),
        "events_per_sec": round(sent_per_sec, 1),
        "busy_cpu_cores": round(cores, 3),
    }


def idle(stack: Stack, folder: Path, sizes: Sizes) -> dict[str, float]:
    """Measure what streams cost to which nothing comes."""
    with pushing(0) as server, worker(stack, folder, server, "idle", IDLE) as process:
        time.sleep(sizes.settle_secs)
        began, used = time.monotonic(), cpu_secs(process.pid)
        time.sleep(sizes.idle_secs)
        cores = (cpu_secs(process.pid) - used) / (time.monotonic() - began)
        still_open = server.state()["open"]
        if still_open != IDLE:
            raise RuntimeError(f"{still_open} of {IDLE} streams were open at the end\n{tail(folder / 'idle.log')}")
        return {
            "idle_rss_mb": round(rss_mb(process.pid), 1),
            "idle_rss_peak_mb": round(rss_mb(process.pid, "VmHWM"), 1),
            "idle_cpu_cores": round(cores, 4),
            "idle_threads": len(list(Path(f"/proc/{process.pid}/task").iterdir())),
        }


def until(reached: Callable[[], bool], log: Path) -> None:
    """Return once something is so.

    Raises:
        RuntimeError: It never was; shows the worker's last words.
    """
    deadline = time.monotonic() + PATIENCE_SECS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not reached in {PATIENCE_SECS} s; see {log}\n{tail(log)}")
        time.sleep(0.1)


def measure(sizes: Sizes) -> Report:
    """Measure both parts, one after the other."""
    conditions = machine() | {
        "channels": CHANNELS,
        "events_a_second_each": PER_SEC,
        "timed_secs": sizes.timed_secs,
        "idle_channels": IDLE,
        "idle_secs": sizes.idle_secs,
    }
    with memory_folder() as folder, servers(folder) as stack:
        figures = {**busy(stack, folder, sizes), **idle(stack, folder, sizes)}
    return Report("push", {}, figures, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="Seconds instead of minutes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure how soon pushed events can be read, and what idle streams cost."""
    outcome = measure(QUICK if quick else FULL)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
