from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.flooded import GATEWAY, START_MS
from wellhead.consumers.floods.detector import Detector
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.limits import FloodLimits

LINES = pa.schema(
    [
        ("time", pa.timestamp("ms", "UTC")),
        ("client_ip", pa.string()),
        ("url_domain", pa.string()),
        ("duration_ms", pa.int64()),
        ("bytes_from_client", pa.int64()),
        ("bytes_to_client", pa.int64()),
    ]
)
BEGIN_MS = START_MS // 60_000 * 60_000
LIMITS = FloodLimits(share_min_connections=5, established_max=12, open_after_secs=0, close_after_secs=20, idle_max=3)


def line(end_secs: float, secs: float | None, host: str, client: int = 0) -> dict[str, Any]:
    length = None if secs is None else int(secs * 1000)
    made = {"time": BEGIN_MS + int(end_secs * 1000), "client_ip": f"172.16.0.{client}", "url_domain": host}
    return made | {"duration_ms": length, "bytes_from_client": 10, "bytes_to_client": 10}


def batch(lines: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(lines, schema=LINES)


def brief(found: list[Finding]) -> set[tuple[str, str, str]]:
    return {(one.kind, one.detector, one.family) for one in found}


def test_long_connections_that_ended_are_found_with_the_clients_that_had_them():
    """Forty clients' minutes to p1, p2 of one service: found once they have ended, by family, with clients, never as orphans."""
    detector = Detector(GATEWAY, LIMITS)
    flood = [line(120 + number % 5, 100, f"p{number % 2 + 1}.ticker.example", number % 20) for number in range(40)]
    calm = [line(secs, 0.2, f"www.site{secs}.example") for secs in range(130)]
    told = detector.take(batch(sorted([*flood, *calm], key=lambda one: one["time"])), "access_log")
    told += detector.tick(BEGIN_MS + 170_000)
    assert ("opened", "share", "*.ticker.example") in brief(told)
    assert {one.detector for one in told} <= {"share", "established", "growth"}
    share = next(one for one in told if one.detector == "share")
    assert (share.source, share.clients, share.clients_top[0].count) == ("access_log", 20, 2)
    assert set(share.members) == {"p1.ticker.example", "p2.ticker.example"}
    assert share.evidence[0].age_secs == 100


def test_lines_without_duration_say_nothing_of_connections():
    """Ten thousand requests to one host, of unknown length, are no flood."""
    detector = Detector(GATEWAY, LIMITS)
    told = detector.take(batch([line(number / 100, None, "p1.ticker.example") for number in range(10_000)]), "access_log")
    assert told + detector.tick(BEGIN_MS + 130_000) == []


def test_ten_thousand_short_requests_are_no_flood():
    """Requests that are over at once hold nothing open, however many."""
    detector = Detector(GATEWAY, FloodLimits(total_max=500))
    told = detector.take(
        batch([line(number / 100, 0.3, f"www.site{number % 300}.example") for number in range(10_000)]), "access_log"
    )
    assert told + detector.tick(BEGIN_MS + 110_000) == []


def test_connections_that_were_open_for_nothing_are_idle():
    """Ten minutes for a few bytes each."""
    detector = Detector(GATEWAY, LIMITS)
    told = detector.take(batch([line(100, 600, "p1.ticker.example", number) for number in range(5)]), "access_log")
    told += detector.tick(BEGIN_MS + 125_000)
    idle = [one for one in told if one.detector == "idle"]
    assert [(one.kind, one.count, one.family) for one in idle] == [("opened", 5, "*.ticker.example")]


SECS = st.integers(0, 300)
REQUEST = st.tuples(SECS, st.integers(0, 200), st.integers(0, 2))


def averages(requests: list[tuple[int, int, int]], end: int) -> Counter[int]:
    """Of each host the connections open on average in the minute before `end`, second by second, as far as known 5 s later."""
    held: Counter[int] = Counter()
    requests = [one for one in requests if one[0] < end + 5]
    for ended, length, host in requests:
        held[host] += sum(1 for second in range(end - 60, end) if ended - length <= second < ended)
    return Counter({host: round(count / 60) for host, count in held.items()})


@settings(max_examples=25, deadline=None)
@given(st.lists(REQUEST, min_size=1, max_size=20), st.sampled_from([1, 7, 100]), st.integers(0, 5))
def test_what_is_counted_was_open_and_a_replay_counts_the_same(requests, size, kept_at):
    """Above the limit is what a count second by second has above it; cut and kept as one likes."""
    requests = sorted(requests)
    limits = FloodLimits(established_max=3, share_max=1.0, open_after_secs=0, close_after_secs=0, update_secs=0, idle_max=99)
    lines = [line(ended, length, f"www.site{host}.example") for ended, length, host in requests]
    last = requests[-1][0]
    whole = Detector(GATEWAY, limits)
    wanted = whole.take(batch(lines), "access_log") + whole.tick(BEGIN_MS + last * 1000 + 15_000)

    cut, found = Detector(GATEWAY, limits), list[Finding]()
    for number, first in enumerate(range(0, len(lines), size)):
        found += cut.take(batch(lines[first : first + size]), "access_log")
        if number == kept_at:
            kept = json.dumps(cut.snapshot())
            cut = Detector(GATEWAY, limits)
            cut.restore(json.loads(kept))
            assert json.dumps(cut.snapshot()) == kept
    found += cut.tick(BEGIN_MS + last * 1000 + 15_000)
    assert found == wanted
    for one in found:
        end = (one.time_ms - BEGIN_MS) // 1000
        if one.detector == "established" and one.kind == "opened":
            host = int(one.family.removeprefix("*.site").removesuffix(".example"))
            assert one.count == averages(requests, end)[host] > 3


def test_a_line_from_the_future_blinds_nobody():
    """After one line of next year a flood is found all the same, whatever the lines are cut into; findings of before close as silent."""
    calm = [line(secs, 0.2, f"www.site{secs}.example") for secs in range(60)]
    future = [line(365 * 86_400, 0.1, "www.site1.example")]
    flood = [line(100 + number // 10, 60, f"p{number % 2}.ticker.example", number % 20) for number in range(2_000)]
    told: dict[int, list[Finding]] = {}
    for size in (7, 10_000):
        detector, every, told[size] = Detector(GATEWAY, LIMITS), [*calm, *future, *flood], []
        for at in range(0, len(every), size):
            detector_ = Detector(GATEWAY, LIMITS)
            detector_.restore(json.loads(json.dumps(detector.snapshot())))
            detector = detector_
            told[size] += detector.take(batch(every[at : at + size]), "access_log")
    assert ("opened", "share", "*.ticker.example") in brief(told[7])
    assert told[7] == told[10_000]


def test_lines_that_are_merely_late_begin_nothing_anew():
    """A hundred old lines in a row, and then one of now, are left out; what stands goes on."""
    detector = Detector(GATEWAY, LIMITS)
    detector.take(batch([line(1_000 + secs, 0.2, "www.site.example") for secs in range(10)]), "access_log")
    for _ in range(5):
        old = [line(secs / 10, 0.2, "www.site.example") for secs in range(100)]
        assert detector.take(batch(old), "access_log") == []
        assert detector.snapshot()["access_log"]["newest_ms"] == BEGIN_MS + 1_009_000
        assert detector.take(batch([line(1_009, 0.2, "www.site.example")]), "access_log") == []
