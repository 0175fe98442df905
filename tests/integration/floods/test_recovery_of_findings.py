"""Proves on a real broker that findings are those of a detector run alone over the same records, whoever is killed, frozen or started beside."""

from __future__ import annotations

import json
import signal
import time
from random import Random

import pytest
from confluent_kafka import Producer
from flood_topic import FloodTopic, snapshots
from readback import messages

from wellhead.stack import Stack

pytestmark = pytest.mark.timeout(400)
GATEWAYS = ("proxy-1", "proxy-2", "proxy-3", "proxy-4", "proxy-5")


@pytest.fixture
def flood(stack: Stack, unique: str, tmp_path):
    made = FloodTopic(stack, unique, tmp_path)
    yield made
    made.close()


def filled(flood: FloodTopic, count: int, *, raw=()) -> int:
    """Write snapshots of all gateways, interleaved as they come; give how many records that is."""
    last_ms = int(time.time() * 1000) - 600_000
    streams = [snapshots(gateway, count, seed, last_ms) for seed, gateway in enumerate(GATEWAYS)]
    rows = [row for together in zip(*streams, strict=True) for snapshot in together for row in snapshot]
    flood.produce(rows, raw=raw)
    return len(rows)


def exact(flood: FloodTopic) -> int:
    """Compare every finding of every gateway, in order, and give how many there are."""
    found, truth = flood.findings(), flood.truth()
    assert found.keys() == truth.keys()
    for gateway, rows in truth.items():
        assert [(row["id"], row["kind"], row["version"]) for row in found[gateway]] == [
            (row["id"], row["kind"], row["version"]) for row in rows
        ], gateway
        assert found[gateway] == rows
    return sum(map(len, found.values()))


def done(flood: FloodTopic, count: int) -> bool:
    """Whether all is read, and time has gone on after it."""
    return flood.committed() >= count and {each: len(rows) for each, rows in flood.findings().items()} == {
        each: len(rows) for each, rows in flood.truth().items()
    }


