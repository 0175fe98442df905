"""Takes a cloud in memory and time that only the test moves, proves what the source asks for, reports and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from wallarm_cloud import START_S, TOKEN, Hit

from connectors.wallarm.source import WallarmConfig, bounded, connector, read_again
from wellhead import PermanentError, Reject, TemporaryError

DAY_S = 86_400
OPTIONS = {"token": TOKEN, "clients": "7, 9"}


@pytest.mark.parametrize(("given", "named"), [
    ({"clients": [7]}, "set either token"),
    ({"clients": [7], "uuid": "u"}, "belong together"),
    ({"clients": [7], "token": "t", "uuid": "u", "secret": "s"}, "not both"),
    ({"clients": [7, 7], "token": "t"}, "stands once"),
    ({"clients": [7], "token": "t", "hits_enabled": False, "attacks_enabled": False}, "nothing to read"),
])  # fmt: skip
def test_options_that_contradict_each_other_are_refused(given: dict[str, Any], named: str) -> None:
    """Each contradiction is named."""
    with pytest.raises(ValidationError, match=named):
        WallarmConfig.model_validate(given)


def test_streams_follow_the_options() -> None:
    """Hits and attacks are pulled unless said otherwise; pushed hits are received where a port is given."""

    def names(**more: Any) -> list[str]:
        return [stream.name for stream in connector.streams_of(WallarmConfig.model_validate(OPTIONS | more))]

    assert names() == ["hit", "attack"]
    assert names(attacks_enabled=False) == ["hit"]
    pushed = {"webhook_port": 8099, "webhook_token": "t", "hits_enabled": False, "attacks_enabled": False}
    assert names(**pushed, token=None) == ["pushed_hit"]


@pytest.mark.parametrize(("given", "expected"), [
    ({}, {"X-WallarmAPI-Token": TOKEN}),
    ({"token": None, "uuid": "u-1", "secret": "s-1"}, {"X-WallarmAPI-UUID": "u-1", "X-WallarmAPI-Secret": "s-1"}),
])  # fmt: skip
def test_credentials_go_into_headers(bench: Any, given: dict[str, Any], expected: dict[str, str]) -> None:
    """By token, or by the older pair."""
    b = bench(**given)
    b.poll()
    sent = b.vendor.headers[0]
    assert {name: value for name, value in sent.items() if name.startswith("X-")} == expected


@pytest.mark.parametrize(("status", "body", "error", "said"), [
    (400, {"status": 400, "body": {"limit": {"error": "too large"}}}, PermanentError, "too large"),
    (401, {}, PermanentError, "token"),
    (403, {}, PermanentError, "clients"),
    (404, {}, PermanentError, "url"),
    (429, {}, TemporaryError, "429"),
    (503, {}, TemporaryError, "503"),
    (200, {"status": 500, "body": "overloaded"}, TemporaryError, "overloaded"),
    (200, [], TemporaryError, "no list"),
])  # fmt: skip
def test_errors_name_the_recovery(bench: Any, status: int, body: Any, error: type[Exception], said: str) -> None:
    """The class says what happens next, the message what is wrong in the vendor's words; no credential is in it."""
    b = bench()
    b.vendor.answers = [(status, json.dumps(body).encode())]
    with pytest.raises(error, match=said) as caught:
        b.poll()
    assert TOKEN not in str(caught.value)


def test_a_payload_that_is_no_sound_text_does_not_stop_the_page(bench: Any) -> None:
    """Broken UTF-8 and half a surrogate cost their characters; the hits come."""
    b = bench()
    hit = json.dumps(Hit(7, "a", START_S - 5, START_S).told() | {"value": "X"})
    body = b'{"status":200,"body":[' + hit.replace('"X"', '"\\ud800"').encode() + b"," + hit.replace('"X"', '"\udcff"').encode(
        "utf-8", "surrogateescape").replace(b'"a"', b'"b"') + b"]}"  # fmt: skip
    b.vendor.answers = [(200, body)]
    b.poll()
    assert {row["id"].partition(":")[2] for row in b.rows} == {"a", "b"}


def test_equal_times_that_fill_pages_are_all_read(bench: Any, hits: Any) -> None:
    """A second with more hits than a page, in the middle of others, is read whole by offset."""
    b = bench(page_size=10)
    b.vendor.hits = [*hits(12, at_s=START_S - 90), *hits(47, at_s=START_S - 60, every_s=0), *hits(12, at_s=START_S - 30)]
    b.poll()
    b.assert_exact()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_the_last_page_has_no_cursor_and_is_read(bench: Any, hits: Any, count: int) -> None:
    """However many hits there are, those of the page without a cursor come, too, in the order of their times."""
    b = bench(paging="cursor")
    b.vendor.hits = list(hits(count, at_s=START_S - 300))
    b.poll()
    b.assert_exact()
    assert [second for _, second in b.published] == sorted(second for _, second in b.published)


