from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.flooded import GATEWAY, OWN, START_MS, client, ordinary, records, snapshot, upstream
from wellhead.avro import schema as schemas
from wellhead.consumers.floods.detector import Detector
from wellhead.consumers.floods.findings import SUBJECT, Finding
from wellhead.consumers.floods.limits import DestinationLimits, FloodLimits

STEP_MS = 10_000
TICKER = ("198.51.100.1", "198.51.100.2", "198.51.100.3")


def ticker(count: int, first: int = 50_000, **more: Any) -> list[dict[str, Any]]:
    """So many legs to p1, p2, p3 of one service."""
    return [
        upstream(first + number, TICKER[number % 3], remote_name=f"p{number % 3 + 1}.ticker.example", **more)
        for number in range(count)
    ]


def browsers(count: int, first: int = 50_000, **more: Any) -> list[dict[str, Any]]:
    """The clients that asked for them."""
    return [client(first + number, remote_ip="172.30.0.9", **more) for number in range(count)]


def watched(snapshots: Sequence[list[dict[str, Any]]], limits: FloodLimits | None = None) -> list[Finding]:
    """The findings of full snapshots 10 s apart, and of the 10 s after the last."""
    detector = Detector(GATEWAY, limits or FloodLimits())
    told: list[Finding] = []
    for number, legs in enumerate(snapshots):
        told += detector.take(records(snapshot(legs, START_MS + number * STEP_MS, number)))
    return [*told, *detector.tick(START_MS + len(snapshots) * STEP_MS + 5_000)]


def brief(found: Sequence[Finding]) -> set[tuple[str, str, str]]:
    return {(one.kind, one.detector, one.family) for one in found}


def test_ten_thousand_ordinary_connections_are_no_flood():
    """Clients and servers of ordinary use, coming and going for five minutes, give no finding with the limits as they are."""
    legs = ordinary(10_000)
    assert watched([legs[number * 50 :] + legs[: number * 25] for number in range(30)]) == []


def test_a_live_ticker_is_found_by_its_family_beside_ordinary_use():
    """More than nine connections in ten to p1, p2, p3 of one service: its share is told, with names, evidence and what to do."""
    found = watched([ordinary(160), *[ordinary(160) + ticker(1_200) + browsers(1_200)] * 3])
    assert brief(found) == {
        ("opened", "share", "*.ticker.example"),
        ("opened", "established", "*.ticker.example"),
        ("opened", "growth", "*.ticker.example"),
    } - ({("opened", "growth", "*.ticker.example")} if "growth" not in {one.detector for one in found} else set())
    share = next(one for one in found if one.detector == "share")
    assert (share.count, share.total, share.at_least) == (1_200, 1_280, 1_200)
    assert share.share == pytest.approx(1_200 / 1_280)
    assert (share.since_ms, share.time_ms) == (START_MS + STEP_MS, START_MS + 2 * STEP_MS)
    assert set(share.members) == {*TICKER, "p1.ticker.example", "p2.ticker.example", "p3.ticker.example"}
    assert len(share.evidence) == 10
    assert share.evidence[0].local == f"{OWN}:51024"
    assert (share.suggestion.action, share.suggestion.entry) == ("bypass", "*.ticker.example")


def test_orphans_are_found_within_thirty_seconds_though_nothing_moves_any_more():
    """The clients of a ticker are gone, their upstream legs left open beside ten thousand in use: no record comes after, and still it is found."""
    calm = ordinary(10_000)
    before = [*calm, *ticker(1_500, since_ms=START_MS), *browsers(1_500)]
    detector = Detector(GATEWAY, FloodLimits(established_max=5_000))
    told = detector.take(records(snapshot(before, START_MS, 0)))
    told += detector.take(
        records(snapshot([*calm[:40], *ticker(1_500, bytes_received=6_000)], START_MS + STEP_MS, 1, "changed"))
    )
    killed_ms = START_MS + STEP_MS + 1
    told += detector.take(records(snapshot(browsers(1_500), START_MS + 2 * STEP_MS, 2, "closed")))
    assert told == []
    for secs in range(11, 41):
        told += detector.tick(START_MS + secs * 1000)
    assert brief(told) == {("opened", "orphaned", "*.ticker.example")}
    assert told[0].time_ms - killed_ms <= 30_000
    assert told[0].count == 1_500
    assert told[0].suggestion.entry == "*.ticker.example"


