"""The sync endpoint answers as the vendor's does: tokens, trailers, dates, quiet and credentials."""

from __future__ import annotations

import re
import zlib

import pytest

HOUR_MS = 3_600_000


def test_a_drain_collects_exactly_the_truth(portal):
    """Following more until done gives every record once, with the values the truth tells, and nothing else."""
    here = portal(rows=1_000, hours=3)
    log = here.client().drain()
    told = {record.identity: dict(record.values) for record in here.simulator.truth()}
    assert log.identities == dict.fromkeys(told, 1)
    assert len(told) == 1_000
    assert all(told[row["date"], row["time"], row["x-bluecoat-transaction-uuid"]] == row for row in log.rows)
    assert not log.broken
    assert here.simulator.identities() == set(told)


def test_an_archive_looks_like_the_vendors(portal):
    """The body is a chunked download of a named ZIP that holds one gzip member per appliance, stamped with the hour."""
    page = portal(hours=1, start_ms=1_767_222_000_000).client().step()
    headers = page.response.headers
    assert headers["transfer-encoding"] == "chunked"
    assert re.search(r'filename="cloud_archive_\d{12}\.zip"', headers["content-disposition"])
    assert [name[-21:] for name in page.members()] == ["20251231230000.log.gz"] * 2
    assert len({name.split("_")[1] for name in page.members()}) == 2


def test_a_member_is_several_gzip_streams(portal):
    """A member is gzip streams one after the other, the first of which ends in the middle of a line."""
    packed = next(iter(portal(hours=1, streams_per_member=2).client().step().members().values()))
    first = zlib.decompressobj(31)
    text = first.decompress(packed)
    assert first.eof
    assert first.unused_data.startswith(b"\x1f\x8b")
    assert not text.endswith(b"\n")


def test_rows_are_as_untidy_as_the_vendors(portal):
    """Rows are out of time order, some late ones from the hour before, some values quoted, escaped, empty or not ASCII."""
    here = portal(rows=2_000, hours=2, late_ratio=0.05)
    page = here.client().step()
    client = here.client()
    client.log.read(page)
    times = [f"{row['date']} {row['time']}" for row in client.log.rows]
    assert times != sorted(times)
    assert times[0][:13] > min(times)[:13]
    values = [value for row in client.log.rows for value in row.values()]
    assert None in values
    assert any(value and " " in value for value in values)
    assert any(value and "%20" in value for value in values)
    assert any(value and not value.isascii() for value in values)
    assert {len(row) for row in client.log.rows} == {76}


def test_nothing_new_is_a_trailer_alone(portal):
    """With nothing to give, the body is 41 bytes for a first call and 105 with a token, which stays the same."""
    empty = portal(rows=0).client().step()
    assert (len(empty.response.content), empty.token, empty.status) == (41, "none", "done")
    here = portal(hours=1)
    client = here.client()
    client.drain()
    here.clock.advance(60)
    before = client.token
    idle = client.step()
    assert (len(idle.response.content), idle.token, idle.status) == (105, before, "done")
    assert re.fullmatch(r"\S{68}", before)


def test_a_token_asked_again_gives_the_same_or_more(portal):
    """The same token gives the same bytes, and after time has moved on the same rows and newer ones."""
    here = portal(rows=120, hours=1, live_rows_per_hour=600, hours_per_archive=10)
    client = here.client()
    first, again = client.get(), None
    here.clock.advance(61)
    again = client.get()
    client.log.read(first)
    early = client.log.identities
    here.clock.advance(600)
    client.log.rows.clear()
    client.log.read(client.get())
    assert again.zip_bytes != first.zip_bytes
    assert early.keys() < client.log.identities.keys()
    still = portal(rows=120, hours=1)
    page = still.client().get()
    still.clock.advance(60)
    assert still.client().get().zip_bytes == page.zip_bytes


def test_new_rows_arrive_as_time_moves(portal):
    """Polling once a minute gives each minute's rows, and over an hour exactly the truth of that hour."""
    here = portal(rows=0, hours=1, live_rows_per_hour=600)
    client = here.client()
    client.drain()
    for _ in range(60):
        here.clock.advance(60)
        assert client.step().status == "done"
    assert sum(client.log.identities.values()) == 600
    assert client.log.identities.keys() == here.simulator.identities()


def test_a_restarted_portal_knows_its_tokens_and_data(portal):
    """Another portal with the same seed goes on where the first one's token stands."""
    first, second = portal(start_ms=1_767_200_400_000), portal(start_ms=1_767_200_400_000)
    client = first.client()
    client.step()
    client.url = second.url
    log = client.drain()
    assert log.identities == dict.fromkeys(second.simulator.identities(), 1)


def test_data_follows_from_the_seed(portal):
    """The same seed gives the same archive to the byte, another seed another one."""
    pages = [portal(seed=seed).client().get().zip_bytes for seed in (1, 1, 2)]
    assert pages[0] == pages[1] != pages[2]


@pytest.mark.parametrize(
    ("start", "end", "code"), [("x", "0", 400), ("0", "", 400), ("7200000", "3600000", 400), ("0", "0", 200)]
)
def test_dates_must_make_sense(portal, start, end, code):
    """Dates that are no numbers, or the wrong way round, are 400."""
    here = portal()
    params = {"startDate": start, "endDate": end, "token": "none"}
    assert (
        here.http.get(f"{here.url}/reportpod/logs/sync", params=params, headers=here.client().credentials).status_code == code
    )


