"""Tests of the webhook receiver on a real broker: workers are killed while the vendor pushes; what was answered is there, once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import readback
from worker_file import worker_section

TOKEN = "invented-push-token"
SITE = Path(__file__).parents[2] / "site"
SCHEMA = (Path(__file__).parents[3] / "schemas/wallarm.hit/v1.avsc").read_text()
DEADLINE_SECS = 90.0

pytestmark = pytest.mark.timeout(400)


class Pushed:
    """A deployment that is pushed to, and a vendor that pushes again what was not answered."""

    def __init__(self, stack, prefix: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.bootstrap, self.prefix, self.folder = stack.bootstrap_servers, prefix, folder
        connector = {
            "connector.class": "wallarm",
            "topic.prefix": prefix,
            "tenant": "acme",
            "clients": [4242],
            "token": "unused",
            "hits_enabled": False,
            "attacks_enabled": False,
            "webhook_port": self.port,
            "webhook_token": TOKEN,
            "transaction.boundary.interval.ms": 20,
            "retry.backoff.max.secs": 1,
        }
        worker = worker_section(stack.bootstrap_servers, stack.registry_url, prefix, folder)
        self.file = folder / "deployment.json"
        self.file.write_text(json.dumps({"worker": worker, "connectors": {"pushed": connector}}))
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "pushed_worker", *words, str(self.file)]
            paths = os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")])
            self.workers.append(subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": paths}))
        return self.workers[-1]

    def until_it_rests(self) -> None:
        """Wait until the newest worker holds no client of Kafka any more."""
        tasks, deadline = Path(f"/proc/{self.workers[-1].pid}/task"), time.monotonic() + DEADLINE_SECS
        self.push_until(lambda status: status != 0)
        while any(_name_of(task).startswith("rdk:") for task in tasks.iterdir()):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def push(self, *numbers: int) -> int | None:
        """Push once; give the status, None where no answer came."""
        notifications = [{"details": {"notification_type": "new_hits", "hit": hit(number)}} for number in numbers]
        try:
            with httpx.Client(trust_env=False, timeout=DEADLINE_SECS) as client:
                url, headers = f"http://127.0.0.1:{self.port}/", {"Authorization": f"Bearer {TOKEN}"}
                return client.post(url, json=notifications, headers=headers).status_code
        except httpx.ConnectError:
            return 0
        except httpx.TransportError:
            return None

    def push_until(self, answered: Callable[[int | None], bool], *numbers: int) -> int | None:
        """Push again and again, as the vendor does, until the answer is one that is waited for."""
        deadline = time.monotonic() + DEADLINE_SECS
        while not answered(status := self.push(*numbers)):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return status

    def hits(self) -> Counter[str]:
        topic = f"{self.prefix}wallarm.hit"
        return Counter(record["id"].split(":")[1] for record in readback.records(self.bootstrap, topic, SCHEMA))

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(30)

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()[-3_000:]


def _name_of(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except FileNotFoundError:  # it has just ended
        return ""


def hit(number: int) -> dict[str, object]:
    return {
        "id": ["hits_production_4242_202611_v_1", f"k{number}"],
        "type": "sqli",
        "host": "shop.example.com",
        "path": "/",
        "remote_addr4": "198.51.100.8",
        "request_time": int(time.time()),
        "point": ["get", "q"],
        "method": "GET",
        "payloads": ["x"],
    }


@pytest.fixture
def pushed(stack, unique, tmp_path):
    made = Pushed(stack, unique, tmp_path)
    yield made
    made.end()


def test_a_kill_between_commit_and_answer_costs_no_hit_and_doubles_none(pushed):
    """Hits that were committed and not answered, as the worker was killed in between, are pushed again, left out, and answered then."""
    worker = pushed.start("--at", "after_commit:2")  # the first transaction is the run's own
    assert pushed.push_until(lambda status: status != 0, 1, 2) is None, pushed.log()
    assert worker.wait(DEADLINE_SECS) == -signal.SIGKILL, pushed.log()
    assert pushed.hits() == {"k1": 1, "k2": 1}
    pushed.start()
    assert pushed.push_until(lambda status: status not in (0, 503), 1, 2, 3) == 200
    assert pushed.hits() == {"k1": 1, "k2": 1, "k3": 1}
    assert readback.values(pushed.bootstrap, f"{pushed.prefix}offsets")[-1]["received"] == 2


def test_kills_and_stops_under_load_lose_nothing_that_was_answered(pushed):
    """While four senders push and push again, workers are killed and stopped; in the end every answered hit is in the topic, once."""
    answered: set[int] = set()
    over = threading.Event()

    def send(first: int) -> None:
        for number in range(first, 100_000, 4):
            if over.is_set():
                return
            while (status := pushed.push(number)) != 200:
                assert status in (0, 503, None), status
                time.sleep(0.01)
            answered.add(number)

    pushed.start()
    senders = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for sender in senders:
        sender.start()
    try:
        for signum in (signal.SIGKILL, signal.SIGTERM):
            enough, deadline = len(answered) + 25, time.monotonic() + DEADLINE_SECS
            while len(answered) < enough:
                assert time.monotonic() < deadline, pushed.log()
                time.sleep(0.02)
            pushed.workers[-1].send_signal(signum)
            assert pushed.workers[-1].wait(DEADLINE_SECS) == (-signal.SIGKILL if signum is signal.SIGKILL else 0), pushed.log()
            pushed.start()
    finally:
        over.set()
        for sender in senders:
            sender.join(2 * DEADLINE_SECS)
    hits = pushed.hits()
    assert hits == Counter(f"k{number}" for number in answered)


def test_a_stream_that_rests_publishes_what_comes_then(pushed):
    """A worker to which nothing is pushed closes its producer; what is pushed then is published, and so is what comes after another rest."""
    pushed.start()
    pushed.until_it_rests()
    assert pushed.push(1, 2) == 200, pushed.log()
    assert pushed.push(3) == 200, pushed.log()
    assert pushed.hits() == {"k1": 1, "k2": 1, "k3": 1}


def test_one_that_rested_while_another_took_over_publishes_nothing(pushed):
    """A worker that rests knows nothing of another that has its task by now: what is pushed to it is refused, and not published (I4)."""
    pushed.start()
    pushed.until_it_rests()
    first_port = pushed.port
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        pushed.port = free.getsockname()[1]
    words = json.loads(pushed.file.read_text())
    words["connectors"]["pushed"]["webhook_port"] = pushed.port
    pushed.file.write_text(json.dumps(words))
    pushed.start()
    assert pushed.push_until(lambda status: status not in (0, 503), 1) == 200, pushed.log()
    pushed.port = first_port
    assert pushed.push(2) != 200
    assert pushed.hits() == {"k1": 1}