def test_orphans_are_certain_where_others_are_too_few_to_hide_them():
    """With hardly any other traffic nearly all of them are certain, not only likely."""
    found = watched([ordinary(100) + ticker(500) + browsers(500), *[ordinary(100) + ticker(500)] * 4])
    orphaned = next(one for one in found if one.detector == "orphaned")
    assert (orphaned.family, orphaned.count) == ("*.ticker.example", 500)
    assert 450 <= orphaned.at_least <= 500


def test_a_proxy_that_closes_both_legs_has_no_orphans():
    """Clients go and their upstream legs with them: nothing is found."""
    limits = FloodLimits(share_max=1.0)
    assert watched([ordinary(2_000) + ticker(900) + browsers(900), *[ordinary(2_000)] * 5], limits) == []


def test_idle_connections_are_counted_by_what_moved():
    """Connections on which nothing moved for five minutes are idle; those still fed are not."""
    limits = FloodLimits(share_max=1.0, idle_max=300)
    idle = [ordinary(1_000) + ticker(800) + browsers(800)] * 33
    assert brief(watched(idle, limits)) == {("opened", "idle", "*.ticker.example")}
    fed = [ordinary(1_000) + ticker(800, bytes_received=5_000 + number) + browsers(800) for number in range(33)]
    assert watched(fed, limits) == []


def test_fast_growth_is_found_and_a_start_is_no_growth():
    """What is there at first sight did not grow; a thousand more within a minute did."""
    limits = FloodLimits(share_max=1.0, established_max=10_000)
    grown = [ordinary(1_000) + ticker(3_000) + browsers(3_000)] * 8 + [ordinary(1_000) + ticker(4_000) + browsers(4_000)] * 3
    found = watched(grown, limits)
    assert brief(found) == {("opened", "growth", "*.ticker.example")}
    assert found[0].growth_per_min == 1_000
    assert found[0].since_ms == START_MS + 8 * STEP_MS


def test_the_gateway_as_a_whole_has_a_limit_of_its_own():
    """All established connections, both legs, whoever they are to."""
    found = watched([ordinary(3_000)] * 3, FloodLimits(total_max=2_000))
    assert brief(found) == {("opened", "established", "*")}
    assert (found[0].count, found[0].suggestion.action) == (3_000, "raise_limit")
    assert watched([ordinary(3_000)] * 3, FloodLimits(total_max=None)) == []


def test_a_destination_has_limits_of_its_own():
    """What is allowed to one service by its name is no flood there, and still one elsewhere."""
    own = (DestinationLimits("*.ticker.example", share_max=1.0, established_max=9_999),)
    flood = [ordinary(160) + ticker(1_200) + browsers(1_200)] * 3
    assert watched(flood, FloodLimits(destinations=own)) == []
    other = (DestinationLimits("*.other.example", share_max=1.0, established_max=9_999),)
    assert ("opened", "share", "*.ticker.example") in brief(watched(flood, FloodLimits(destinations=other)))


def test_a_finding_closes_once_it_has_been_well_for_a_while():
    """Half a minute without, and it is closed under the id it was opened with."""
    found = watched([*[ordinary(160) + ticker(900) + browsers(900)] * 3, *[ordinary(160)] * 5])
    share = [one for one in found if one.detector == "share"]
    assert [one.kind for one in share] == ["opened", "closed"]
    assert share[0].id == share[1].id
    assert share[1].time_ms == START_MS + 3 * STEP_MS + 30_000


def test_silence_is_not_taken_for_health():
    """A gateway that says nothing any more closes its findings as silent, when it was last heard of and three minutes more."""
    detector = Detector(GATEWAY, FloodLimits())
    detector.take(records(snapshot(ordinary(160) + ticker(900) + browsers(900), START_MS, 0)))
    told = detector.tick(START_MS + 600_000)
    assert {(one.kind, one.reason) for one in told} == {("opened", "above"), ("closed", "silent")}
    assert {one.time_ms for one in told if one.kind == "closed"} == {START_MS + 180_000}


SNAPSHOT = st.tuples(
    st.sampled_from([0, 15, 32]), st.sampled_from([0, 15, 32]), st.booleans(), st.sampled_from([10, 20, 60, 200])
)
STORY = st.lists(SNAPSHOT, min_size=1, max_size=9)
SMALL = FloodLimits(share_min_connections=10, orphan_max=8, established_max=20, idle_max=12, growth_per_min=25)