def test_the_future_cannot_be_asked_for(portal):
    """An end or a start in the future is 400."""
    here = portal()
    now_ms = here.clock.now_ms()
    assert here.client().get(end_ms=now_ms + HOUR_MS).code == 400
    assert here.client().get(start_ms=now_ms + HOUR_MS).code == 400


def test_unaligned_dates_are_floored_unless_strict(portal):
    """A date within an hour means that hour's start, or is 400 where alignment is strict."""
    here = portal(rows=300, hours=3)
    start = here.clock.now_ms() - 2 * HOUR_MS
    floored = here.client().get(start_ms=start + 1_234)
    assert floored.zip_bytes == here.client().get(start_ms=start).zip_bytes
    assert portal(alignment="strict").client().get(start_ms=start + 1).code == 400


def test_dates_bound_what_is_given(portal):
    """From the start date's hour to the end date's, with the dates resent or zero once there is a token."""
    here = portal(rows=400, hours=4)
    now_ms = here.clock.now_ms()
    client = here.client()
    first = client.get(start_ms=now_ms - 3 * HOUR_MS, end_ms=now_ms - HOUR_MS)
    resent = client.get(first.token, start_ms=now_ms - 3 * HOUR_MS, end_ms=now_ms - HOUR_MS)
    zero = client.get(first.token)
    client.log.read(first)
    client.log.read(resent)
    assert (first.status, resent.status) == ("more", "done")
    assert len(client.log.rows) == 200
    assert zero.code == 429  # the done of the line above holds for the tenant


def test_credentials(portal):
    """Right ones are taken from headers or, the old way, from the query; wrong ones are 401 and never stand in the log."""
    here = portal()
    assert here.client(password="guess").get().code == 401
    assert here.client(user="nobody").get().code == 401
    params = {"startDate": 0, "endDate": 0, "token": "none", "apiUsername": "wss-user", "apiPassword": "wss-password"}
    assert here.http.get(f"{here.url}/reportpod/logs/sync", params=params).status_code == 200
    assert here.simulator.requests[-1].params == {"startDate": "0", "endDate": "0", "token": "none"}


def test_tenants_are_strangers(portal):
    """Each tenant has its own rows, tokens and quiet."""
    here = portal(tenants={"a": "1", "b": "2"}, hours=1)
    one, two = here.client("a", "1"), here.client("b", "2")
    one.drain()
    foreign = two.get(one.token)
    two.drain()
    assert foreign.code == 410
    assert not one.log.identities.keys() & two.log.identities.keys()
    assert {record.tenant for record in here.simulator.truth(values=False)} == {"a", "b"}


@pytest.mark.parametrize("form", ["header", "trailer", "both"])
def test_done_wants_quiet(portal, form):
    """For 60 s after done the tenant is answered 429, with the seconds left in the header, the body's trailer, or both."""
    here = portal(retry_after_form=form)
    client = here.client()
    client.drain()
    here.clock.advance(20)
    early = client.step()
    assert early.code == 429
    assert early.response.headers.get("Retry-After") == (None if form == "trailer" else "40")
    assert ("Retry-After: 40\r\n" in early.response.text) == (form != "header")
    assert here.client().get("none").code == 429
    here.clock.advance(40)
    assert client.step().code == 200


def test_more_wants_no_quiet(portal):
    """After more the next call is answered at once."""
    client = portal(hours=3).client()
    assert [client.step().status for _ in range(3)] == ["more", "more", "done"]


def test_a_token_outside_the_dates_is_gone(portal):
    """A token that stands before the start or after the end is 410, a word that is no token 400."""
    here = portal(hours=4)
    now_ms = here.clock.now_ms()
    token = here.client().step().token
    assert here.client().get(token, start_ms=now_ms - HOUR_MS).code == 410
    assert here.client().get(token, start_ms=now_ms - 6 * HOUR_MS, end_ms=now_ms - 5 * HOUR_MS).code == 410
    assert here.client().get("0" * 68).code == 410
    assert here.client().get("short").code == 400


def test_tokens_age(portal):
    """A token not used for its age is 410; one in use stays good; one whose data has left the store is 410."""
    here = portal(token_max_age_secs=3_600)
    client = here.client()
    client.drain()
    for _ in range(3):
        here.clock.advance(3_000)
        assert client.step().code == 200
    here.clock.advance(3_601)
    assert client.step().code == 410
    forgetful = portal(hours=3, retention_hours=2, token_max_age_secs=None)
    token = forgetful.client().step().token
    forgetful.clock.advance(24 * 3_600)
    assert forgetful.client().get(token).code == 410


def test_one_archive_can_hold_many_hours(portal):
    """Hours per archive says how many hours one answer holds at most."""
    client = portal(hours=5, hours_per_archive=2).client()
    assert [len(client.step().members()) for _ in range(3)] == [4, 4, 2]


def test_hours_without_rows_are_passed_over(portal):
    """A drain of few rows over many hours never meets an empty archive."""
    here = portal(rows=2, hours=48)
    client = here.client()
    pages = [client.step(), client.step()]
    assert [page.status for page in pages] == ["more", "done"]
    assert len(client.log.rows) == 2
