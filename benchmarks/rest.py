"""Takes a worker with 100 connectors, measures how soon it answers 100 requests a second, how soon it starts and how little it holds.

    python -m benchmarks.rest [--quick] [--json FILE]

The same with a real Kafka Connect in the same run. Requests are sent at fixed times whether or not earlier ones are answered, and
each answer's time counts from when its request was due, so that a worker that stands still is charged for all that waited.
A start counts from the process's start to its first list of connectors. Memory is what the kernel books for the process at rest.
"""

from __future__ import annotations

import http.client
import math
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.sides import Connect, Node, Ours, Side, create, ended, running, until
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs, rss_mb
from benchmarks.vendor import serving

CONNECTORS = 100
TENANTS = 300
PER_SEC = 100
CALLERS = 16
ANSWER_SECS = 60
SETTLE_SECS = 5.0
# What dashboards and deployment tools ask: mostly of one connector, now and then of all.
PATHS = (
    *("/connectors/{name}/status",) * 8,
    *("/connectors/{name}",) * 4,
    *("/connectors/{name}/config",) * 2,
    *("/connectors/{name}/tasks",) * 2,
    *("/connectors/{name}/tasks/0/status",) * 2,
    "/connectors",
    "/connectors?expand=status",
)
BARS = (
    Bar("p99_ms", most=50),
    Bar("start_secs", most=2),
    Bar("idle_rss_mb", most=300),
    Bar("tenants_rss_mb", most=500),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how often."""

    load_secs: float
    idle_secs: float
    starts: int


FULL = Sizes(load_secs=60, idle_secs=20, starts=5)
QUICK = Sizes(load_secs=10, idle_secs=5, starts=2)


@dataclass
class Seen:
    """What was seen of one side."""

    starts: list[float] = field(default_factory=list)
    start_cpu: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    load_cpu_secs: float = 0.0
    idle_rss_mb: float = 0.0
    idle_cpu_percent: float = 0.0
    create_secs: float = 0.0
    tenants_rss_mb: float = 0.0

    def figures(self) -> dict[str, float]:
        """Give medians and percentiles."""
        return {
            "p99_ms": round(percentile(self.answers_ms, 99), 2),
            "p50_ms": round(percentile(self.answers_ms, 50), 2),
            "cpu_ms_per_request": round(self.load_cpu_secs * 1000 / len(self.answers_ms), 2),
            "start_secs": round(statistics.median(self.starts), 2),
            "start_cpu_secs": round(statistics.median(self.start_cpu), 2),
            "create_ms": round(self.create_secs * 1000 / CONNECTORS, 1),
            "idle_rss_mb": round(self.idle_rss_mb, 1),
            "idle_cpu_percent": round(self.idle_cpu_percent, 2),
            "tenants_rss_mb": round(self.tenants_rss_mb, 1),
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def load(url: str, names: Sequence[str], secs: float, per_sec: int = PER_SEC) -> list[float]:
    """Ask `per_sec` times a second, give the milliseconds from when each request was due to the end of its answer.

    Raises:
        RuntimeError: An answer was not 200.
    """
    paths = [path.format(name=name) for name in names for path in PATHS]
    count = int(secs * per_sec)
    begin_secs = time.monotonic() + 0.2
    took_ms: list[float] = []
    wrong: list[str] = []

    def call(caller: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_SECS)
        for number in range(caller, count, CALLERS):
            due_secs = begin_secs + number / per_sec
            time.sleep(max(0.0, due_secs - time.monotonic()))
            try:
                connection.request("GET", paths[number % len(paths)])
                answer = connection.getresponse()
                answer.read()
            except OSError as error:
                wrong.append(f"{paths[number % len(paths)]}: {error}")
                connection.close()
                continue
            took_ms.append((time.monotonic() - due_secs) * 1000)
            if answer.status != 200:
                wrong.append(f"{paths[number % len(paths)]}: {answer.status}")
        connection.close()

    callers = [threading.Thread(target=call, args=(caller,)) for caller in range(CALLERS)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {count} requests failed, the first: {wrong[0]}")
    return took_ms


def settled_rss_mb(node: Node) -> float:
    """Give the memory of a worker that has come to rest."""
    time.sleep(SETTLE_SECS)
    return rss_mb(node.pid)


def connectors(side: Side, sizes: Sizes, seen: Seen) -> None:
    """Start often, make 100 connectors, look at the worker at rest and under load; comes last, as its connectors stay."""
    for _ in range(sizes.starts):
        side_start(side, seen)
    node = side.spawn()
    node.wait_started()
    names = [f"{side.name}-{number:03}" for number in range(CONNECTORS)]
    words = side.idle(side.name, 1)
    began_secs = time.monotonic()
    for name in names:
        create(node, name, words)
    seen.create_secs = time.monotonic() - began_secs
    until(lambda: sum(running(node).values()) == CONNECTORS, node, f"{CONNECTORS} tasks run")
    seen.idle_rss_mb = settled_rss_mb(node)
    before = cpu_secs(node.pid)
    time.sleep(sizes.idle_secs)
    seen.idle_cpu_percent = (cpu_secs(node.pid) - before) / sizes.idle_secs * 100
    load(node.url, names, 2)
    before = cpu_secs(node.pid)
    seen.answers_ms = load(node.url, names, sizes.load_secs)
    seen.load_cpu_secs = cpu_secs(node.pid) - before


def side_start(side: Side, seen: Seen) -> None:
    """Start a worker that has nothing to run, and stop it."""
    node = side.spawn()
    node.wait_started()
    node.stop()
    seen.starts.append(node.start_secs)
    seen.start_cpu.append(node.start_cpu_secs)


def tenants(side: Side, seen: Seen) -> None:
    """Start the group's first worker, which makes its topics, and give it one connector of 300 tasks that wait."""
    node = side.spawn()
    node.wait_started()
    name = f"{side.name}-tenants"
    create(node, name, side.idle(name, TENANTS))
    until(lambda: sum(running(node).values()) == TENANTS, node, f"{TENANTS} tasks run")
    seen.tenants_rss_mb = settled_rss_mb(node)
    node.ask("DELETE", f"/connectors/{name}")
    node.stop()


def measure(sizes: Sizes) -> Report:
    """Measure both sides, one after the other, on one broker."""
    seen = {"ours": Seen(), "connect": Seen()}
    with memory_folder() as folder, servers(folder) as stack, serving(tells=False) as vendor:
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        conditions: dict[str, object] = {**machine(), **shape(sizes)}
        sides: list[Side] = [Ours(stack, folder / "ours", vendor.url), Connect(stack, folder / "connect", topics)]
        for side in sides:
            with ended(side):
                tenants(side, seen[side.name])
                connectors(side, sizes, seen[side.name])
                print(f"  {side.name:<8} {seen[side.name].figures()}", flush=True)
        conditions["loadavg_at_end"] = machine()["loadavg"]
        topics.close()
    return report(seen["ours"], seen["connect"], conditions)


def shape(sizes: Sizes) -> dict[str, object]:
    """Give how the sides run, for the conditions."""
    return {
        "load": f"{PER_SEC} GET a second for {sizes.load_secs:g} s over {CALLERS} kept connections, timed from when each was due",
        "connectors": f"{CONNECTORS} of one idle task each, on one worker; {sizes.starts} starts",
        "tenants": f"one connector of {TENANTS} idle tasks, on one worker",
        "kafka": "4.3.1, 1 broker, -Xmx1g G1, replication 1, loopback, tmpfs",
        "kafka_connect": "4.3.1, exactly-once, stock JVM flags (-Xms256m -Xmx2g G1)",
    }


def report(ours: Seen, connect: Seen, conditions: Mapping[str, object]) -> Report:
    """Turn what was seen into ratios (Connect's over ours) and figures."""
    mine, theirs = ours.figures(), connect.figures()
    ratios = {f"connect_{name}_over_ours": round(theirs[name] / mine[name], 2) for name in mine if mine[name]}
    return Report("rest", ratios, {**mine, **{f"connect_{name}": value for name, value in theirs.items()}}, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="Shorter, and fewer starts.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure the REST API, the start and the memory of a worker."""
    outcome = measure(QUICK if quick else FULL)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
