"""Takes streams that die in every way, for so many minutes, shows what is left of them in the worker: sockets, files, tasks, threads, memory.

    python -m benchmarks.soak [--minutes N] [--streams N] [--json FILE] [--out FOLDER]

A real worker and broker listen to a server whose streams live for seconds and then end, break, are reset, fall silent, never answer or answer
503. Counts are taken twice with every stream open and calm, before and after; memory all the while, as a curve (FOLDER/soak.csv, soak.svg). At
the end the topic is compared with what the server made by rule, and the server is asked who is left once the worker stopped.
"""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from benchmarks.curves import Curve, draw
from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs, rss_mb, tail
from wellhead.stack import Stack

PER_SEC = 0.5
LIFE_SECS = 10.0
EVERY_SECS = 5.0
PATIENCE_SECS = 240.0
WARM_SHARE, WARM_MOST_SECS = 0.2, 180.0
SETTLED_SHARE = 1 / 3
"""The slope of memory is taken after this share of the time: allocators, caches and librdkafka's buffers fill first."""
NAME = "soak"
BARS = (
    Bar("leaked_sockets", most=0),
    Bar("leaked_files", most=0),
    Bar("leaked_tasks", most=0),
    Bar("leaked_threads", most=0),
    Bar("left_after_stop", most=0),
    Bar("lost", most=0),
    Bar("doubled", most=0),
    Bar("rss_slope_mb_per_hour", most=12),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process held at one moment; `pool` are the threads that its pool keeps, `threads` all others."""

    minutes: float
    rss_mb: float
    files: int
    sockets: int
    threads: int
    pool: int
    tasks: int
    objects: int
    open_streams: int
    opened: int


@dataclass(frozen=True, slots=True)
class Soaked:
    """A server, a worker that listens to it, and where the worker writes its counts."""

    port: int
    worker: subprocess.Popen[bytes]
    counts: Path
    began_secs: float

    def tell(self, word: str) -> dict[str, Any]:
        """Say a word to the server, give its state."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_{word}", timeout=60) as answer:
            state: dict[str, Any] = json.load(answer)
            return state

    def sample(self) -> Sample:
        """Count now."""
        state, inside = self.tell("state"), json.loads(self.counts.read_text())
        links = [_link(each) for each in Path(f"/proc/{self.worker.pid}/fd").iterdir()]
        return Sample(
            minutes=round((time.monotonic() - self.began_secs) / 60, 3),
            rss_mb=round(rss_mb(self.worker.pid), 2),
            files=len(links),
            sockets=sum(link.startswith("socket:") for link in links),
            threads=len(list(Path(f"/proc/{self.worker.pid}/task").iterdir())) - inside["pool"],
            pool=inside["pool"],
            tasks=inside["tasks"],
            objects=inside["objects"],
            open_streams=state["open"],
            opened=state["opened"],
        )