def test_kill_9_changes_no_finding(flood: FloodTopic):
    """Killed twice at random under load, each time with another process started; none lost, none twice, each as it was."""
    count = filled(flood, 30, raw=[b"junk"])
    random, process = Random(8), flood.start()
    for part in (1, 2):
        flood.until(lambda part=part: flood.committed() > count * part // 4, f"progress {part}")
        time.sleep(random.uniform(0, 0.3))
        flood.kill(process)
        process = flood.start()
    flood.until(lambda: done(flood, count), "all findings")
    assert exact(flood) > 20
    last = len(flood.processes) - 1
    assert flood.said(last, "begins_anew") == []
    letters = messages(flood.bootstrap, flood.settings.dead_letter_topic)
    assert [letter.value() for letter in letters] == [b"junk"]
    process.terminate()
    assert process.wait(60) == 0
    assert flood.said(last, "stopped")[0]["abandoned"] is False


def test_two_processes_share_and_one_that_slept_writes_nothing(flood: FloodTopic):
    """One of two is frozen until the other has all partitions and has gone on; what it holds when it wakes is nobody's."""
    first, second = flood.start(), flood.start()
    flood.until(lambda: flood.health(0)["status"] == flood.health(1)["status"] == "healthy", "both at work")
    flood.until(lambda: all(flood.said(number, "partitions_assigned") for number in (0, 1)), "both have partitions")
    count = filled(flood, 30)
    flood.until(lambda: flood.committed() > count // 10, "progress")
    first.send_signal(signal.SIGSTOP)
    flood.until(lambda: flood.committed() >= count, "the other has done everything")
    first.send_signal(signal.SIGCONT)
    flood.until(lambda: done(flood, count), "all findings")
    flood.until(lambda: flood.health(0)["status"] == "healthy", "the one that slept is at work again")
    assert exact(flood) > 20
    for process in (first, second):
        process.terminate()
        assert process.wait(60) == 0


def test_the_bypass_file_follows_the_findings_over_restarts(flood: FloodTopic):
    """It holds what is open, from whichever process; a killed one's file is right once the next has looked; what closed goes."""

    def entries() -> list[str]:
        text = flood.bypass.read_text() if flood.bypass.exists() else ""
        return [line for line in text.splitlines() if not line.startswith("#")]

    last_ms = int(time.time() * 1000) - 300_000
    flood.produce([row for snapshot in snapshots("proxy-1", 13, 1, last_ms) for row in snapshot])
    process = flood.start()
    flood.until(lambda: entries() == ["*.ticker.example"], "the entry")
    flood.kill(process)
    flood.bypass.write_text("edited by hand\n")
    again = flood.start()
    flood.until(lambda: entries() == ["*.ticker.example"], "the entry is back")

    def status():
        return flood.call("status", "--json", "--url", flood.url(1))

    # It has just started: until it has read on and Kafka has said how far, something is still to be said of it.
    flood.until(lambda: status()[0] == 0, "all is well")
    code, told = status()
    state = json.loads(told)
    (watch,) = state["floods"]
    (gateway,) = watch["gateways"]
    assert (code, watch["wrong"], watch["bypass"]["entries"]) == (0, [], 1), told
    assert (gateway["gateway"], gateway["totals"]["upstream"] > 90) == ("proxy-1", True)
    opened = {finding["detector"] for finding in gateway["findings"]}
    assert opened >= {"established", "share", "idle"}
    code, told = flood.call("status", "--url", flood.url(1))
    assert (code, "proxy-1" in told, "*.ticker.example" in told) == (0, True, True)
    code, told = flood.call("explain", "proxy-1")
    assert code == 0
    assert "What to do now:" in told
    assert f"*.ticker.example is in {flood.bypass} already" in told
    code, told = flood.call("bypass")
    assert (code, told) == (0, flood.bypass.read_text())

    quiet = [row for snapshot in snapshots("proxy-1", 4, 1, last_ms + 60_000) for row in snapshot if row["remote_name"].startswith("www.")]  # fmt: skip
    flood.produce(quiet)
    flood.until(lambda: entries() == [], "nothing is let past any more")
    again.terminate()
    assert again.wait(60) == 0
    assert flood.bypass.read_text().startswith("# Destinations to let past")


def test_a_damaged_state_costs_what_was_known_and_no_more(flood: FloodTopic):
    """What cannot be read is said, open findings are closed, and the watch goes on where it stood; the next start finds a sound state."""
    last_ms = int(time.time() * 1000) - 300_000
    flood.produce([row for snapshot in snapshots("proxy-1", 13, 1, last_ms) for row in snapshot])
    process = flood.start("--once")
    assert process.wait(120) == 0
    opened = {row["id"] for row in flood.findings()["proxy-1"]} - {
        row["id"] for row in flood.findings()["proxy-1"] if row["kind"] == "closed"
    }
    assert opened
    damaged = [
        each for each in messages(flood.bootstrap, flood.settings.state_topic) if json.loads(each.key())[0] == "detector"
    ]
    writer = Producer({"bootstrap.servers": flood.bootstrap})
    for each in damaged:
        writer.produce(flood.settings.state_topic, b"damaged", each.key(), each.partition())
    writer.produce(flood.settings.state_topic, b"of somebody else", b"no key of ours", damaged[0].partition())
    assert writer.flush(30) == 0

    def closed() -> dict[str, str]:
        return {row["id"]: row["reason"] for row in flood.findings()["proxy-1"] if row["kind"] == "closed"}

    process = flood.start()  # with `--once` it might end, as nothing is left to read, before it looks at its state
    flood.until(lambda: closed() == dict.fromkeys(opened, "silent"), "what was open is closed")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert flood.start("--once").wait(120) == 0
    assert [len(flood.said(number, "state_unreadable")) for number in (1, 2)] == [1, 0]
    assert [flood.said(number, "part_failed") for number in (1, 2)] == [[], []]
    assert closed() == dict.fromkeys(opened, "silent")


def test_one_pass_watches_what_is_there_and_ends(flood: FloodTopic):
    """`--once` ends by itself with everything committed; the next goes on from there."""
    count = filled(flood, 5)
    for _ in range(2):
        process = flood.start("--once")
        assert process.wait(120) == 0, flood.said(len(flood.processes) - 1, "waiting")
        assert flood.committed() >= count
