"""Dead letters of a real worker, redriven against a real broker and registry, with the simulated vendor's long and broken lines."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import readback
from confluent_kafka import Consumer, TopicPartition
from deployed import Deployed, deployed

from wellhead.cli import run
from wellhead.config.load import load_worker
from wellhead.kafka.settings import admin_config, consumer_config, writer_config
from wellhead.kafka.topics import ensure
from wellhead.kafka.write import write_now
from wellhead.recovery.settled import Outcome
from wellhead.storage.audit import AuditRecord, read_audit
from wellhead.storage.configs import connector_message
from wellhead.storage.topics import config_spec

REDRIVING = str(Path(__file__).parent / "redriving.py")
LONG, BROKEN = 30, 10
SECS = 120


class Site:
    """A deployment whose worker once took too few bytes a line, so that LONG sound lines are dead letters beside BROKEN broken ones."""

    def __init__(self, worker: Deployed) -> None:
        self.worker = worker
        self.topic = f"{worker.prefix}wss.access_log.dlq"
        worker.worker |= {"audit.topic": f"{worker.prefix}audit"}

    def fix(self) -> None:
        """Mend the cause of the long lines' letters."""
        self.worker.connector.pop("max_line_bytes", None)

    def dlq(self, *words: str, code: int = 0) -> str:
        """Run the verb in this process, give what it wrote to stdout."""
        told, written = io.BytesIO(), io.TextIOWrapper(io.BytesIO())
        with io.TextIOWrapper(told, write_through=True) as out, redirect_stdout(out), redirect_stderr(written):
            found = run(["dlq", *words, "-c", str(self.worker.file())])
            text = told.getvalue().decode()
        assert found == code, text
        return text

    def counts(self, *words: str) -> dict[str, int]:
        told = json.loads(self.dlq("list", "--output", "json", *words))
        counts: Counter[str] = Counter()
        for row in told["letters"]:
            counts[row["reason"]] += row["letters"]
        return dict(counts)

    def open_letters(self) -> int:
        return sum(self.counts().values())

    def redrive(self, *words: str, code: int = 0) -> dict[str, int]:
        (told,) = json.loads(self.dlq("redrive", "wss-acme", "--output", "json", *words, code=code))["redrives"]
        return {outcome: number for outcome, number in told["letters"].items() if number} | {"records": told["records"]}

    def move_to_config_topic(self) -> None:
        """Keep the connector where REST keeps it; the file is left with the worker's settings."""
        path = self.worker.file()
        told = json.loads(path.read_text())
        told["worker"] |= {"config.storage.topic": f"{self.worker.prefix}configs"}
        words = {name: str(value) for name, value in told.pop("connectors")["wss-acme"].items()}
        path.write_text(json.dumps(told))
        self.worker.file = lambda: path
        worker = load_worker([path], overrides=(), environ={})
        ensure(admin_config(worker), [config_spec(worker)])
        write_now(writer_config(worker), [connector_message(worker.config_storage_topic, "wss-acme", words, version=1)])

    def audit(self) -> list[AuditRecord]:
        worker = load_worker([self.worker.file()], overrides=(), environ={})
        return read_audit(consumer_config(worker), worker.audit_topic)

    def at_terminal(self, answer: str, *words: str) -> int:
        """Redrive at a terminal, where the question is answered; give the exit code."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, f"{answer}\n".encode())
            command = [sys.executable, "-m", "wellhead", "dlq", "redrive", "wss-acme", *words, "-c", str(self.worker.file())]
            done = subprocess.run(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, timeout=SECS, check=False)
            assert b"Publish them?" in os.read(ours, 65_536)
        finally:
            os.close(ours)
            os.close(theirs)
        return done.returncode

    def end_of_runs(self) -> int:
        """Give where the runs topic ends: each poll of a worker that is not fenced moves it."""
        consumer = Consumer({"bootstrap.servers": self.worker.bootstrap, "group.id": "ends"})
        try:
            return consumer.get_watermark_offsets(TopicPartition(f"{self.worker.prefix}runs", 0), timeout=30)[1]
        finally:
            consumer.close()

    def kill_at(self, point: str) -> int:
        command = [sys.executable, REDRIVING, point, str(self.worker.file())]
        return subprocess.run(command, timeout=SECS, capture_output=True, check=False).returncode

    def assert_each_record_once(self) -> None:
        truth = list(self.worker.simulator.truth(values=False))
        held = Counter(record.identity for record in truth if record.kind == "record")
        read = Counter(self.worker.simulator.identity_of(record) for record in self.worker.records())
        assert ((held - read).total(), (read - held).total()) == (0, 0), "(lost, duplicated)"

    def redriven_headers(self) -> list[str]:
        found = readback.messages(self.worker.bootstrap, f"{self.worker.prefix}wss.access_log")
        return [
            dict(message.headers())["wellhead.redriven"].decode()
            for message in found
            if message.headers() and "wellhead.redriven" in dict(message.headers())
        ]


@pytest.fixture
def site(stack, unique, tmp_path) -> Iterator[Site]:
    with deployed(stack, unique, tmp_path, faults=(f"long_line:{LONG}", f"broken_rows:{BROKEN}", "new_field:1")) as worker:
        worker.connector["max_line_bytes"] = 8_192
        assert worker.run() == 0
        made = Site(worker)
        assert made.open_letters() == LONG + BROKEN
        yield made


def test_what_is_sound_by_now_is_published_once_and_the_rest_stays_open(site):
    """After the fix each long line is a record with its letter's id, no broken one is, and a second redrive finds nothing to publish."""
    assert site.redrive() == {"failed again": LONG + BROKEN, "records": 0}, "the cause is not mended yet"
    site.fix()
    before = len(site.worker.records())
    assert site.redrive() == {"redriven": LONG, "failed again": BROKEN, "records": LONG}, "a dry run tells what would happen"
    assert (len(site.worker.records()), site.open_letters()) == (before, LONG + BROKEN), "and changes nothing"
    assert site.redrive("--yes", code=1) == {"redriven": LONG, "failed again": BROKEN, "records": LONG}
    site.assert_each_record_once()
    assert sorted(set(site.redriven_headers())) == sorted(site.redriven_headers())
    assert len(site.redriven_headers()) == LONG
    assert site.open_letters() == BROKEN
    assert site.redrive("--yes", code=1) == {"failed again": BROKEN, "records": 0}
    assert len(site.worker.records()) == before + LONG
    assert sum(site.counts("--all").values()) == LONG + BROKEN


