"""Tests of the simulated Wallarm cloud: its older API, and that what it says of its hits is true."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import httpx
import pytest
from wallarm_vendor import CLIENT, NOW_SECS, ids_of, vendor

from connectors.wallarm.simulator import Settings, create
from wellhead.testing.clock import FakeClock

HOUR_SECS = 3_600


def grouped(records):
    """Group hits by the basic rule, from nothing but what the rule says: give, by hit, the number of its attack."""
    places = defaultdict(list)
    for record in records:
        told = record.values
        places[told["_client"], told["type"], told["_parameter"], told["domain"], told["path"]].append(record)
    groups, number = {}, 0
    for hits in places.values():
        hits.sort(key=lambda record: record.values["time"])
        for before, hit in zip([None, *hits], hits, strict=False):
            if before is None or hit.values["time"] - before.values["time"] > HOUR_SECS:
                number += 1
            groups[hit.identity] = number
    return groups


@pytest.mark.parametrize(
    "settings",
    [
        {"hits": 4_000, "history_hours": 30, "clients": (1, 2)},
        {"hits": 6_000, "history_hours": 20, "sampling": "regular", "tick_secs": 60},
        {"hits": 3_000, "history_hours": 8, "burst": 200, "tick_secs": 300, "campaigns": 60},
        {"hits": 500, "history_hours": 12, "campaigns": 1},
        {"hits": 3_000, "history_hours": 2, "hits_per_minute": 25, "start_ms": (NOW_SECS - 40_000) * 1_000},
    ],
)
def test_the_attack_that_truth_names_is_the_one_the_basic_rule_gives(settings):
    """Hits grouped by type, parameter, domain and path with a gap of an hour are exactly the attacks that made them, whatever the settings."""
    simulator = create(Settings(**settings), clock=FakeClock(start_ms=NOW_SECS * 1_000))
    hits = [record for record in simulator.truth() if record.stream == "hit"]
    groups = grouped(hits)
    pairs = {(groups[record.identity], record.values["_attack"]) for record in hits}
    assert len(pairs) == len(set(groups.values())) == len({record.values["_attack"] for record in hits})
    assert len(pairs) > settings["history_hours"] // 4


def test_limit_and_offset_give_each_hit_once_in_order():
    """Read page by page, ascending or descending, every hit that can be read comes once, though many share a second."""
    with vendor(tick_secs=60) as cloud:
        hits = cloud.listed(page=7)
        backwards = cloud.post("/v1/objects/hit", filter={"clientid": CLIENT}, limit=1_000, order_desc=True).json()["body"]
        held = cloud.ids()
    times = [hit["time"] for hit in hits]
    assert (len(hits), set(ids_of(hits))) == (len(held), held)
    assert times == sorted(times)
    assert max(Counter(times).values()) > 1
    assert ids_of(backwards) == ids_of(hits)[::-1]


@pytest.mark.parametrize(
    ("path", "stream"), [("/v1/objects/hit", "hit"), ("/v1/objects/attack", "attack"), ("/v2/objects/attack", "attack")]
)
def test_the_cursor_gives_pages_of_a_hundred_and_is_missing_on_the_last(path, stream):
    """Followed by cursor, newest first, everything comes once; the page without a cursor still holds objects."""
    with vendor(hits=950, history_hours=12, tick_secs=30) as cloud:
        pages = cloud.followed(path)
        held = cloud.ids(stream)
    objects = list(itertools.chain(*pages))
    assert (len(objects), set(ids_of(objects))) == (len(held), held)
    assert {len(page) for page in pages[:-1]} == {100}
    assert 0 < len(pages[-1]) <= 100
    times = [each["time" if stream == "hit" else "last_time"] for each in objects]
    assert times == sorted(times, reverse=True)


def test_both_ends_of_a_span_count():
    """A filter's time is in epoch seconds and holds the hits of its first and of its last second."""
    with vendor(tick_secs=60) as cloud:
        hits = cloud.listed()
        first, last = hits[50]["time"], hits[200]["time"]
        span = cloud.listed(time=[[first, last]])
        outside = cloud.listed(time=[[0, first - 1], [last + 1, None]])
    assert ids_of(span) == [":".join(hit["id"]) for hit in hits if first <= hit["time"] <= last]
    assert len(span) + len(outside) == len(hits)