@contextmanager
def soaking(stack: Stack, folder: Path, streams: int, name: str) -> Iterator[Soaked]:
    """Run the server and a worker that listens to all of it."""
    command = [sys.executable, "-m", "benchmarks.flapserver", str(PER_SEC), str(LIFE_SECS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        file, log = folder / f"{NAME}.json", folder / f"{NAME}.log"
        file.write_text(json.dumps(_deployment(stack, folder, port, streams, name)) + "\n")
        counts = folder / "counts.json"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "benchmarks.soakworker", str(file), str(counts)]
            worker = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield Soaked(port, worker, counts, time.monotonic())
        finally:
            for process in (worker, server):
                process.terminate()
                process.wait(30)


def _deployment(stack: Stack, folder: Path, port: int, streams: int, name: str) -> Mapping[str, Any]:
    worker = {
        "group.id": name,
        "kafka": {"bootstrap.servers": stack.bootstrap_servers},
        "schema.registry.url": stack.registry_url,
        "listeners": "",
        "spool.dir": str(folder),
    }
    connector = {
        "connector.class": "push",
        "tenant": "bench",
        "topic.prefix": _prefix(name),
        "topic.creation.default.partitions": 1,
        "url": f"http://127.0.0.1:{port}/{{channel}}",
        "channels": ",".join(f"c{number}" for number in range(streams)),
        "heartbeat_secs": 2,
        "heartbeats_missed": 3,
        "reconnect_secs": 0.5,
        "http.connect.timeout.secs": 2,
    }
    return {"worker": worker, "connectors": {name: connector}}


def calm(soaked: Soaked, streams: int, log: Path) -> Sample:
    """Let every stream live, and give the least of some counts of each thing once all are open: what comes and goes is not what stays."""
    soaked.tell("calm")
    _until(lambda: soaked.counts.exists() and soaked.tell("state")["open"] == streams, soaked, log)
    found: list[Sample] = []
    deadline = time.monotonic() + PATIENCE_SECS
    while len(found) < 5:
        sample = soaked.sample()
        found = [*found, sample] if sample.open_streams == streams else []
        if time.monotonic() > deadline:
            raise RuntimeError(f"{sample.open_streams} of {streams} streams are open; see {log}\n{tail(log)}")
        time.sleep(1.5)
    least = {name: min(getattr(each, name) for each in found) for name in ("files", "sockets", "threads", "tasks", "objects")}
    return replace(found[-1], **least)


def flap(soaked: Soaked, secs: float, log: Path) -> list[Sample]:
    """Let streams die for so long; sample."""
    soaked.tell("flap")
    samples, until_secs = [], time.monotonic() + secs
    while time.monotonic() < until_secs:
        time.sleep(min(EVERY_SECS, secs / 12))
        if soaked.worker.poll() is not None:
            raise RuntimeError(f"the worker ended; see {log}\n{tail(log)}")
        samples.append(soaked.sample())
    return samples


def compared(stack: Stack, topic: str, due: Mapping[str, int]) -> tuple[int, int]:
    """Give how many events are missing in the topic, and how many are there too often."""
    topics = Topics(stack.bootstrap_servers, stack.registry_url)
    read: Counter[tuple[str, str]] = Counter()
    for message in topics.committed(topic):
        record = topics.record(message.value() or b"")
        read[record["channel"], record["id"]] += 1
    topics.close()
    expected = Counter((channel, str(number)) for channel, count in due.items() for number in range(1, count + 1))
    return (expected - read).total(), (read - expected).total()


def soak(stack: Stack, folder: Path, minutes: float, streams: int, name: str = NAME) -> tuple[dict[str, float], list[Sample]]:
    """Warm up, count, let streams die, count again, stop; give figures and the curve."""
    log, topic = folder / f"{NAME}.log", f"{_prefix(name)}push.event"
    with soaking(stack, folder, streams, name) as soaked:
        calm(soaked, streams, log)
        warm_secs = min(WARM_SHARE * minutes * 60, WARM_MOST_SECS)
        flap(soaked, warm_secs, log)
        before, used, began = calm(soaked, streams, log), cpu_secs(soaked.worker.pid), time.monotonic()
        samples = flap(soaked, minutes * 60 - warm_secs, log)
        cores = (cpu_secs(soaked.worker.pid) - used) / (time.monotonic() - began)
        after = calm(soaked, streams, log)
        due = {channel: count for channel, count in soaked.tell("end")["due"].items() if count}
        _until_committed(stack, topic, sum(due.values()), soaked, log)
        state = soaked.tell("state")
        soaked.worker.terminate()
        code = soaked.worker.wait(60)
        left = soaked.tell("state")["open"]
    lost, doubled = compared(stack, topic, due)
    settled = [each for each in samples if each.minutes >= samples[0].minutes + SETTLED_SHARE * minutes]
    figures: dict[str, float] = {
        "reconnections": after.opened - before.opened,
        **{f"died_{death}": count for death, count in sorted(state["deaths"].items())},
        "most_connections_of_one_stream": state["most_of_one"],
        "leaked_sockets": after.sockets - before.sockets,
        "leaked_files": after.files - before.files,
        "leaked_tasks": after.tasks - before.tasks,
        "leaked_threads": after.threads - before.threads,
        "pool_threads": after.pool,
        "objects_grown": after.objects - before.objects,
        "rss_first_mb": samples[0].rss_mb,
        "rss_last_mb": samples[-1].rss_mb,
        "rss_most_mb": max(each.rss_mb for each in samples),
        "rss_slope_mb_per_hour": round(slope([(each.minutes / 60, each.rss_mb) for each in settled]), 2),
        "cpu_cores": round(cores, 3),
        "events": sum(due.values()),
        "lost": lost,
        "doubled": doubled,
        "exit_code": code,
        "left_after_stop": left,
    }
    return figures, samples


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give how steep a line through points is, by least squares."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def write_curves(samples: Sequence[Sample], out: Path) -> None:
    """Write the samples as CSV and as a picture."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "soak.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(samples[0])))
        writer.writeheader()
        writer.writerows(asdict(sample) for sample in samples)
    curves = (
        Curve("resident memory of the worker, MB", [(each.minutes, each.rss_mb) for each in samples], "#0b7285"),
        Curve("its sockets", [(each.minutes, each.sockets) for each in samples], "#c92a2a"),
        Curve("its asyncio tasks", [(each.minutes, each.tasks) for each in samples], "#5f3dc4"),
        Curve("connections made so far", [(each.minutes, each.opened) for each in samples], "#868e96"),
    )
    draw(curves, out / "soak.svg")


def _until_committed(stack: Stack, topic: str, count: int, soaked: Soaked, log: Path) -> None:
    """Wait until the topic, markers included, has grown past so many and grows no more: the worker has committed what came."""
    topics, seen = Topics(stack.bootstrap_servers, stack.registry_url), [-1, -2]
    _until(lambda: _grown(topics, topic, seen) and seen[-1] > count, soaked, log, every_secs=3.0)
    topics.close()


def _grown(topics: Topics, topic: str, seen: list[int]) -> bool:
    seen.append(topics.end(topic))
    return seen[-1] == seen[-2]


def _until(reached: Callable[[], bool], soaked: Soaked, log: Path, every_secs: float = 0.5) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while not reached():
        if time.monotonic() > deadline or soaked.worker.poll() is not None:
            raise RuntimeError(f"not reached in {PATIENCE_SECS:g} s, or the worker ended; see {log}\n{tail(log)}")
        time.sleep(every_secs)


def _prefix(name: str) -> str:
    return f"{name}."


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # closed since it was listed
        return ""


@click.command()
@click.option("--minutes", type=float, default=30.0, show_default=True, help="How long streams die.")
@click.option("--streams", type=int, default=200, show_default=True, help="How many there are.")
@click.option("--quick", is_flag=True, help="One minute, 40 streams.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("build/soak"), show_default=True, help="Folder of the curves."
)
def main(*, minutes: float, streams: int, quick: bool, json_path: Path | None, out: Path) -> None:
    """Show that nothing is left of streams that died."""
    if quick:
        minutes, streams = 1.0, 40
    with memory_folder() as folder, servers(folder) as stack:
        figures, samples = soak(stack, folder, minutes, streams)
    write_curves(samples, out)
    conditions = machine() | {
        "minutes": minutes,
        "streams": streams,
        "events_a_second_each": PER_SEC,
        "mean_life_secs": LIFE_SECS,
    }
    outcome = Report("soak", {}, figures, conditions, BARS)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
