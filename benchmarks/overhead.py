"""Takes one log in gzip, measures what telemetry costs the product that pulls it: on and off in one run, interleaved.

    python -m benchmarks.overhead [--quick] [--json FILE] [--rounds N]

On: metrics, traces and logs to an OTLP collector (which counts them and answers), one batch in ten traced and its trace in the headers
of its records, and the metrics page scraped each second. All: every batch is. Off: none of these; what tasks count for `/health` and
the run record is counted in all. CPU is what the kernel booked for the whole worker process, less a run over 8 rows in the same mode (start, imports, registering).
A ratio is the median of those of the rounds; each round runs all modes, in the other direction each time.
"""

from __future__ import annotations

import statistics
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import httpx

from benchmarks.corpus import Corpus
from benchmarks.ours import Worker
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import corpus, memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import Usage, run
from benchmarks.vendor import serving
from wellhead.stack.ports import LOOPBACK, PortLease

BARS = (Bar("on_over_off_cpu", most=1.02),)
ROWS, QUICK_ROWS = 2_000_000, 200_000
ROUNDS, QUICK_ROUNDS = 7, 2
SCRAPED_EVERY_SECS = 1.0
ON_RATIO = 0.1


class Sink(ThreadingHTTPServer):
    """A collector that takes everything; `taken` counts requests by path, and what was scraped."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        super().__init__((LOOPBACK, 0), _Answer)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Sink)
        self.rfile.read(int(self.headers["content-length"]))
        self.server.taken[self.path] += 1
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def watched(page: str) -> Iterator[Sink]:
    """Serve a collector and scrape `page` once a second while the block lasts."""
    sink, ended = Sink(), threading.Event()

    def scrape() -> None:
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not ended.wait(SCRAPED_EVERY_SECS):
                with suppress(httpx.HTTPError):  # the worker is not up yet, or no more
                    client.get(page).raise_for_status()
                    sink.taken["scraped"] += 1

    threads = [threading.Thread(target=sink.serve_forever), threading.Thread(target=scrape)]
    for thread in threads:
        thread.start()
    try:
        yield sink
    finally:
        ended.set()
        sink.shutdown()
        for thread in threads:
            thread.join()
        sink.server_close()


class Trial:
    """Runs the worker with its telemetry on or off.

    Args:
        workers: One for each mode.
        topics: What they write to.
        tiny: A few rows, to know what a start costs.
        big: The log.
    """

    def __init__(self, workers: Mapping[str, Worker], topics: Topics, tiny: Corpus, big: Corpus) -> None:
        self._workers = workers
        self._topics = topics
        self._tiny, self._big = tiny, big
        self.cpu_secs: dict[str, list[float]] = {mode: [] for mode in workers}
        self.rates: dict[str, list[float]] = {mode: [] for mode in workers}

    def round(self, number: int) -> None:
        """Run all, in the other direction than in the round before."""
        for mode in (*self._workers,)[:: 1 if number % 2 else -1]:
            base = self._pull(mode, self._tiny, f"{mode}{number}-start")
            used = self._pull(mode, self._big, f"{mode}{number}")
            self.cpu_secs[mode].append(used.cpu_secs - base.cpu_secs)
            self.rates[mode].append(self._big.rows / used.wall_secs)
            print(f"  {mode:<4} {self.cpu_secs[mode][-1]:7.2f} CPU s  {self.rates[mode][-1]:10,.0f} records/s", flush=True)

    def _pull(self, mode: str, data: Corpus, name: str) -> Usage:
        worker = self._workers[mode]
        with serving(data.archive) as vendor:
            used = run(worker.command(vendor.url, name), worker.log(name))
        held = sum(1 for _ in self._topics.committed(worker.topic(name)))
        if held != data.rows:
            raise RuntimeError(f"{worker.topic(name)} holds {held:,} committed records, {data.rows:,} were served")
        self._topics.delete(worker.topic(name))
        return used


def measure(rows: int, rounds: int) -> Report:
    """Run the rounds; give what came out.

    Raises:
        RuntimeError: Some of the telemetry that is to be measured did not arrive.
    """
    lease = PortLease()
    page = f"http://{LOOPBACK}:{lease.take(1)[0]}"
    with memory_folder() as folder, servers(folder) as stack, watched(f"{page}/metrics") as sink:
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        telling = {"listeners": page, "otlp.endpoint": sink.url, "trace.headers": True}
        words = {"off": {}, "on": {**telling, "trace.sample.ratio": ON_RATIO}, "all": telling}
        workers = {mode: Worker(stack, folder / mode, told) for mode, told in words.items()}
        trial = Trial(workers, topics, corpus(8, folder / "tiny"), corpus(rows, folder / "big"))
        conditions = {
            **machine(),
            "rows": rows,
            "rounds": rounds,
            "on": f"trace.sample.ratio {ON_RATIO}",
            "all": "every batch traced",
        }
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            trial.round(number)
        topics.close()
    lease.release()
    missing = {"/v1/traces", "/v1/metrics", "/v1/logs"} - sink.taken.keys()
    if missing:
        raise RuntimeError(f"nothing arrived at {', '.join(sorted(missing))}: telemetry was not on")
    return report(trial, conditions, sink)


def report(trial: Trial, conditions: dict[str, object], sink: Sink) -> Report:
    """Turn rounds into ratios and figures."""
    ratios = {
        mode: [cpu / off for cpu, off in zip(trial.cpu_secs[mode], trial.cpu_secs["off"], strict=True)]
        for mode in ("on", "all")
    }
    figures: dict[str, int | float] = {
        "least_on_over_off_cpu": round(min(ratios["on"]), 4),
        "largest_on_over_off_cpu": round(max(ratios["on"]), 4),
        "exports": sum(sink.taken.values()) - sink.taken["scraped"],
        "scrapes": sink.taken["scraped"],
    }
    for mode in trial.cpu_secs:
        figures[f"{mode}_cpu_secs"] = round(statistics.median(trial.cpu_secs[mode]), 2)
        figures[f"{mode}_whole_process_records_per_sec"] = round(statistics.median(trial.rates[mode]))
    medians = {f"{mode}_over_off_cpu": round(statistics.median(found), 4) for mode, found in ratios.items()}
    return Report("overhead", medians, figures, conditions, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the rows, two rounds.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
@click.option("--rounds", type=int, help="Rounds, each mode once in each.")
def main(*, quick: bool, json_path: Path | None, rounds: int | None) -> None:
    """Measure what telemetry costs the WSS log path."""
    outcome = measure(QUICK_ROWS if quick else ROWS, rounds or (QUICK_ROUNDS if quick else ROUNDS))
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
