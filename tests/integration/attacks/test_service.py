"""Proves on a real broker, Redis and store that what 'wellhead attacks run' leaves in the stores is the oracle's, whatever is away or dies."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from random import Random

import httpx
import pytest
from hit_topic import HitTopic, some_hits
from store_gate import StoreGate

from wellhead.stack import Stack

pytestmark = pytest.mark.timeout(400)


class Running:
    """A process of the service, and what it says of itself."""

    def __init__(self, hits: HitTopic, *words: str) -> None:
        number = len(hits.processes)
        self._log = hits.folder / f"attacks-{number}.log"
        argv = [
            sys.executable,
            "-m",
            "wellhead",
            "attacks",
            "run",
            *words,
            "--set",
            "listeners=http://127.0.0.1:0",
            str(hits.file),
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
        hits.processes.append(self.process)

    def said(self, event: str) -> dict | None:
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return next((line for line in lines if line["event"] == event), None)

    @property
    def url(self) -> str | None:
        started = self.said("started")
        return started["listening"][0] if started else None

    def health(self) -> dict:
        if self.url is None:
            return {"status": "none", "message": "", "attacks": {"wallarm": {"group": {}, "stores": {}}}}
        return httpx.get(f"{self.url}/health", timeout=30, trust_env=False).json()

    def part(self, store: str | None = None) -> dict:
        told = self.health()["attacks"]["wallarm"]
        return told["group"] if store is None else told["stores"].get(store, {})

    def metric(self, name: str, **labels: str) -> float:
        page = httpx.get(f"{self.url}/metrics", timeout=30, trust_env=False).text
        lines = [line for line in page.splitlines() if line.startswith(f"{name}{{")]
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(each in line for each in wanted))


def stored(hits: HitTopic, url: str, prefix: str) -> dict:
    try:
        return hits.stored(url, prefix)
    except KeyError:  # an index that is just being made has no shard that answers
        return {}


def status(hits: HitTopic, url: str) -> tuple[int, dict]:
    argv = [sys.executable, "-m", "wellhead", "attacks", "status", "--json", "--url", url, str(hits.file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def prefix(unique: str) -> str:
    return unique.rstrip(".")


@pytest.fixture
def hits(stack: Stack, unique: str, tmp_path, redis_url: str, search_url: str):
    stores = {"primary": {"url": search_url, "index.prefix": unique.rstrip("."), "replicas": 0}}
    made = HitTopic(stack, unique, tmp_path, redis_url, stores=stores)
    yield made
    made.close()


def test_one_pass_stores_what_is_there_and_ends(hits: HitTopic, search_url: str, prefix: str):
    """`--once` ends by itself with everything in the store; the next pass goes on from there, and one with nothing to do ends too."""
    made = some_hits(900, 11, int(time.time() * 1000))
    for chunk in (made[:600], made[600:], []):
        hits.produce(chunk)
        running = Running(hits, "--once")
        assert running.process.wait(120) == 0, running._log.read_text()[-3000:]
        hits.exact(stored(hits, search_url, prefix))
        assert running.said("stopped")["abandoned"] is False


def test_the_whole_service_is_killed_under_load(hits: HitTopic, search_url: str, prefix: str):
    """Grouper and writer die together by kill -9, three times at random; what can be searched in the end is the oracle's, exactly."""
    made, random = some_hits(2400, 12, int(time.time() * 1000)), Random(12)
    running = Running(hits)
    for begin in range(0, 2400, 600):
        hits.produce(made[begin : begin + 600])
        hits.until(lambda begin=begin: hits.committed() > begin, f"progress after {begin} hits")
        if begin < 1800:
            time.sleep(random.uniform(0, 0.5))
            hits.kill(running.process)
            running = Running(hits)
    hits.until(lambda: running.part().get("lag_records") == 0 and hits.committed() >= 2400, "all hits grouped")
    hits.until(lambda: stored(hits, search_url, prefix).keys() == hits.documents().keys(), "all documents stored")
    hits.until(lambda: running.part("primary").get("lag_records") == 0, "all documents committed")
    hits.exact(stored(hits, search_url, prefix))
    assert stored(hits, search_url, prefix) == hits.documents()
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert running.said("stopped")["abandoned"] is False


def test_a_store_that_is_away_at_the_start_is_told_and_heals(
    stack: Stack, unique: str, tmp_path, redis_url: str, search_url: str
):
    """Its writer waits and says for what, its lag grows; grouping and the other store go on, and once it is there it catches up by itself."""
    prefix = unique.rstrip(".")
    with StoreGate(search_url) as gate:
        gate.set("shut")
        stores = {
            "primary": {"url": search_url, "index.prefix": f"{prefix}-1", "replicas": 0},
            "second": {"url": gate.url, "index.prefix": f"{prefix}-2", "replicas": 0},
        }
        hits = HitTopic(stack, unique, tmp_path, redis_url, stores=stores)
        try:
            hits.produce(some_hits(500, 13, int(time.time() * 1000)))
            running = Running(hits)
            hits.until(lambda: running.part("second").get("state") == "waiting", "the store is told to be away")
            assert gate.url.removeprefix("http://") in running.part("second")["message"]
            hits.until(lambda: hits.committed() >= 500, "all hits grouped")
            hits.until(lambda: stored(hits, search_url, f"{prefix}-1") == hits.documents(), "the other store")
            hits.until(lambda: running.part("second")["lag_records"] >= 500, "the lag of the store that is away")
            lag = {"wellhead_store": "second"}
            assert running.metric("wellhead_attacks_store_lag", **lag) >= 500
            assert running.metric("wellhead_attacks_store_lag_time_seconds", **lag) > 0
            code, told = status(hits, running.url)
            second = next(part for part in told["attacks"][0]["parts"] if part["part"] == "wallarm/second")
            assert (code, second["state"], second["lag_records"] >= 500) == (1, "waiting", True)
            assert second["last_error"]

            gate.set("open")
            hits.until(lambda: stored(hits, search_url, f"{prefix}-2") == hits.documents(), "the store has caught up")
            hits.until(lambda: running.health()["status"] == "healthy", "healthy again")
            hits.until(lambda: running.metric("wellhead_attacks_store_lag", **lag) == 0, "no lag")
            hits.exact(stored(hits, search_url, f"{prefix}-2"))
            code, told = status(hits, running.url)
            assert code == 0, told
        finally:
            hits.close()