def test_filters_take_lists_and_negated_keys():
    """A list means any of its values; a `!` before the key means none of them; what is null everywhere can be asked for so."""
    with vendor() as cloud:
        hits = cloud.listed()
        types = sorted({hit["type"] for hit in hits})
        assert len(types) > 2
        some = cloud.listed(type=types[:2])
        rest = cloud.listed(**{"!type": types[:2], "!state": "falsepositive", "vulnid": None})
        one = cloud.listed(ip=[hits[0]["ip"]], domain=hits[0]["domain"])
        request = cloud.listed(request_id=hits[0]["request_id"])
        attack = next(hit["attackid"] for hit in hits if hit["attackid"])
        whole = cloud.listed(attackid=[attack])
        assert cloud.post("/v1/objects/hit", filter={"typ": "xss"}).status_code == 400
    assert {hit["type"] for hit in some} == set(types[:2])
    assert sorted(ids_of(some) + ids_of(rest)) == sorted(ids_of(hits))
    assert ids_of(one) == ids_of([hit for hit in hits if (hit["ip"], hit["domain"]) == (hits[0]["ip"], hits[0]["domain"])])
    assert ids_of(request) == ids_of([hit for hit in hits if hit["request_id"] == hits[0]["request_id"]])
    assert {tuple(hit["attackid"]) for hit in whole if hit["attackid"]} == {tuple(attack)}


def test_attacks_count_their_hits():
    """An attack tells the hits, addresses, statuses and times of the hits that bear its id, and lives in the month it began."""
    with vendor(ungrouped=0) as cloud:
        hits = cloud.listed()
        attacks = cloud.listed("/v1/objects/attack")
        counted = cloud.post("/v1/objects/attack/count", filter={"clientid": [CLIENT]}).json()["body"]
    by_attack = defaultdict(list)
    for hit in hits:
        by_attack[":".join(hit["attackid"])].append(hit)
    assert {attack["attackid"] for attack in attacks} == set(by_attack)
    for attack in attacks:
        own = by_attack[attack["attackid"]]
        assert (attack["hits"], attack["ip_count"]) == (len(own), len({hit["ip"] for hit in own}))
        assert attack["statuscodes"] == sorted({hit["statuscode"] for hit in own})
        assert (attack["first_time"], attack["last_time"]) == (own[0]["time"], own[-1]["time"])
        assert {(hit["type"], hit["domain"], hit["path"]) for hit in own} == {
            (attack["type"], attack["domain"], attack["path"])
        }
    assert counted == {"attacks": len(attacks), "hits": len(hits), "ips": len({hit["ip"] for hit in hits})}


def test_ids_stand_in_the_index_of_their_month():
    """A hit's index bears the month of its time, an attack's that of its beginning, also where it goes on into the next."""
    turn_secs = 1_769_904_000  # 2026-02-01
    settings = Settings(hits=3_000, history_hours=8, start_ms=(turn_secs + 3 * HOUR_SECS) * 1_000)
    simulator = create(settings, clock=FakeClock(start_ms=(turn_secs + 5 * HOUR_SECS) * 1_000))
    months, attacks = Counter(), {}
    for record in simulator.truth():
        if record.stream == "hit":
            month = "202601" if record.values["time"] < turn_secs else "202602"
            months[month] += 1
            assert f"_{month}_v_1:" in record.identity[0]
        else:
            attacks[record.identity[0]] = record.values
    assert set(months) == {"202601", "202602"}
    assert any(attack["first_time"] < turn_secs <= attack["last_time"] for attack in attacks.values())
    for name, attack in attacks.items():
        assert ("_202601_" in name) is (attack["first_time"] < turn_secs)


def test_late_hits_come_into_view_among_older_ones():
    """Some hits can be read only after newer ones; none is seen before its time, and in the end all are."""
    with vendor(late_ratio=0.2, late_max_secs=600, hits=2_000, history_hours=2) as cloud:
        before = cloud.listed()
        cloud.clock.advance(601)
        after = cloud.listed()
    came = set(ids_of(after)) - set(ids_of(before))
    newest = max(hit["time"] for hit in before)
    assert came
    assert any(hit["time"] < newest - 60 for hit in after if ":".join(hit["id"]) in came)
    assert set(ids_of(before)) < set(ids_of(after))
    assert len(after) == 2_000


