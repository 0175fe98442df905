"""Takes millions of indicators in a topic, measures the product making and keeping a lookup file of them beside the documented way.

    python -m benchmarks.lookups [--quick] [--json FILE] [--large]

The documented way fetches, merges and sends the whole file for each page of 1,000; what one page costs it does not depend on the page, so
some are run and taken times 100. Ours is `wellhead lookup run --once` over the same 100 pages in the topic: whole process, start included,
file written, checked and delivered to a folder. Rows per core and second are rows over CPU seconds, all threads.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.iocs import PAGE, SUBJECT
from benchmarks.lookup_worker import MAPPING
from benchmarks.report import Bar, Number, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import Usage, run
from wellhead.stack import Stack

PAGES = 100
BARS = (
    Bar("naive_cpu_over_ours", least=50),
    Bar("merge_secs", most=1),
    Bar("write_secs", most=5),
    Bar("rebuild_rows_per_core_sec", least=200_000),
    Bar("peak_rss_mb", most=500),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows in the file, pages the documented way is run for, and merges measured."""

    rows: int
    naive_pages: int
    merges: int


FULL = Sizes(rows=1_900_000, naive_pages=10, merges=60)
QUICK = Sizes(rows=190_000, naive_pages=3, merges=20)
LARGE = Sizes(rows=10_000_000, naive_pages=0, merges=20)


class Scene:
    """One stack, one topic, and processes that work on it."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self._folder = folder
        self._stack = stack
        self.state = folder / "state.duckdb"

    def load(self, rows: int) -> None:
        """Put `rows` indicators into a new topic."""
        topics = Topics(self._stack.bootstrap_servers, self._stack.registry_url)
        topics.create(SUBJECT)
        topics.close()
        self._publish(0, rows, 0)

    def pages(self, rows: int) -> None:
        """Add 100 pages of changes."""
        self._publish(rows, PAGES * PAGE, 1)

    def work(self, verb: str, *words: object) -> tuple[dict[str, Any], Usage]:
        """Run one verb of the worker; give what it says and what it used."""
        used = self._python("lookup_worker", verb, *words)
        said = json.loads(self._log(f"lookup_worker-{verb}").read_text().splitlines()[-1])
        print(f"  {verb:<10} {json.dumps({name: round(value, 3) for name, value in said.items()})}", flush=True)
        return said, used

    def rebuild(self) -> tuple[dict[str, Any], Usage]:
        """Read the topic into an empty state."""
        return self.work("rebuild", self.state, SUBJECT, self._stack.bootstrap_servers, self._stack.registry_url)

    def product(self) -> Usage:
        """Run the product once, as a user does."""
        deployment = {
            "worker": {
                "group.id": "benchmark",
                "kafka": {"bootstrap.servers": self._stack.bootstrap_servers},
                "schema.registry.url": self._stack.registry_url,
                "listeners": "",
            },
            "lookups": {
                "benchmark": {
                    "topic": SUBJECT,
                    "files": MAPPING,
                    "state.dir": str(self._folder / "product"),
                    "output.dir": str(self._folder / "files"),
                    "target": "directory",
                    "directory.path": str(self._folder / "delivered"),
                }
            },
        }
        path = self._folder / "lookups.json"
        path.write_text(json.dumps(deployment))
        used = run([sys.executable, "-m", "wellhead", "lookup", "run", "--once", str(path)], self._log("product"))
        print(f"  product    {used.cpu_secs:.2f} CPU s  {used.wall_secs:.2f} s  {used.peak_rss_mb:.0f} MiB", flush=True)
        return used

    def naive(self, rows: int, pages: int) -> Usage:
        """Merge pages into a copy of the delivered file the documented way."""
        remote, work = self._folder / "remote.csv", self._folder / "naive"
        work.mkdir()
        remote.write_bytes(self.delivered.read_bytes())
        used = self._python("naive_lookup", remote, work, pages, rows)
        print(f"  naive      {used.cpu_secs / pages:.2f} CPU s a page  {used.peak_rss_mb:.0f} MiB", flush=True)
        return used

    @property
    def delivered(self) -> Path:
        """The file where the product delivered it."""
        (found,) = (self._folder / "delivered").glob("*.csv")
        return found

    def _publish(self, first: int, count: int, change: int) -> None:
        self._python("iocs", SUBJECT, self._stack.bootstrap_servers, self._stack.registry_url, first, count, change)

    def _python(self, module: str, *words: object) -> Usage:
        log = self._log("-".join([module, *(str(word) for word in words[:1] if module == "lookup_worker")]))
        return run([sys.executable, "-m", f"benchmarks.{module}", *(str(word) for word in words)], log)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def lines(path: Path) -> int:
    """Count the rows of a file."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1