def readable(kept: dict[str, Any]) -> dict[str, Any]:
    """What a detector keeps, with its connections as rows: what stands in memory where a value is missing is nobody's business."""
    held = kept["connections"]["connections"]
    rows = pl.read_ipc(io.BytesIO(base64.b85decode(held["frame"]))).rows()
    plain: dict[str, Any] = json.loads(json.dumps(kept))
    plain["connections"]["connections"] = {**held, "frame": rows}
    return plain


def told_of(story: list[tuple[int, int, bool, int]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    now_ms, before = START_MS, dict[int, dict[str, Any]]()
    for number, (upstreams, clients, full, after_secs) in enumerate(story):
        now_ms += after_secs * 1000
        legs = [*ticker(upstreams), *browsers(clients), *ordinary(6)]
        here = {(one["remote_ip"], one["remote_port"], one["local_port"]): one for one in legs}
        if full or not number:
            rows = snapshot(legs, now_ms, number)
        else:
            rows = snapshot([one for key, one in here.items() if key not in before], now_ms, number, "opened")
            rows += snapshot([one for key, one in before.items() if key not in here], now_ms, number, "closed")
        before = here
        yield now_ms, rows


def shown(found: Sequence[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (one.time_ms, one.id, one.version))


@settings(max_examples=25, deadline=None)
@given(STORY, st.sampled_from([7, 20, 400]), st.booleans(), st.integers(0, 8))
def test_a_replay_finds_the_same_however_it_is_cut_and_whenever_somebody_looks(story, size, looks, kept_at):
    """One batch or many, ticks or none, kept as JSON on the way or not: the same findings, field by field, under the same ids."""
    told = list(told_of(story))
    rows = [row for _, part in told for row in part]
    end_ms = told[-1][0] + 300_000
    whole = Detector(GATEWAY, SMALL)
    wanted = [*(whole.take(records(rows)) if rows else []), *whole.tick(end_ms)]

    cut, found = Detector(GATEWAY, SMALL), list[Finding]()
    for number, (now_ms, part) in enumerate(told):
        for first in range(0, len(part), size):
            found += cut.take(records(part[first : first + size]))
        if looks:
            late_ms = (told[number + 1][0] if number + 1 < len(told) else end_ms) - now_ms
            for share in (0.6, 0.9):
                found += cut.tick(now_ms + int(late_ms * share) + 4_999)
        if number == kept_at:
            text = json.dumps(cut.snapshot())
            cut = Detector(GATEWAY, SMALL)
            cut.restore(json.loads(text))
            assert readable(cut.snapshot()) == readable(json.loads(text))
    found += cut.tick(end_ms)
    assert shown(found) == shown(wanted)


def test_what_comes_late_is_left_out():
    """Records of a time before what is known change nothing: it is known better."""
    detector = Detector(GATEWAY, FloodLimits())
    detector.take(records(snapshot(ordinary(100), START_MS + STEP_MS, 1)))
    before = detector.snapshot()
    assert detector.take(records(snapshot(ticker(900), START_MS, 0))) == []
    assert detector.snapshot() == before


@pytest.mark.parametrize("ahead_ms", [3_600_000, 365 * 86_400_000])
def test_a_clock_that_was_wrong_once_blinds_nobody(ahead_ms):
    """After one snapshot of an hour, or a year, from now, later ones by their number are taken all the same, over a restart too."""
    detector = Detector(GATEWAY, FloodLimits())
    detector.take(records(snapshot(ordinary(40), START_MS + ahead_ms, 1)))
    told: list[Finding] = []
    for number in range(2, 8):
        again = Detector(GATEWAY, FloodLimits())
        again.restore(json.loads(json.dumps(detector.snapshot())))
        detector = again
        legs = [*ordinary(160), *ticker(1_200), *browsers(1_200)]
        told += detector.take(records(snapshot(legs, START_MS + number * STEP_MS, number)))
    assert brief(told) >= {("opened", "share", "*.ticker.example"), ("opened", "established", "*.ticker.example")}
    assert {one.since_ms for one in told if one.detector == "share"} == {START_MS + 2 * STEP_MS}


def test_what_stands_when_the_clock_is_set_back_is_begun_anew():
    """An open finding closes as silent, since when nobody can say, and opens again by the new time; connections that did not change stay."""
    detector = Detector(GATEWAY, FloodLimits())
    told: list[Finding] = []
    for number in range(4):
        told += detector.take(records(snapshot(ticker(1_200), START_MS + number * STEP_MS, number)))
    back_ms = START_MS - 3_600_000
    told += detector.take(records(snapshot([client(1)], back_ms, 4, "opened")))
    told += detector.take(records(snapshot([client(2)], back_ms + 2 * STEP_MS, 5, "opened")))
    shares = [(one.kind, one.reason, one.time_ms) for one in told if one.detector == "share"]
    assert shares[0][0] == "opened"
    assert ("closed", "silent", START_MS + 3 * STEP_MS) in shares
    assert shares[-1] == ("opened", "above", back_ms + STEP_MS)
    assert detector.totals["connections"]["upstream"] == 1_200


def test_after_silence_nothing_old_is_counted():
    """A gateway that was quiet for long and then has one connection has one: those of before are gone unless a snapshot says otherwise."""
    detector = Detector(GATEWAY, FloodLimits())
    told = detector.take(records(snapshot(ticker(3_000), START_MS, 1)))
    later_ms = START_MS + 600_000
    told = detector.take(records(snapshot([upstream(1, TICKER[0])], later_ms, 2, "opened")))
    told += detector.take(records(snapshot([upstream(2, TICKER[0])], later_ms + 2 * STEP_MS, 3, "opened")))
    told += detector.tick(later_ms + 6 * STEP_MS)
    assert [one for one in told if one.time_ms >= later_ms] == []
    assert detector.totals["connections"] == {"established": 2, "upstream": 2}


def test_only_established_connections_are_held():
    """A hundred thousand that wait for their end are no load and no part of the state."""
    detector = Detector(GATEWAY, FloodLimits())
    waiting = [upstream(number % 60_000, f"198.18.{number // 60_000}.1", state="time_wait") for number in range(5_000)]
    detector.take(records(snapshot([*waiting, *ticker(3)], START_MS, 1)))
    assert detector.totals["connections"] == {"established": 3, "upstream": 3}
    assert len(json.dumps(detector.snapshot())) < 20_000


def test_clients_of_many_streams_are_no_clients_too_few():
    """Five clients that have 60 streams each on one connection, with the word for it: no finding; and legs beyond what they can use are found."""
    limits = FloodLimits(share_max=1.0, streams_per_client=100)
    clients = [client(59_000 + number, remote_ip="172.30.0.9") for number in range(5)]
    legs = [upstream(40_000 + number, f"198.18.9.{number % 40 + 1}") for number in range(300)]
    assert watched([clients + legs] * 6, limits) == []
    found = watched([clients + legs + ticker(700)] * 6, limits)
    assert {(one.detector, one.count) for one in found} == {("orphaned", 500)}


def test_strangers_at_the_same_addresses_are_not_let_past():
    """Two domains at all the same addresses: the flood is told, and no entry that could let the wrong one past."""
    both = [upstream(60 + at, address, remote_name="www.bank.example") for at, address in enumerate(TICKER)]
    flood = [upstream(1_000 + at, TICKER[at % 3], remote_name="push.evil.example", idle_secs=400.0) for at in range(700)]
    found = watched([both + flood] * 4)
    assert found
    assert {one.suggestion.action for one in found} <= {"limit_destination", "watch"}
    assert not any(one.suggestion.action == "bypass" or one.suggestion.entry == "*.bank.example" for one in found)


def test_a_state_of_another_gateway_is_refused():
    """A gateway's state is its own."""
    with pytest.raises(ValueError, match="'proxy-1'"):
        Detector("proxy-2", FloodLimits()).restore(Detector(GATEWAY, FloodLimits()).snapshot())


def test_findings_fit_their_schema():
    """Every finding of a flood is a record of floods.finding."""
    schema = fastavro.parse_schema(json.loads(schemas.load(SUBJECT).text))
    found = watched(
        [ordinary(160) + ticker(1_200) + browsers(1_200), *[ordinary(160) + ticker(1_200)] * 5, *[ordinary(60)] * 6]
    )
    assert {one.kind for one in found} >= {"opened", "closed"}
    assert {one.detector for one in found} >= {"share", "established", "orphaned"}
    for one in found:
        fastavro.validate(one.row(), schema, strict=True)
        assert (
            Finding.read(
                json.loads(json.dumps(one, default=lambda value: {name: getattr(value, name) for name in value.__slots__}))
            )
            == one
        )