def test_a_cursor_that_leads_back_is_not_followed_for_ever(bench: Any, hits: Any) -> None:
    """The window is read again, after a while."""
    b = bench(paging="cursor")
    page = json.dumps({"status": 200, "body": [hit.told() for hit in hits(100)], "cursor": "same"}).encode()
    b.vendor.answers = [(200, page)] * 2
    with pytest.raises(TemporaryError, match="leads back"):
        b.poll()


def test_a_broken_hit_is_one_dead_letter_however_often_it_is_read(bench: Any) -> None:
    """What a look-back meets again is neither published nor dead-lettered again."""
    b = bench(known_hits=2, lookback_interval_secs=0)
    b.vendor.hits = [
        Hit(7, "x", START_S - 9, START_S - 9, {"type": None}),
        *(Hit(7, f"k{n}", START_S - n, START_S) for n in range(8)),
    ]
    for _ in range(6):
        b.after(10)
    assert len(b.letters) == 1
    assert len(b.published) == 8


def test_a_cursor_behind_the_retention_is_a_clear_outcome(bench: Any, hits: Any) -> None:
    """The span that is gone is told, and reading goes on behind it."""
    b = bench(retention_days=90)
    b.poll()
    b.clock.advance(100 * DAY_S)
    b.vendor.hits = list(hits(3, at_s=START_S + 99 * DAY_S))
    b.poll()
    assert "cursor_expired" in b.reports[0]
    assert "is gone" in b.reports[0]
    b.poll()
    b.assert_exact()


def test_a_start_behind_the_retention_is_moved_and_reported(bench: Any) -> None:
    """Nothing older than the vendor keeps is asked for."""
    b = bench(start=START_S - 400 * DAY_S)
    b.poll()
    assert b.reports[0].startswith("start_too_old")
    assert min(body["filter"]["time"][0][0] for body in b.bodies()) == START_S - 183 * DAY_S


def test_a_backfill_waits_until_nothing_can_come_late(bench: Any, hits: Any) -> None:
    """A reading up to now is only over when late hits of its end have come, and then for good."""
    b = bench(late_secs=60)
    b.vendor.hits = list(hits(30, at_s=START_S - 30, late_s=50))
    b.cursor = bounded(WallarmConfig.model_validate(b.options), (START_S - 30) * 1000, START_S * 1000)
    with pytest.raises(TemporaryError, match="late"):
        b.poll()
    b.after(61)
    b.assert_exact()
    assert b.poll() == []


def test_a_backfill_of_what_is_gone_fails(bench: Any) -> None:
    """It says where it can begin."""
    b = bench(retention_days=90)
    b.cursor = bounded(WallarmConfig.model_validate(b.options), (START_S - 100 * DAY_S) * 1000, START_S * 1000)
    with pytest.raises(PermanentError, match="Begin the backfill"):
        b.poll()


@pytest.mark.parametrize(
    ("when", "methods", "calls"), [("never", {None}, 0), ("needed", {None, "PUT"}, 1), ("always", {"PUT"}, 2)]
)
def test_details_are_asked_for_where_they_are_wanted(bench: Any, when: str, methods: set[str | None], calls: int) -> None:
    """Never, of the hits without a place, or of all: batched, and once for a request."""
    b = bench(details=when)
    b.vendor.hits = [Hit(7, f"k{n:02}", START_S - n, START_S - n, {} if n % 4 else {"point": []}) for n in range(80)]
    b.poll()
    assert {row["method"] for row in b.rows} == methods
    assert len(b.bodies("/v1/objects/hit/details")) == calls


def test_details_end_with_their_budget_and_are_reported(bench: Any, hits: Any) -> None:
    """What is beyond the calls of a poll is published without; a refusal of several ids is met by asking for each."""
    b = bench(details="always", details_calls=1)
    b.vendor.hits = list(hits(80, at_s=START_S - 90))
    b.poll()
    assert sum(row["method"] == "PUT" for row in b.rows) == 50
    assert b.reports[0].startswith("details_missed: 30 hits")
    b.assert_exact()


def test_several_ids_that_are_refused_are_asked_for_one_by_one(bench: Any, hits: Any) -> None:
    """A generation that knows only one hit a call gives every method all the same."""
    b = bench(details="always")
    b.vendor.hits = list(hits(3))
    b.vendor.answers = [None, (400, b"{}")]
    b.poll()
    assert {row["method"] for row in b.rows} == {"PUT"}
    assert len(b.bodies("/v2/hit/details")) == 3


def test_a_reject_is_read_again_by_the_api_it_came_from() -> None:
    """Whose it is, and under which names it stands, is told by its context."""
    config = WallarmConfig.model_validate(OPTIONS)
    hit = json.dumps(Hit(9, "a", START_S, START_S).told()).encode()
    vector = json.dumps(Hit(9, "a", START_S, START_S).vector()).encode()
    for raw, context in ((hit, b"body 9"), (vector, b"data 9")):
        (row,) = read_again(config, "hit", Reject(raw, "was wrong", context=context)).table.to_pylist()  # type: ignore[union-attr]
        assert row["client_id"] == 9
    (still,) = read_again(config, "hit", Reject(b"{", "was wrong")).rejects
    assert (still.raw, still.reason) == (b"{", "it is no JSON value")
