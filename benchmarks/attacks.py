"""Takes hits at 1,000 a second, measures how soon the attack of each can be searched, and how soon it was found the old way.

    python -m benchmarks.attacks [--quick] [--json FILE] [--plot FILE.svg]

Kafka, Redis, the store, the shipped `wellhead attacks run` and the load share the machine. Every tenth of a second a hit opens an attack of
its own; the clock runs from the moment its record could be read in Kafka until a search of the store gives its attack. The old way, in the
same run, on the same store, under the same load: hits are stored and attacks made of them by periodic aggregation (`oldway.py`).
Grouping alone is Kafka to attack id, without what is written of it. Memory is what Redis books for a million open attacks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click
import httpx
import psutil
from redis import Redis

from benchmarks.grouping import grouped_alone, memory_of
from benchmarks.hitload import HitLoad
from benchmarks.oldway import ATTACKS, OldWay
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.stairs import plot
from benchmarks.topics import Topics
from wellhead.stack import RedisServer, SearchOptions, SearchServer, Stack

PER_SEC = 1000
ATTACKED = 300
"""So many things are attacked at a time."""
STORE = SearchOptions(heap_mb=512, java_flags=("-XX:+UseSerialGC",))
BARS = (
    Bar("searchable_p50_secs", most=0.3),
    Bar("searchable_p99_secs", most=1),
    Bar("aggregation_lag_over_ours", least=16),
    Bar("hits_per_core_sec", least=30_000),
)


@dataclass(frozen=True)
class Sizes:
    """How long and how much."""

    warm_secs: float
    """A store's JVM needs a minute of load until its code is compiled."""
    ours_secs: float
    refresh_secs: float
    grouped: int
    open_attacks: int


FULL = Sizes(75, 60, 60, 300_000, 1_000_000)
QUICK = Sizes(10, 10, 10, 60_000, 20_000)