def test_a_running_worker_goes_on(site):
    """A redrive fences no task: the worker that runs meanwhile writes before and after it, and never fails."""
    site.fix()
    site.worker.connector["poll.interval.secs"] = 1
    end = site.end_of_runs()
    running = site.worker.start("wellhead", "run")
    site.worker.until(lambda: site.end_of_runs() > end, secs=60)
    assert site.redrive("--yes", code=1)["redriven"] == LONG
    end = site.end_of_runs()
    site.worker.until(lambda: site.end_of_runs() > end + 4, secs=60)
    assert running.poll() is None
    assert {run["outcome"] for run in site.worker.runs()[:-1]} == {"caught_up"}
    site.assert_each_record_once()


def test_a_letter_is_found_shown_and_redriven_by_its_id(site):
    """Listed one by one, shown with its exact bytes, and redriven alone; of a connector that stands in the config topic alike."""
    listed = json.loads(site.dlq("list", "--each", "--reason", "longer than", "--limit", "3", "--output", "json"))["letters"]
    assert [row["stage"] for row in listed] == ["poll"] * 3
    chosen = listed[1]["id"]
    raw = json.loads(site.dlq("show", chosen, "--output", "json"))
    exact = base64.b64decode(raw["raw_base64"])
    assert exact in site.worker.letters()
    assert site.dlq("show", chosen, "--raw") == exact.decode()
    page = site.dlq("show", chosen, "--hex")
    assert "state      open" in page
    assert "wellhead.context" in page
    assert all(line.isprintable() for line in page.splitlines())
    site.dlq("show", f"{site.topic}/0/999999", code=1)
    site.dlq("show", "no id", code=2)
    site.dlq("redrive", "other", code=1)
    site.dlq("list", "--since", "yesterday", code=2)
    site.fix()
    site.move_to_config_topic()
    assert site.redrive("--yes", "--id", chosen, "--by", "ann") == {"redriven": 1, "records": 1}
    assert site.redriven_headers() == [chosen]
    assert f"state      {Outcome.REDRIVEN}, " in site.dlq("show", chosen)
    assert site.open_letters() == LONG + BROKEN - 1
    assert site.at_terminal("n", "--id", listed[0]["id"]) == 0
    assert site.open_letters() == LONG + BROKEN - 1, "a person who says no changes nothing"
    assert site.at_terminal("y", "--id", listed[0]["id"]) == 0
    assert site.open_letters() == LONG + BROKEN - 2
    change, _ = site.audit()
    assert (change.who, change.what, change.connector, change.after["redriven"]) == ("ann", "dlq.redrive", "wss-acme", 1)


@pytest.mark.parametrize("point", ["begin:1", "mid_produce:7", "before_commit:1", "after_commit:1"])
def test_killed_at(site, point):
    """A redrive that is killed at a named point loses and doubles nothing: the next one does what was left."""
    site.fix()
    assert site.kill_at(point) == -signal.SIGKILL
    told = site.redrive("--yes", code=1)
    assert told.get("redriven", 0) == (0 if point.startswith("after") else LONG)
    site.assert_each_record_once()
    assert site.open_letters() == BROKEN
