"""A WSS tenant, a worker in a process of its own that pulls it, and what an independent reader then finds in Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import readback
from worker_file import worker_section

from connectors.wss import simulator as wss
from connectors.wss.source import WssConfig, WssCursor, connector
from wellhead.config.load import load
from wellhead.runtime.process import Process
from wellhead.stack import Stack
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Driver
from wellhead.testing.server import serve

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schemas/wss.access_log/v1.avsc"
WORKER_SECS = 90.0
QUIRKS = ("broken_rows:12", "non_utf8:6", "new_field:1")
# Small pieces: many batches, and several of them to a member.
CHUNK_BYTES = 1 << 16


class Deployed:
    """One deployment with topics of its own.

    Attributes:
        simulator: The vendor; its time, faults and log of requests are at hand.
        connector: Options of the connector over those that fit the simulator.
        worker: Settings of the worker, likewise.
        log: What every worker wrote, one after the other.
        may_be_polling: Whether workers are stopped without having come to the end of a run.
    """

    def __init__(self, servers: Stack, prefix: str, folder: Path, simulator: wss.WssSimulator, url: str) -> None:
        self.servers = servers
        self.prefix = prefix
        self.folder = folder
        self.simulator = simulator
        self.url = url
        self.bootstrap = servers.bootstrap_servers
        self.registry = servers.registry_url if servers.registry else "http://127.0.0.1:1"
        self.connector: dict[str, Any] = {}
        self.worker: dict[str, Any] = {}
        self.log = folder / "worker.log"
        self.may_be_polling = False
        self._running: list[subprocess.Popen[bytes]] = []

    def file(self) -> Path:
        """Write the deployment as it stands now."""
        worker = worker_section(self.bootstrap, self.registry, self.prefix, self.folder)
        connector = {
            "connector.class": "wss",
            "topic.prefix": self.prefix,
            "tenant": "acme",
            "topic.creation.default.partitions": 2,
            "retry.backoff.max.secs": 1,
            "quiet_secs": 0,
            "chunk_bytes": CHUNK_BYTES,
            **self.simulator.options(self.url),
            **self.connector,
        }
        path = self.folder / "deployment.json"
        path.write_text(json.dumps({"worker": worker | self.worker, "connectors": {"wss-acme": connector}}))
        return path

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `python -m WORDS... FILE`, by default a worker that ends once caught up; its output goes to `log`."""
        command = [sys.executable, "-m", *(words or ("wellhead.testing.crash",)), str(self.file())]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ))
        self._running.append(process)
        return process

    def run(self, *words: str) -> int:
        """Start likewise, wait for the end, give the exit code; negative for a signal."""
        return self.start(*words).wait(WORKER_SECS)

    def process(self, *, once: bool = False) -> Process:
        """Give the deployment as a worker in this process, for `async with`."""
        return Process(load([self.file()], environ={}), worker_id="test", once=once)

    def run_until_frozen(self, point: str) -> subprocess.Popen[bytes]:
        """Start a worker that stands still at `point`; give it once it does. `process.send_signal(SIGCONT)` lets it go on."""
        process = self.start("wellhead.testing.crash", "--at", point, "--freeze")
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert process.poll() is None, f"ended before {point}: {self.said()[-5:]}"
        return process

    def listening(self) -> str:
        """Give where the newest worker serves `/health`, once it does."""
        self.until(self._started)
        return self._started()[-1]["listening"][0]

    def health(self) -> tuple[int, dict[str, Any]]:
        """Give the status code of `/health` and the task in it."""
        answer = httpx.get(f"{self.listening()}/health", timeout=5, trust_env=False)
        return answer.status_code, answer.json()["connectors"]["wss-acme"]["tasks"][0]

    def end(self) -> None:
        """Kill what is still running."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def said(self) -> list[dict[str, Any]]:
        """Give the workers' log lines; a line that is not JSON stands under `text`."""
        return [_line(line) for line in self.log.read_text().splitlines() if line] if self.log.exists() else []

    def until(self, reached: Callable[[], object], secs: float = 30.0) -> None:
        """Wait until `reached()` holds, or fail with the worker's last lines."""
        deadline = time.monotonic() + secs
        while not reached():
            assert time.monotonic() < deadline, f"not reached after {secs:g} s; the log ends with {self.said()[-5:]}"
            time.sleep(0.05)

    def _started(self) -> list[dict[str, Any]]:
        started = [line for line in self.said() if line.get("event") == "started"]
        return started[-1:] if len(started) == len(self._running) else []

    def records(self) -> list[dict[str, Any]]:
        return readback.records(self.bootstrap, f"{self.prefix}wss.access_log", SCHEMA.read_text())

    def cursors(self) -> list[dict[str, Any]]:
        """Give every committed cursor, oldest first."""
        return readback.values(self.bootstrap, f"{self.prefix}offsets")

    def runs(self) -> list[dict[str, Any]]:
        """Give the last record of every run, oldest run first."""
        return list({run["run_id"]: run for run in readback.values(self.bootstrap, f"{self.prefix}runs")}.values())

    def letters(self) -> list[bytes]:
        return [message.value() for message in readback.messages(self.bootstrap, f"{self.prefix}wss.access_log.dlq")]

    def driver(self) -> Driver:
        """Give the means to read the vendor in this process, without Kafka, on a clock a moment ahead."""
        config = WssConfig.model_validate({**self.simulator.options(self.url), "quiet_secs": 0, "chunk_bytes": CHUNK_BYTES})
        clock = FakeClock(start_ms=self.simulator.clock.now_ms() + 1_000)
        return Driver(connector, connector.streams[0], config, clock)

    def held(self) -> int:
        """Give how many good records the vendor holds."""
        return len(self.simulator.identities())

    def assert_exactly_once(self) -> None:
        """Compare topic, dead letters, cursor and run records with what the vendor knows it holds."""
        truth = list(self.simulator.truth(values=False))
        held = Counter(record.identity for record in truth if record.kind == "record")
        read = Counter(self.simulator.identity_of(record) for record in self.records())
        assert ((held - read).total(), (read - held).total()) == (0, 0), "(lost, duplicated)"
        broken = Counter(record.raw for record in truth if record.kind == "broken")
        assert Counter(self.letters()) == broken
        self._assert_cursor_is_last()

    def _assert_cursor_is_last(self) -> None:
        runs = self.runs()
        if self.may_be_polling:
            # Workers that poll every second are stopped in the middle of a run that found nothing, as often as not.
            runs = [run for run in runs if run["outcome"] == "caught_up" or run["records"] or run["rejects"]]
        cursor, last = self.cursors()[-1], runs[-1]
        assert last["outcome"] == "caught_up"
        totals = [sum(run[counted] for run in self.runs()) for counted in ("records", "rejects")]
        assert totals == [len(self.records()), len(self.letters())], "the run records do not add up to the topics"
        assert self.may_be_polling or last["cursor_to"] in (cursor, last["cursor_from"])
        moves = readback.values(self.bootstrap, f"{self.prefix}history")
        assert [moves[0]["from"], moves[-1]["to"]] == [None, cursor]
        assert all(later["from"] == earlier["to"] for earlier, later in pairwise(moves)), "the history of the cursor has a gap"
        assert [sum(move[counted] for move in moves) for counted in ("records", "rejects")] == totals
        assert cursor["status"] == "done"
        rest = asyncio.run(self.driver().drain(WssCursor.model_validate(cursor)))
        assert not rest.errors
        assert sum(step.table.num_rows for step in rest.steps) == 0, "the cursor stands before records that were published"
        assert rest.rejects() == []


