"""Proves the first thing a new user types: the demo ends by itself, all is well in its report, the files it names are there; it leaves nothing."""

import csv
import json
import signal
import subprocess
import sys

import psutil
import pytest


@pytest.mark.timeout(420)
def test_the_demo_pulls_kills_reads_back_and_builds_files(tmp_path):
    """Every vendor is pulled with a kill in the middle, nothing is lost or doubled, lookup files, attacks and floods are what the topics make them."""
    out = tmp_path / "demo"
    ended = subprocess.run(
        [sys.executable, "-m", "wellhead", "demo", "--out", str(out)], capture_output=True, text=True, timeout=400, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    report = json.loads((out / "report.json").read_text())
    assert report["ok"]
    for topic in ("wss.access_log", "threatstream.indicator"):
        verdict = report["streams"][topic]
        assert verdict["truth"] == verdict["read"] > 10_000
        assert (verdict["lost"], verdict["duplicated"], verdict["kills"]) == (0, 0, 1)
        assert len((out / topic.partition(".")[0] / f"{topic}.sample.jsonl").read_text().splitlines()) == 100
    assert all(verdict["truth"] == verdict["read"] for verdict in report["streams"].values())
    made = report["attacks"]["wallarm.hit"]
    assert made["hits"] == made["hits_stored"] == report["streams"]["wallarm.hit"]["read"]
    assert made["attacks"] == made["truth"] > 100
    assert (made["missing"], made["extra"], made["altered"]) == (0, 0, 0)
    assert made["lag"]["hits"] == made["lag"]["found"] > 0
    assert 0 < made["lag"]["p50_secs"] <= made["lag"]["p99_secs"] <= made["lag"]["max_secs"]
    left = [json.loads(line) for line in (out / "attacks.jsonl").read_text().splitlines()]
    assert len(left) == made["attacks"]
    assert sum(attack["hits"] for attack in left) == made["hits"]
    answer = json.loads((out / "wallarm" / "attacks" / "answer.json").read_text())
    assert (answer["attacks"], answer["hits"]) == (made["attacks"], made["hits"])
    flood = report["floods"]["sockets.connection"]
    assert (flood["truth"], flood["found"], flood["missing"], flood["extra"]) == (1, 1, 0, 0)
    assert 0 < flood["found_after_secs"] <= 30
    assert {json.loads(line)["family"] for line in (out / "floods.jsonl").read_text().splitlines()} == {"*.livepush.example"}
    for name, verdict in report["lookups"].items():
        with (out / "lookups" / name).open(newline="") as file:
            assert len(list(csv.reader(file))) == verdict["rows"] + 1 > 100


def test_an_interrupted_demo_leaves_no_process(tmp_path):
    """SIGTERM while workers pull ends the demo with 130, and every server and worker that it had started."""
    argv = [sys.executable, "-m", "wellhead", "demo", "--out", str(tmp_path / "demo")]
    demo = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert demo.stdout is not None
    try:
        before = []
        for line in demo.stdout:
            before.append(line)
            if "pulling (" in line:
                break
        started = psutil.Process(demo.pid).children(recursive=True)
        assert len(started) >= 4, before  # broker, registry and two workers; what stands beside them may not be up yet
        demo.send_signal(signal.SIGTERM)
        told, _ = demo.communicate(timeout=60)
        assert (demo.returncode, told.strip()) == (130, "interrupted")
        assert not psutil.wait_procs(started, timeout=60)[1]
    finally:
        demo.kill()
        demo.wait(30)
        demo.stdout.close()
