"""Takes two search stores, measures the product moving documents from one to the other beside what the target takes at most.

    python -m benchmarks.migrate [--quick] [--json FILE]

`--quick` moves and compares fewer documents. The target has a CPU of its own and everything else, the source and our processes, the rest of the machine, so the target is as quick in
every run and only who feeds it differs. Its bulk limit is bodies encoded beforehand and sent as they are by as many connections as went
best, before and after each migration; the migration is `wellhead migrate`, a whole process, timed from its plan to its last checkpoint.
What the target spends on a document either way does not depend on who else uses the machine, so it is told, too. Then `verify_part`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks import verify_part
from benchmarks.report import Bar, Number, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.storeload import blast, bodies, fresh_indices, on_cpus
from benchmarks.usage import cpu_secs, run
from wellhead.search.store import SearchStore
from wellhead.stack import SearchOptions, SearchServer, Stack

_MOST_WARMING = 5
# The target has compiled what it needs when a document costs it at least this part of what it cost the time before.
_WARM_FROM = 0.9
BARS = (Bar("bulk_limit_over_migrate", most=1.25),)
MONTH = "2026.02"
DOCS_PER_BULK = 1_000
CONNECTIONS = (2, 4)
OPTIONS = SearchOptions(heap_mb=1024, java_flags=("-XX:+UseSerialGC",))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Documents that are moved each time, how many times that is done between two measurements of the limit, and documents to compare."""

    docs: int
    rounds: int
    verify_docs: int


FULL = Sizes(docs=200_000, rounds=3, verify_docs=verify_part.DOCS)
QUICK = Sizes(docs=60_000, rounds=3, verify_docs=verify_part.QUICK_DOCS)


@dataclass(frozen=True, slots=True)
class Scene:
    """Both stores, a broker and where files go."""

    folder: Path
    stack: Stack
    source: SearchServer
    target: SearchServer

    def cpu(self) -> dict[str, float]:
        """Give the CPU seconds that each server has used so far."""
        pids = {"target": self.target.pid, "source": self.source.pid, "broker": self.stack.kafka.pid()}
        return {name: cpu_secs(pid) if pid else 0.0 for name, pid in pids.items()}


