"""Takes two workers, kills the one that works, measures until the other commits; and how soon 100 tasks are shared and taken back.

    python -m benchmarks.failover [--quick] [--json FILE]

The same with a real Kafka Connect in the same run: exactly-once, the same session timeout of 10 s, and without the five minutes
(scheduled.rebalance.max.delay.ms) for which it lets a dead worker's tasks rest by default. A takeover counts from SIGKILL to the
first committed record after it, as a read_committed consumer sees it. A rebalance counts from the moment a second worker lists
connectors, or from SIGTERM of one of two, until all tasks run, half of them on each of two.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.sides import PATIENCE_SECS, Connect, Node, Ours, Side, create, ended, running, until
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs
from benchmarks.vendor import serving

TASKS = 100
SHARE = 40
"""Tasks of 100 that each of two workers has at least once they are shared; a group's own notion of half may differ by a few."""

STILL_SECS = 1.0
"""Nothing of the dead arrives later than this; nobody takes over sooner."""

BARS = (
    Bar("takeover_secs", most=15),
    Bar("takeover_max_secs", most=15),
    Bar("rebalance_secs", most=5),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often each is measured."""

    kills: int
    connect_kills: int
    rebalances: int


FULL = Sizes(kills=5, connect_kills=3, rebalances=3)
QUICK = Sizes(kills=2, connect_kills=1, rebalances=1)


@dataclass
class Seen:
    """What was seen of one side, in seconds."""

    takeover: list[float] = field(default_factory=list)
    joined: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    rebalance_cpu: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Give medians, and the longest takeover."""
        joined, left = statistics.median(self.joined), statistics.median(self.left)
        return {
            "takeover_secs": round(statistics.median(self.takeover), 2),
            "takeover_max_secs": round(max(self.takeover), 2),
            "rebalance_secs": round(max(joined, left), 2),
            "join_secs": round(joined, 2),
            "planned_stop_secs": round(left, 2),
            "join_cpu_secs": round(statistics.median(self.rebalance_cpu), 2),
        }


class Ticks:
    """Sees the committed records of a topic from now on."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "benchmark-ticks",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_END)])

    def next_secs(self, patience_secs: float = PATIENCE_SECS) -> float | None:
        """Give the monotonic time at which the next one is seen; None when none is in time."""
        deadline = time.monotonic() + patience_secs
        while (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(left)
            if message is not None and not message.error():
                return time.monotonic()
        return None

    def drain(self, secs: float) -> None:
        """Look at what comes for a while."""
        deadline = time.monotonic() + secs
        while (left := deadline - time.monotonic()) > 0:
            self.next_secs(left)

    def close(self) -> None:
        self._consumer.close()


def owner(nodes: list[Node], name: str) -> Node | None:
    """Give the worker that runs a connector's first task."""
    told = nodes[0].ask("GET", "/connectors?expand=status")
    tasks = told[name]["status"]["tasks"] if name in told else []
    where = tasks[0]["worker_id"] if tasks and tasks[0]["state"] == "RUNNING" else ""
    return next((node for node in nodes if node.worker_id == where), None)


def takeovers(side: Side, bootstrap_servers: str, rounds: int, seen: Seen) -> None:
    """Kill the owner of a ticking connector `rounds` times."""
    nodes = [started(side), started(side)]
    name = f"{side.name}-ticking"
    words, topic = side.ticking(name)
    create(nodes[0], name, words)
    until(lambda: owner(nodes, name), nodes[0], "the connector runs")
    ticks = Ticks(bootstrap_servers, topic)
    for _ in range(rounds):
        if ticks.next_secs() is None or ticks.next_secs() is None:
            raise RuntimeError(f"{side.name}: no commit before the kill; log: {nodes[0].log}")
        dead = owner(nodes, name)
        assert dead is not None
        killed_secs = time.monotonic()
        dead.kill()
        ticks.drain(STILL_SECS)
        taken_secs = ticks.next_secs()
        if taken_secs is None:
            raise RuntimeError(
                f"{side.name}: nobody took over within {PATIENCE_SECS:g} s; logs: {[node.log for node in nodes]}"
            )
        seen.takeover.append(taken_secs - killed_secs)
        print(f"  {side.name:<8} takeover {seen.takeover[-1]:6.2f} s", flush=True)
        nodes.remove(dead)
        nodes.append(started(side))
        # The newcomer may have taken the task over; only then is its owner known to both.
        until(lambda: owner(nodes, name), nodes[0], "the connector runs again")
    ticks.close()
    nodes[0].ask("DELETE", f"/connectors/{name}")
    for node in nodes:
        node.stop()


def started(side: Side) -> Node:
    """Start a worker and wait for it."""
    node = side.spawn()
    node.wait_started()
    return node


def rebalances(side: Side, rounds: int, seen: Seen) -> None:
    """Let a second worker come and go `rounds` times while a first runs 100 tasks."""
    first = started(side)
    name = f"{side.name}-many"
    create(first, name, side.idle(name, TASKS))
    until(lambda: sum(running(first).values()) == TASKS, first, f"{TASKS} tasks run")
    for _ in range(rounds):
        second = started(side)
        from_secs, cpu = time.monotonic(), cpu_secs(first.pid) + cpu_secs(second.pid)
        shared_secs = until(lambda first=first: is_shared(running(first)), first, "two workers share the tasks")  # type: ignore[misc]
        seen.joined.append(shared_secs - from_secs)
        seen.rebalance_cpu.append(cpu_secs(first.pid) + cpu_secs(second.pid) - cpu)
        from_secs = time.monotonic()
        second.stop()
        alone_secs = until(lambda: running(first) == {first.worker_id: TASKS}, first, "one worker runs all tasks")
        seen.left.append(alone_secs - from_secs)
        print(f"  {side.name:<8} join {seen.joined[-1]:6.2f} s  planned stop {seen.left[-1]:6.2f} s", flush=True)
    first.ask("DELETE", f"/connectors/{name}")
    first.stop()


def is_shared(counts: Mapping[str, int]) -> bool:
    """Tell whether all tasks run, about half of them on each of two."""
    return len(counts) == 2 and sum(counts.values()) == TASKS and min(counts.values()) >= SHARE


def measure(sizes: Sizes) -> Report:
    """Measure both sides, one after the other, on one broker."""
    seen = {"ours": Seen(), "connect": Seen()}
    with memory_folder() as folder, servers(folder) as stack, serving(tells=False) as vendor:
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        conditions: dict[str, object] = {**machine(), **shape(sizes)}
        ours, connect = Ours(stack, folder / "ours", vendor.url), Connect(stack, folder / "connect", topics)
        sides: list[tuple[Side, int]] = [(ours, sizes.kills), (connect, sizes.connect_kills)]
        with ended(ours, connect):
            for side, kills in sides:
                rebalances(side, sizes.rebalances, seen[side.name])
                takeovers(side, stack.bootstrap_servers, kills, seen[side.name])
        conditions["loadavg_at_end"] = machine()["loadavg"]
        topics.close()
    return report(seen["ours"], seen["connect"], conditions)


def shape(sizes: Sizes) -> dict[str, object]:
    """Give how the sides run, for the conditions."""
    return {
        "kills": f"{sizes.kills} of ours, {sizes.connect_kills} of Connect's; SIGKILL of the owner, first record seen by read_committed",
        "tasks": f"{TASKS} idle tasks; {sizes.rebalances} joins and planned stops (SIGTERM) each",
        "session_timeout_ms": "10000 on both sides (both defaults)",
        "kafka": "4.3.1, 1 broker, -Xmx1g G1, replication 1, loopback, tmpfs",
        "kafka_connect": "4.3.1, exactly-once, stock JVM flags, scheduled.rebalance.max.delay.ms=0 (its default lets tasks rest 300 s)",
    }


def report(ours: Seen, connect: Seen, conditions: Mapping[str, object]) -> Report:
    """Turn what was seen into ratios (Connect's over ours) and figures."""
    mine, theirs = ours.figures(), connect.figures()
    ratios = {f"connect_{name}_over_ours": round(theirs[name] / mine[name], 2) for name in mine if mine[name]}
    return Report(
        "failover", ratios, {**mine, **{f"connect_{name}": value for name, value in theirs.items()}}, conditions, BARS
    )


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure how soon another worker goes on."""
    outcome = measure(QUICK if quick else FULL)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