@contextmanager
def deployed(servers: Stack, prefix: str, folder: Path, **simulated: Any) -> Iterator[Deployed]:
    """Serve a tenant from this process and give a deployment that pulls it; its workers are gone afterwards."""
    settings = {"rows": 3_000, "hours": 2, "quiet_secs": 0, "retry_after_secs": 0, "faults": QUIRKS} | simulated
    simulator = wss.create(wss.Settings.model_validate(settings))
    with ExitStack() as cleanup:
        url = cleanup.enter_context(serve(simulator))
        made = Deployed(servers, prefix, folder, simulator, url)
        cleanup.callback(made.end)
        yield made


def task_of(process: Process) -> dict[str, Any]:
    """Give what a worker's health says of its task."""
    task: dict[str, Any] = process.health()["connectors"]["wss-acme"]["tasks"][0]
    return task


async def until(reached: Callable[[], object], secs: float = 60.0) -> None:
    """Wait until `reached()` holds."""
    async with asyncio.timeout(secs):
        while not reached():  # noqa: ASYNC110 - a worker tells nobody when its state changes
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[None]:
    """Run a worker while the block lasts, then stop it."""
    async with process:
        work = asyncio.create_task(process.worker.run())
        try:
            yield
        finally:
            process.worker.stop()
            await work


def _line(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": line}
