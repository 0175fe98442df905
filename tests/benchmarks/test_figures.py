"""Figures are computed from what was sampled, and a bar says what it means."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.elff import Rounds, committed_secs, report
from benchmarks.report import Bar, Report
from benchmarks.usage import Sample, Usage, rss_mb, run, steady


def test_the_steady_window_leaves_start_and_end_out() -> None:
    """It begins with the first sample past a tenth of the rows and ends with the first past 95 %."""
    samples = [
        Sample(float(second), records, second / 2) for second, records in enumerate((0, 50, 120, 500, 940, 951, 1000, 1000))
    ]
    begun, ended = steady(samples, 1000)
    assert (begun.records, ended.records) == (120, 951)


def test_a_job_too_quick_to_see_is_no_figure() -> None:
    """A window that begins and ends in one sample is refused, not divided by."""
    with pytest.raises(RuntimeError, match="no steady window"):
        steady([Sample(0, 0, 0), Sample(1, 1000, 1)], 1000)


@pytest.mark.parametrize(("records", "secs"), [([0, 5, 9, 9, 9], 2.0), ([9], 0.0), ([0, 0], 107.0), ([], 107.0)])
def test_the_last_commit_is_when_the_topic_stopped_growing(records: list[int], secs: float) -> None:
    """The clock stops at the first sample of the full topic; where none was seen, at the end of the process, never earlier."""
    samples = [Sample(float(at), count, 0) for at, count in enumerate(records)]
    assert committed_secs(samples, Usage(1, 7, 1, started_secs=100)) == secs


def test_ratios_are_of_medians() -> None:
    """One disturbed round does not decide; a ratio is the peer's median over ours."""
    rounds = Rounds()
    for ours, peer in ((5.0, 10.0), (50.0, 12.0), (4.0, 11.0)):
        rounds.add("ours", ours, 1000.0, 300.0)
        for who in ("connect_passthrough", "connect_avro", "connect_avro_preregistered", "row_path"):
            rounds.add(who, peer, 100.0, 200.0)
        rounds.raw_cpu_per_million.append(ours)
        rounds.steady_records_per_sec.append(1.0)
        rounds.whole_process_records_per_sec.append(1.0)
    outcome = report(rounds, {})
    assert outcome.ratios["connect_avro_cpu_over_ours"] == pytest.approx(11 / 5)
    assert outcome.figures["cpu_secs_per_million"] == 5


@pytest.mark.parametrize(("value", "met"), [(1.19, False), (1.2, True), (2.0, True)])
def test_a_bar_is_met_from_its_value_on(value: float, met: bool) -> None:
    """The bar itself counts as met."""
    assert Bar("x", least=1.2).met_by(value) is met


def test_the_file_says_which_bar_is_met(tmp_path: Path) -> None:
    """A missed bar is written down as missed."""
    target = tmp_path / "out" / "x.json"
    Report("x", {"r": 1.5}, {"mb": 500}, {"rows": 1}, (Bar("r", least=1.2), Bar("mb", most=400))).write(target)
    document = json.loads(target.read_text())
    assert [bar["met"] for bar in document["bars"]] == [True, False]
    assert document["ratios"] == {"r": 1.5}


def test_usage_is_the_childs_own(tmp_path: Path) -> None:
    """CPU and memory of a finished child are what it used."""
    log = tmp_path / "log"
    used = run([sys.executable, "-c", "x = bytearray(200 << 20)\nfor i in range(3_000_000): pass"], log)
    assert used.peak_rss_mb > 200
    assert 0.01 < used.cpu_secs < 30


def test_a_failed_child_is_an_error_that_shows_its_log(tmp_path: Path) -> None:
    """Nothing is measured of a run that failed."""
    with pytest.raises(RuntimeError, match="nobody home"):
        run([sys.executable, "-c", "raise SystemExit('nobody home')"], tmp_path / "log")


def test_memory_is_read_of_a_living_process() -> None:
    """A running process has memory; one that is gone is an error, not zero."""
    child = subprocess.Popen([sys.executable, "-c", "print(); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert rss_mb(child.pid) > 1
    child.communicate(b"\n")
    with pytest.raises((RuntimeError, FileNotFoundError)):
        rss_mb(child.pid)