def measure(sizes: Sizes) -> Report:
    """Run everything once; give what came out."""
    with memory_folder() as folder, servers(folder) as stack:
        scene = Scene(folder, stack)
        conditions: dict[str, object] = {**machine(), "rows": sizes.rows, "naive_pages_run": sizes.naive_pages}
        scene.load(sizes.rows)
        figures, peaks = state_figures(scene, sizes)
        ratios: dict[str, Number] = {}
        if sizes.naive_pages:
            scene.product()
            expect(scene, sizes.rows)
            naive = scene.naive(sizes.rows, sizes.naive_pages)
            scene.pages(sizes.rows)
            ours = scene.product()
            expect(scene, sizes.rows + PAGES * PAGE // 10)
            peaks.append(ours.peak_rss_mb)
            ratios["naive_cpu_over_ours"] = round(naive.cpu_secs / sizes.naive_pages * PAGES / ours.cpu_secs, 1)
            figures |= {
                "naive_cpu_secs_a_page": round(naive.cpu_secs / sizes.naive_pages, 2),
                "naive_peak_rss_mb": round(naive.peak_rss_mb),
                "ours_cpu_secs_for_100_pages": round(ours.cpu_secs, 2),
                "ours_wall_secs_for_100_pages": round(ours.wall_secs, 2),
            }
        figures["peak_rss_mb"] = round(max(peaks))
    bars = BARS if sizes.naive_pages else tuple(bar for bar in BARS if bar.figure in figures and bar.figure != "write_secs")
    return Report("lookups", ratios, figures, conditions, bars)


def state_figures(scene: Scene, sizes: Sizes) -> tuple[dict[str, Number], list[float]]:
    """Rebuild, merge and write with the product's parts; give figures and the peaks of memory."""
    built, built_usage = scene.rebuild()
    merged, merged_usage = scene.work("merge", scene.state, sizes.rows, PAGE, sizes.merges)
    tenfold, _ = scene.work("merge", scene.state, sizes.rows, 10 * PAGE, max(sizes.merges // 10, 3))
    written, written_usage = scene.work("write", scene.state, scene.state.parent / "whole")
    if built["rows"] != sizes.rows:
        raise RuntimeError(f"{built['rows']:,} rows were built of {sizes.rows:,}")
    figures: dict[str, Number] = {
        "merge_secs": round(merged["secs"], 3),
        "merge_worst_secs": round(merged["worst_secs"], 3),
        "merge_10k_secs": round(tenfold["secs"], 3),
        "write_secs": round(written["secs"], 2),
        "write_cpu_secs": round(written["cpu_secs"], 2),
        "file_mb": round(written["bytes"] / 1e6),
        "rebuild_rows_per_core_sec": round(built["rows"] / built["cpu_secs"]),
        "rebuild_secs": round(built["secs"], 1),
        "state_mb": round(tenfold["file_mb"]),
    }
    return figures, [usage.peak_rss_mb for usage in (built_usage, merged_usage, written_usage)]


def expect(scene: Scene, rows: int) -> None:
    """Make sure that the delivered file is what it must be.

    Raises:
        RuntimeError: It is not so.
    """
    found = lines(scene.delivered)
    if found != rows:
        raise RuntimeError(f"{scene.delivered} holds {found:,} rows, {rows:,} indicators were published")


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the rows; figures become rough.")
@click.option("--large", is_flag=True, help="10 million rows, without the documented way.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, large: bool, json_path: Path | None) -> None:
    """Measure lookup files beside the documented way."""
    outcome = measure(QUICK if quick else LARGE if large else FULL)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
