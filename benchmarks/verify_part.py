"""Takes two stores with the same documents, measures `wellhead verify` beside reading one store and then the other; nothing is left out of either.

    python -m benchmarks.verify_part [--quick]

Serial reading is what one would write first: all documents of one side page by page, a digest of each kept by its id, then the other side's
against them. The product's side is a whole process, from its start to its report, with rankings, samples and questions of the read API.
Both servers have run everything before, what they keep of earlier answers is dropped before each measurement, and the two take turns.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import click
import orjson

from benchmarks.report import Bar, Number, Report, machine
from benchmarks.scene import memory_folder
from benchmarks.storeload import blast, bodies, fresh_indices
from benchmarks.usage import cpu_secs, run
from wellhead.search.store import Page, SearchStore
from wellhead.stack import SearchOptions, SearchServer

BARS = (Bar("serial_reading_over_verify", least=5),)
OPTIONS = SearchOptions(heap_mb=512, java_flags=("-XX:+UseSerialGC",))
MONTH = "2026.02"
DOCS, QUICK_DOCS = 400_000, 60_000
_PAGE = 1_000
ROUNDS = 2
_WARM_ROUNDS, _WARM_PAGES = 2, 50
_ORDER = ({"time": "asc"}, {"id": "asc"})


def serial_secs(source: SearchStore, target: SearchStore) -> tuple[float, int]:
    """Read one side, then the other; give the seconds it took and how many documents differ."""
    began_secs = time.monotonic()
    seen = {id_: digest for id_, digest in _read(source)}  # noqa: C416 - says what it keeps
    differing = sum(seen.pop(id_, None) != digest for id_, digest in _read(target))
    return time.monotonic() - began_secs, differing + len(seen)


def _read(store: SearchStore) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for page in _pages(store):
        for hit in page.hits:
            content = orjson.dumps(hit["_source"], option=orjson.OPT_SORT_KEYS)
            found.append((hit["_id"], hashlib.blake2b(content, digest_size=16).digest()))
    return found


def _pages(store: SearchStore) -> Iterator[Page]:
    return store.pages(f"{store.settings.index_prefix}-hits-*", {"match_all": {}}, sort=_ORDER, size=_PAGE)


def verify(folder: Path, source: SearchStore, target: SearchStore) -> dict[str, float]:
    """Compare with the product; give what the process took.

    Raises:
        RuntimeError: It did not call them equal.
    """
    words = ["--report", str(folder / "verify.json")]
    for word, end in (("--from", source), ("--to", target)):
        path = folder / f"{word.strip('-')}.json"
        path.write_text(json.dumps({"url": end.settings.url, "index.prefix": end.settings.index_prefix}))
        words += [word, str(path)]
    used = run([sys.executable, "-m", "wellhead", "verify", *words], folder / "verify.log")
    told = json.loads((folder / "verify.json").read_text())
    if told["verdict"] != "equal" or told["kinds"]["hits"]["by_digest"] != told["kinds"]["hits"]["from"]:
        raise RuntimeError(f"verify said {told['verdict']}: {told['notes']}")
    return {
        "wall_secs": used.wall_secs,
        "cpu_secs": used.cpu_secs,
        "peak_rss_mb": used.peak_rss_mb,
        "took_secs": told["took_secs"],
    }


def measure(folder: Path, source: SearchServer, target: SearchServer, docs: int, rounds: int = ROUNDS) -> Report:
    """Fill both, read them serially and compare them with the product in turns; give the medians of both.

    Raises:
        RuntimeError: A way of comparing found a difference, though both were given the same.
    """
    with fresh_indices(source.url, "left") as left, fresh_indices(target.url, "right") as right:
        for store in (left, right):
            blast(store.settings.url[0], bodies(docs, f"{store.settings.index_prefix}-hits-{MONTH}", _PAGE), 2)
            store.refresh(f"{store.settings.index_prefix}-*")
        _warm(folder, left, right)
        serial: list[float] = []
        ours: list[dict[str, float]] = []
        for _ in range(rounds):
            with _counted(source, target) as serial_cpu:
                secs, differing = serial_secs(left, right)
            if differing:
                raise RuntimeError(f"{differing:,} documents differ, though both were given the same")
            serial.append(secs)
            _forget(left, right)
            with _counted(source, target) as stores_cpu:
                ours.append(verify(folder, left, right))
    typical = {name: median(each[name] for each in ours) for name in ours[0]}
    ratios: dict[str, Number] = {"serial_reading_over_verify": round(median(serial) / typical["wall_secs"], 2)}
    figures: dict[str, Number] = {
        "serial_secs": round(median(serial), 1),
        "serial_stores_cpu_secs": round(serial_cpu[0], 1),
        "verify_process_secs": round(typical["wall_secs"], 1),
        "verify_secs": round(typical["took_secs"], 1),
        "verify_cpu_secs": round(typical["cpu_secs"], 1),
        "verify_stores_cpu_secs": round(stores_cpu[0], 1),
        "verify_peak_rss_mb": round(typical["peak_rss_mb"]),
        "verify_docs_per_sec": round(docs / typical["wall_secs"]),
    }
    return Report("verify", ratios, figures, {**machine(), "docs": docs, "rounds": rounds}, BARS)


def _warm(folder: Path, left: SearchStore, right: SearchStore) -> None:
    """Have the servers compile what both ways need."""
    for _ in range(_WARM_ROUNDS):
        verify(folder, left, right)
        _forget(left, right)
    for store in (left, right):
        deque(islice(_pages(store), _WARM_PAGES), maxlen=0)


def _forget(*stores: SearchStore) -> None:
    """Drop what the stores keep of earlier answers."""
    for store in stores:
        store.call("POST", "/_cache/clear")


@contextmanager
def _counted(*servers: SearchServer) -> Iterator[list[float]]:
    """Give the CPU seconds that the servers use in the `with` block, once it has ended."""
    used: list[float] = []
    pids = [server.pid for server in servers if server.pid is not None]
    before = sum(map(cpu_secs, pids))
    yield used
    used.append(sum(map(cpu_secs, pids)) - before)


@click.command()
@click.option("--quick", is_flag=True, help="A fifth of the documents; figures become rough.")
def main(*, quick: bool) -> None:
    """Measure a comparison of two stores beside reading both."""
    with (
        memory_folder() as folder,
        SearchServer("opensearch", folder / "left", OPTIONS) as source,
        SearchServer("opensearch", folder / "right", OPTIONS) as target,
    ):
        report = measure(folder, source, target, QUICK_DOCS if quick else DOCS)
    click.echo(f"{report.ratios} {report.figures} {report.conditions}")


if __name__ == "__main__":
    main()