def test_live_hits_follow_the_history():
    """After the history hits go on at the rate that is set, none before its time."""
    with vendor(hits=100, hits_per_minute=10, late_ratio=0) as cloud:
        assert len(cloud.listed()) == 100
        cloud.clock.advance(4 * HOUR_SECS)
        live = cloud.listed(time=[[NOW_SECS, None]])
    assert len(live) == 10 * 60 * 4
    assert all(NOW_SECS <= hit["time"] <= NOW_SECS + 4 * HOUR_SECS for hit in live)


def test_many_hits_may_share_a_second():
    """A burst puts more hits into one second than a page holds; all of them can be read."""
    with vendor(hits=4_000, history_hours=2, burst=1_200, campaigns=3) as cloud:
        hits = cloud.listed(page=1_000)
        times = Counter(hit["time"] for hit in hits)
        (second, many), *_ = times.most_common(1)
        again = cloud.listed(page=1_000, time=[[second, second]])
    assert many > 1_000
    assert len(set(ids_of(again))) == many


def test_sampling_uploads_the_first_five_identical_hits_an_hour():
    """Of hits with the same type, place, method, status and sender five an hour can be read; the attack counts the others, too."""
    with vendor(hits=6_000, history_hours=2, sampling="regular", ungrouped=0, late_ratio=0) as cloud:
        hits = cloud.listed(page=1_000)
        attacks = cloud.listed("/v1/objects/attack")
        held = cloud.ids()
    names = ("type", "point", "domain", "path", "statuscode", "ip")
    identical = Counter((hit["time"] // HOUR_SECS, *(str(hit[name]) for name in names)) for hit in hits)
    assert max(identical.values()) == 5
    assert set(ids_of(hits)) == held
    assert sum(attack["hits"] for attack in attacks) == 6_000 > 2 * len(hits)


def test_nothing_older_than_the_retention_is_kept():
    """What is older than the vendor keeps is gone without a word."""
    with vendor(history_hours=48, retention_days=1) as cloud:
        hits = cloud.listed()
        assert set(ids_of(hits)) == cloud.ids()
    assert 0 < len(hits) < 400
    assert min(hit["time"] for hit in hits) >= NOW_SECS - 86_400


def test_details_tell_what_the_list_does_not():
    """Method and parameter are told for the ids that are asked for, and for those only; the raw request likewise."""
    with vendor() as cloud:
        hits = cloud.listed()[:5]
        assert not {"method", "parameter"} & hits[0].keys()
        wanted = [hit["id"] for hit in hits]
        details = cloud.post("/v1/objects/hit/details", filter={"id": wanted, "clientid": CLIENT}).json()["body"]
        single = cloud.http.get("/v2/hit/details", params={"id": ":".join(wanted[0])}).json()["body"]
        raw = cloud.post("/v1/objects/hit/raw", filter={"id": [wanted[0]]}).text
        known = {record.identity[0]: record.values for record in cloud.truth()}
        missing = cloud.http.get("/v2/hit/details", params={"id": "hits_production_4242_202602_v_1:AAAAAAAAAAA"}).status_code
    assert [each["id"] for each in details] == wanted
    for each in details:
        told = known[":".join(each["id"])]
        assert (each["raw"]["method"], each["parameter"]) == (told["_method"], told["_parameter"])
    assert single == details[0]
    assert raw.startswith(f"{single['raw']['method']} {single['raw']['uri']} HTTP/1.1")
    assert missing == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-WallarmAPI-Token": "invented-api-token"}, 200),
        ({"X-WallarmAPI-UUID": Settings().uuid, "X-WallarmAPI-Secret": Settings().secret}, 200),
        ({"X-WallarmAPI-UUID": Settings().uuid, "X-WallarmAPI-Secret": "other"}, 401),
        ({"X-WallarmAPI-Token": "other"}, 401),
        ({}, 401),
    ],
)
def test_a_token_or_the_older_pair_is_needed(headers, status):
    """Who bears neither is told 401 in the vendor's envelope."""
    with vendor() as cloud:
        answer = httpx.post(f"{cloud.http.base_url}/v1/objects/hit", json={"filter": {}}, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"filter": {"clientid": 9}}, 403, "client 9"),
        ({"filter": {"time": [1, 2]}}, 400, "time"),
        ({"filter": {}, "limit": 1_001}, 400, "limit"),
        ({"filter": {}, "offset": 200}, 400, "offset plus limit"),
        ({"filter": {}, "order_by": "ip"}, 400, "order_by"),
        ({"filter": {}, "paging": True, "cursor": "??"}, 400, "cursor"),
        ([], 400, "object"),
    ],
)
def test_a_call_that_is_wrong_is_refused_with_a_reason(body, status, said):
    """A call that the vendor cannot answer is refused in its envelope, and says why."""
    with vendor(offset_max=250) as cloud:
        answer = cloud.http.post("/v1/objects/hit", json=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert said in answer.json()["body"]


def test_calls_beyond_the_rate_are_refused():
    """Within a second so many calls are answered; one more is told to wait, and answered a second later."""
    with vendor(requests_per_sec=3) as cloud:
        answers = [cloud.post("/v1/objects/hit", filter={}, limit=1) for _ in range(4)]
        cloud.clock.advance(1)
        again = cloud.post("/v1/objects/hit", filter={}, limit=1)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "1"
    assert again.status_code == 200


def test_several_clients_are_read_in_one_order():
    """A call for several clients gives the hits of all, by time; each client's are its own."""
    with vendor(clients=(7, 8), tick_secs=60) as cloud:
        both = cloud.listed(clientid=[7, 8], page=90)
        ones = [cloud.listed(clientid=client) for client in (7, 8)]
        pages = list(itertools.chain(*cloud.followed("/v1/objects/hit", clientid=[7, 8])))
        held = cloud.ids()
    assert [hit["time"] for hit in both] == sorted(hit["time"] for hit in both)
    assert sorted(ids_of(both)) == sorted(ids_of(ones[0]) + ids_of(ones[1])) == sorted(held)
    assert ids_of(pages) == ids_of(both)[::-1]


def test_the_same_seed_gives_the_same_cloud_and_another_one_another():
    """Everything is made by rule: two clouds of one seed tell the same truth, two of different seeds do not."""
    clock = FakeClock(start_ms=NOW_SECS * 1_000)
    one, same, other = (list(create(Settings(seed=seed), clock=clock).truth()) for seed in (1, 1, 2))
    assert one == same
    assert {record.identity for record in one}.isdisjoint(record.identity for record in other)


def test_millions_of_hits_are_not_held():
    """A page from the middle of three million hits is made of the block it lies in, and few blocks are kept."""
    with vendor(hits=3_000_000, history_hours=240) as cloud:
        middle = NOW_SECS - 120 * HOUR_SECS
        page = cloud.post("/v1/objects/hit", filter={"clientid": CLIENT, "time": [[middle, None]]}, limit=1_000).json()["body"]
        kept = cloud.simulator.cloud.renderers[CLIENT].holdings._blocks
    assert len(page) == 1_000
    assert middle <= page[0]["time"] <= page[-1]["time"] < middle + HOUR_SECS
    assert len(kept) == 1


@pytest.mark.parametrize(
    "fault", ["no_id", "no_time", "new_field", "new_type", "long_value", "nasty_value", "sparse", "odd_types"]
)
def test_content_faults_shape_so_many_hits(fault):
    """A content fault falls on as many hits as it was armed for; broken ones are told with the bytes that are sent."""
    with vendor(faults=(f"{fault}:3",)) as cloud:
        content = cloud.http.post("/v1/objects/hit", json={"filter": {"clientid": CLIENT}, "limit": 1_000}).content
        struck = [record for record in cloud.truth() if record.quirk == fault]
    assert len(struck) == 3
    assert {record.kind for record in struck} == {"broken" if fault in ("no_id", "no_time") else "record"}
    assert all(record.raw in content for record in struck if record.raw is not None)