@contextmanager
def product(stack: Stack, folder: Path, topic: str, redis_url: str, store_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the shipped service on a topic."""
    worker = {
        "group.id": "bench-attacks",
        "kafka": {"bootstrap.servers": stack.bootstrap_servers},
        "schema.registry.url": stack.registry_url,
        "listeners": "",
    }
    attacks = {
        "topic": topic,
        "rules": ["wallarm/basic", "wallarm/by_source_ip"],
        "redis.url": redis_url,
        "stores": {"primary": {"url": store_url, "replicas": 0}},
    }
    file = folder / "attacks.json"
    file.write_text(json.dumps({"worker": worker, "attacks": {"bench": attacks}}) + "\n")
    with (folder / "attacks.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "wellhead", "attacks", "run", str(file)], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


class Watch:
    """Searches the store for the attacks of marked hits, again and again, and notes when each is found first."""

    def __init__(self, url: str, index: str, marks: Mapping[str, float]) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self._index, self._marks = index, marks
        self.found: dict[str, float] = {}
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._halt.set()
        self._thread.join()
        self._client.close()

    def lags(self, since_secs: float = 0.0) -> list[float]:
        """Give the seconds of each that was found, of those that could be read since then."""
        return [at - self._marks[mark] for mark, at in self.found.items() if self._marks[mark] >= since_secs]

    def _run(self) -> None:
        while not self._halt.is_set():
            waiting = [mark for mark in list(self._marks) if mark not in self.found][:500]
            if not waiting:
                time.sleep(0.01)
                continue
            body = {"size": 500, "_source": ["domain"], "query": {"terms": {"domain": waiting}}}
            answer = self._client.post(f"/{self._index}/_search", params={"ignore_unavailable": "true"}, json=body)
            now_secs = time.monotonic()
            for hit in answer.json().get("hits", {}).get("hits", ()):
                self.found.setdefault(hit["_source"]["domain"], now_secs)
            time.sleep(0.025)  # a search costs what others need


def ours(stack: Stack, folder: Path, redis_url: str, store_url: str, sizes: Sizes) -> tuple[list[float], float]:
    """Give the seconds until each attack could be searched, and the CPU seconds the service used for each second."""
    topic = "hits"
    Topics(stack.bootstrap_servers, stack.registry_url).create(topic)
    with (
        product(stack, folder, topic, redis_url, store_url) as process,
        HitLoad(stack, topic, per_sec=PER_SEC, things=ATTACKED) as load,
        Watch(store_url, "wellhead-attacks-*", load.marks) as watch,
    ):
        _until(lambda: watch.found, 120, folder / "attacks.log")
        time.sleep(sizes.warm_secs)
        began, used = time.monotonic(), sum(psutil.Process(process.pid).cpu_times()[:2])
        time.sleep(sizes.ours_secs)
        cpu = (sum(psutil.Process(process.pid).cpu_times()[:2]) - used) / (time.monotonic() - began)
        ended = set(load.marks)
        _until(lambda: ended <= watch.found.keys(), 60, folder / "attacks.log")
        return watch.lags(began), cpu


def old(stack: Stack, store_url: str, refresh_secs: float) -> list[float]:
    """Give the seconds until each attack was found by aggregation, over one and a half of its rounds."""
    topic = "hits-old"
    Topics(stack.bootstrap_servers, stack.registry_url).create(topic)
    with (
        OldWay(stack, topic, store_url, refresh_secs) as way,
        HitLoad(stack, topic, per_sec=PER_SEC, things=ATTACKED) as load,
        Watch(store_url, ATTACKS, load.marks) as watch,
    ):
        time.sleep(refresh_secs * 1.5)
        ended = set(load.marks)
        _until(lambda: ended <= watch.found.keys(), 5 * refresh_secs + 60, None)
        if way.failures:
            raise RuntimeError(way.failures[0])
        return watch.lags()


def _until(reached: object, secs: float, log: Path | None) -> None:
    deadline = time.monotonic() + secs
    while not reached():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise RuntimeError(f"not reached in {secs:g} s; see {log}" + (f"\n{log.read_text()[-2000:]}" if log else ""))
        time.sleep(0.05)


def p99(lags: Sequence[float]) -> float:
    """Give what 99 of 100 stay below."""
    return statistics.quantiles(lags, n=100)[98]


def measure(sizes: Sizes, plot_path: Path | None) -> Report:
    """Measure each part, one after the other."""
    conditions: dict[str, object] = machine()
    with (
        memory_folder() as folder,
        servers(folder) as stack,
        RedisServer(folder / "redis") as redis,
        SearchServer("opensearch", folder / "search", STORE) as search,
    ):
        new_lags, cpu = ours(stack, folder, redis.url, search.url, sizes)
        old_lags = old(stack, search.url, sizes.refresh_secs)
        per_core, wall_per_sec = grouped_alone(stack, redis.url, sizes.grouped)
        with Redis.from_url(redis.url) as client:
            client.flushall()
            bytes_each = memory_of(client, sizes.open_attacks)
    if plot_path is not None:
        plot({"as hits arrive": new_lags, f"by aggregation, every {sizes.refresh_secs:g} s": old_lags}, plot_path)
    ratios = {"aggregation_lag_over_ours": round(p99(old_lags) / p99(new_lags), 1)}
    figures: dict[str, int | float] = {
        "searchable_p50_secs": round(statistics.median(new_lags), 3),
        "searchable_p99_secs": round(p99(new_lags), 3),
        "searchable_max_secs": round(max(new_lags), 3),
        "service_cpu_cores": round(cpu, 2),
        "aggregation_p50_secs": round(statistics.median(old_lags), 1),
        "aggregation_p99_secs": round(p99(old_lags), 1),
        "hits_per_core_sec": round(per_core),
        "hits_per_wall_sec": round(wall_per_sec),
        "redis_bytes_per_open_attack": round(bytes_each),
    }
    conditions |= {
        "hits_per_sec": PER_SEC,
        "attacked_at_a_time": ATTACKED,
        "attacks_timed": len(new_lags),
        "aggregation_every_secs": sizes.refresh_secs,
        "open_attacks": sizes.open_attacks,
    }
    return Report("attacks", ratios, figures, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="Seconds instead of minutes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
@click.option("--plot", "plot_path", type=click.Path(path_type=Path), help="Draw both ways into this SVG file.")
def main(*, quick: bool, json_path: Path | None, plot_path: Path | None) -> None:
    """Measure how soon an attack can be searched."""
    outcome = measure(QUICK if quick else FULL, plot_path)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