@contextmanager
def scene_of(folder: Path) -> Iterator[Scene]:
    """Start everything, the target on a CPU of its own."""
    cpus = sorted(os.sched_getaffinity(0))
    own, rest = set(cpus[:1]), set(cpus[1:]) or set(cpus)
    with on_cpus(own):
        target = SearchServer("opensearch", folder / "target", OPTIONS)
        target.start()
    try:
        with on_cpus(rest), servers(folder) as stack, SearchServer("opensearch", folder / "source", OPTIONS) as source:
            yield Scene(folder, stack, source, target)
    finally:
        target.stop()


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement: documents a second, the CPU seconds of each server meanwhile, and for a migration what it told."""

    rate: float
    cpu: Mapping[str, float]
    told: Mapping[str, Any] = field(default_factory=dict)


def limit(scene: Scene, docs: int, connections: int) -> Turn:
    """Send ready-made documents straight from memory."""
    with fresh_indices(scene.target.url, "limit") as store:
        ready = bodies(docs, f"{store.settings.index_prefix}-hits-{MONTH}", DOCS_PER_BULK)
        before = scene.cpu()
        secs = blast(scene.target.url, ready, connections)
        return Turn(docs / secs, _since(before, scene.cpu()))


def moved(scene: Scene, source: SearchStore, docs: int, number: int) -> Turn:
    """Move the same documents with the product."""
    before = scene.cpu()
    told = migration(scene, source, docs, number)
    return Turn(docs / told["secs"], {**_since(before, scene.cpu()), "client": told["cpu_secs"]}, told)


def _since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - secs for name, secs in before.items()}


def warm(scene: Scene, source: SearchStore, docs: int) -> None:
    """Have all servers compile what is measured, until the target takes no less CPU for a document than the time before."""
    spent = float("inf")
    for number in range(_MOST_WARMING):
        moved(scene, source, docs, number)
        now = limit(scene, docs, CONNECTIONS[0]).cpu["target"]
        if number and now > spent * _WARM_FROM:
            return
        spent = now


def migration(scene: Scene, source: SearchStore, docs: int, number: int) -> dict[str, Any]:
    """Move all documents with the product; give its report, and what the whole process took."""
    with fresh_indices(scene.target.url, "moved") as store:
        words = []
        for word, end in (("--from", source), ("--to", store)):
            path = scene.folder / f"{end.name}.json"
            path.write_text(json.dumps({"url": end.settings.url, "index.prefix": end.settings.index_prefix, "replicas": 0}))
            words += [word, str(path)]
        deployment, report = scene.folder / "deployment.json", scene.folder / "report.json"
        kafka = {"bootstrap.servers": scene.stack.bootstrap_servers}
        worker = {"group.id": store.name, "kafka": kafka, "schema.registry.url": scene.stack.registry_url, "listeners": ""}
        deployment.write_text(json.dumps({"worker": worker}))
        words += [
            "--parallel",
            "4",
            "--job",
            store.settings.index_prefix,
            "--report",
            str(report),
            "-c",
            str(deployment),
        ]
        used = run([sys.executable, "-m", "wellhead", "migrate", *words], scene.folder / f"migrate-{number}.log")
        store.refresh(f"{store.settings.index_prefix}-*")
        found = store.count(f"{store.settings.index_prefix}-*")
        if found != docs:
            raise RuntimeError(f"{found:,} documents arrived of {docs:,}")
        told: dict[str, Any] = json.loads(report.read_text())
        return {**told, "wall_secs": used.wall_secs, "cpu_secs": used.cpu_secs, "peak_rss_mb": used.peak_rss_mb}


def measure(sizes: Sizes) -> Report:
    """Measure migrating, then comparing, with servers of its own each; give what came out as one report."""
    with memory_folder() as folder, scene_of(folder) as scene, fresh_indices(scene.source.url, "source") as source:
        blast(scene.source.url, bodies(sizes.docs, f"{source.settings.index_prefix}-hits-{MONTH}", DOCS_PER_BULK), 2)
        source.refresh(f"{source.settings.index_prefix}-*")
        warm(scene, source, sizes.docs)
        tried = {connections: limit(scene, sizes.docs, connections) for connections in CONNECTIONS}
        best = max(tried, key=lambda each: tried[each].rate)
        limits, moves = [tried[best]], list[Turn]()
        for number in range(sizes.rounds):
            moves.append(moved(scene, source, sizes.docs, number))
            limits.append(limit(scene, sizes.docs, best))
    migrated = outcome(limits, moves, sizes.docs)
    compared = verified(sizes.verify_docs)
    conditions = {
        **machine(),
        "docs": sizes.docs,
        "mb": round(moves[-1].told["tally"]["bytes"] / 1e6),
        "limit_connections": best,
        "cpus": "migrate: target 1; source, broker and migration the rest. verify: all share all",
        "verify_docs": sizes.verify_docs,
    }
    ratios, figures = {**migrated.ratios, **compared.ratios}, {**migrated.figures, **compared.figures}
    return Report("migrate", ratios, figures, conditions, (*BARS, *verify_part.BARS))


def outcome(limits: Sequence[Turn], moves: Sequence[Turn], docs: int) -> Report:
    """Give ratios and figures: each migration beside the mean of the limit right before and right after it, then medians."""
    around = [(before.rate + after.rate) / 2 for before, after in pairwise(limits)]
    ratio = median(each / move.rate for each, move in zip(around, moves, strict=True))
    bulk_cpu, target_cpu = (median(turn.cpu["target"] for turn in turns) for turns in (limits, moves))
    spent = {
        f"{who}_cpu_us_per_doc": round(median(move.cpu[who] for move in moves) / docs * 1e6, 1)
        for who in ("target", "source", "broker", "client")
    }
    ratios: dict[str, Number] = {
        "bulk_limit_over_migrate": round(ratio, 3),
        "target_cpu_migrate_over_bulk": round(target_cpu / bulk_cpu, 3),
    }
    figures: dict[str, Number] = {
        "migrate_docs_per_sec": round(median(move.rate for move in moves)),
        "bulk_limit_docs_per_sec": round(median(each.rate for each in limits)),
        "bulk_limit_least": round(min(each.rate for each in limits)),
        "bulk_limit_most": round(max(each.rate for each in limits)),
        "bulk_limit_target_cpu_us_per_doc": round(bulk_cpu / docs * 1e6, 1),
        **spent,
        "migrate_secs": round(median(move.told["secs"] for move in moves), 1),
        "migrate_process_secs": round(median(move.told["wall_secs"] for move in moves), 1),
        "migrate_peak_rss_mb": round(max(move.told["peak_rss_mb"] for move in moves)),
        "slices": moves[-1].told["slices"],
    }
    return Report("migrate", ratios, figures, {}, BARS)


def verified(docs: int) -> Report:
    """Measure the comparison with two stores of its own."""
    with (
        memory_folder() as folder,
        SearchServer("opensearch", folder / "left", verify_part.OPTIONS) as left,
        SearchServer("opensearch", folder / "right", verify_part.OPTIONS) as right,
    ):
        return verify_part.measure(folder, left, right, docs)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer documents; figures become rough.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure a migration beside the bulk limit of its target, and a comparison beside reading both stores."""
    report = measure(QUICK if quick else FULL)
    report.show()
    report.write(json_path)


if __name__ == "__main__":
    main()
