"""The migration guide's own shell blocks, one after the other as they stand, between a real Elasticsearch 6.8 and a real OpenSearch 2.19."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import httpx
import pytest
from hit_topic import HitTopic, some_hits
from twin_stores import Twin, attacks, hits

from wellhead.stack.ports import PortLease

GUIDE = Path(__file__).parents[3] / "docs/guide/migrate.md"
BLOCK = re.compile(r"^```(?P<kind>console|yaml attacks\.yaml)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DEADLINE_SECS = 90.0


class Shell:
    """One bash in which the blocks run, jobs and all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)

    def run(self, text: str) -> str:
        """Run one block, command by command; give what it said. A command that fails fails the test."""
        said = []
        for command in text.splitlines():
            self._process.stdin.write(f"{command}\necho __done $?\n")
            self._process.stdin.flush()
            deadline = time.monotonic() + DEADLINE_SECS
            while True:
                try:
                    line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
                except Empty:
                    raise AssertionError(f"{command} does not end; said {''.join(self.said[-40:])}") from None
                if line.startswith("__done "):
                    # A job that was told to stop ends with what its signal says, or 0.
                    assert line.strip() == "__done 0", f"{command}: {line}{''.join(self.said[-40:])}"
                    break
                said.append(line)
                self.said.append(line)
        return "".join(said)

    def close(self) -> None:
        """End the jobs by their own ids, then the shell."""
        try:
            self.run("kill $(jobs -p) 2>/dev/null; wait")
        finally:
            self._process.stdin.close()
            self._process.wait(30)
            self._process.stdout.close()


class Blocks:
    """The guide's blocks in their order, with addresses of this machine in the place of the guide's."""

    def __init__(self, shell: Shell, places: dict[str, str]) -> None:
        self._shell = shell
        self._places = places
        self._left = [(found["kind"], found["text"]) for found in BLOCK.finditer(GUIDE.read_text())]

    def next(self, begins: str) -> str:
        """Run the next block, which must begin with a text the guide has there."""
        kind, text = self._left.pop(0)
        assert text.startswith(begins), f"the guide goes on with {text!r}"
        for theirs, ours in self._places.items():
            text = text.replace(theirs, ours)
        if kind == "console":
            return self._shell.run(text)
        part = self._shell.folder / "part"
        part.write_text(text)
        part.replace(self._shell.folder / "attacks.yaml")
        return ""

    @property
    def left(self) -> int:
        return len(self._left)


@pytest.fixture
def twins(search_url, old_search_url, unique) -> Iterator[tuple[Twin, Twin]]:
    prefix = unique.strip(".")
    made = Twin(old_search_url, prefix, "old"), Twin(search_url, prefix, "new")
    yield made
    for each in made:
        each.clear()


@pytest.fixture
def topic(stack, redis_url, unique, tmp_path) -> Iterator[HitTopic]:
    made = HitTopic(stack, unique, tmp_path, redis_url)
    yield made
    made.close()


@pytest.fixture
def ports() -> Iterator[list[int]]:
    leased = PortLease()
    yield leased.take(2)
    leased.release()


@pytest.fixture
def shell(tmp_path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.close()


def places(topic: HitTopic, twins: tuple[Twin, Twin], ports: list[int], redis_url: str) -> dict[str, str]:
    """What stands for the guide's addresses here."""
    stores = [f'"{twin.store.settings.url[0]}", index.prefix: {twin.prefix}' for twin in twins]
    return {
        "group.id: wellhead-attacks": f"group.id: {topic.group}",
        "kafka:9092": topic.bootstrap,
        "http://registry:8081/apis/ccompat/v7": topic.registry_url,
        "redis://redis:6379/0": redis_url,
        "topic: wallarm.hit": f"topic: {topic.topic}",
        '"http://old-store:9200"': stores[0],
        '"http://new-store:9200"': stores[1],
        "8085": str(ports[0]),
        "8086": str(ports[1]),
    }


def until(reached: Callable[[], object], shell: Shell) -> None:
    deadline = time.monotonic() + DEADLINE_SECS
    while not reached():
        assert time.monotonic() < deadline, "".join(shell.said[-60:])
        time.sleep(0.2)


def count(twin: Twin) -> int:
    twin.store.refresh(f"{twin.prefix}-*")
    return twin.store.count(f"{twin.prefix}-hits-*")


def answers(url: str, client: int) -> str | None:
    try:
        return httpx.get(f"{url}/v1/attacks", params={"client": client}, timeout=30, trust_env=False).headers.get(
            "x-wellhead-store"
        )
    except httpx.HTTPError:
        return None


@pytest.mark.timeout(600)
def test_the_guide_moves_a_live_store_and_back(topic, twins, ports, shell, redis_url):
    """Mirror, migrate, verify, 1/10/100 %, roll back, cut over, back again and out: every block runs, the copy is exact, and who answers is as told."""
    old, new = twins
    blocks, url = Blocks(shell, places(topic, twins, ports, redis_url)), f"http://127.0.0.1:{ports[1]}"
    history = hits(days=2, each=30)
    old.put("hits", history.values())
    old.put("attacks", attacks(history).values())
    now_ms = int(time.time() * 1000)
    topic.produce(some_hits(200, 1, now_ms))

    blocks.next("worker:")
    blocks.next("wellhead attacks run")
    until(lambda: count(old) == len(history) + 200, shell)
    blocks.next("worker:")
    blocks.next("wellhead config check")
    topic.produce([replace(each, id=f"{each.id}b") for each in some_hits(100, 2, now_ms)])
    until(lambda: count(old) == len(history) + 300 and count(new) == 300, shell)

    said = blocks.next("wellhead migrate --from old --to new --dry-run")
    assert "nothing was written" in said
    assert json.loads((shell.folder / "migrated.json").read_text())["complete"]
    assert count(new) == len(history) + 300
    assert "EQUAL" in blocks.next("wellhead verify")
    rounds = [json.loads(line) for line in blocks.next("wellhead verify").splitlines() if line.startswith("{")]
    assert [each["verdict"] for each in rounds] == ["equal", "equal"]

    blocks.next("wellhead attacks serve")
    until(lambda: answers(url, 11) == "old", shell)
    for percent in (1, 10, 100):
        blocks.next(f"sed -i 's/shift.percent: .*/shift.percent: {percent}/'")
        until(lambda percent=percent: share(url) == percent, shell)
    assert {answers(url, client) for client in (11, 12, 4242)} == {"new"}
    blocks.next("sed -i 's/shift.percent: .*/shift.percent: 0/'")
    until(lambda: answers(url, 11) == "old", shell)

    said = blocks.next("sed -i -e 's/reads.from: old")
    assert "EQUAL" in said
    until(lambda: answers(url, 11) == "new", shell)
    blocks.next("sed -i -e 's/reads.from: new")
    until(lambda: answers(url, 11) == "old", shell)
    blocks.next("sed -i -e '/^      old:/d'")
    topic.produce([replace(each, id=f"{each.id}c") for each in some_hits(50, 3, now_ms)])
    until(lambda: count(new) == len(history) + 350, shell)
    until(lambda: answers(url, 11) == "new", shell)
    assert count(old) == len(history) + 300
    assert not blocks.left


def share(url: str) -> float | None:
    try:
        return httpx.get(f"{url}/health", timeout=30, trust_env=False).json()["settings"]["shift_percent"]
    except (httpx.HTTPError, KeyError, ValueError):
        return None
