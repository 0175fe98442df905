"""Each fault does what it says, once or as often as armed, and leaves the rest whole."""

from __future__ import annotations

import gzip
import io
import zipfile

import httpx
import pytest

from connectors.wss.simulation.archive import Archive, Span
from connectors.wss.simulator import Settings, create


def collect(here):
    """Drain a portal as a careful client would, whatever comes, moving time where it is asked to wait."""
    client = here.client()
    seen = []
    for _ in range(60):
        try:
            page = client.step()
        except httpx.RemoteProtocolError:
            continue
        seen.append((page.code, page.status, page.response.content[:60]))
        if page.code == 200 and page.status == "done":
            return client
        if page.code == 410:
            client.token = "none"
            client.log.rows.clear()
            client.log.broken.clear()
        here.clock.advance(0 if page.code == 200 else 61)
    raise AssertionError(f"never done: {seen}")


def truth_of(here):
    records = list(here.simulator.truth(values=False))
    named = {record.identity for record in records if record.kind == "record"}
    return named, sorted(record.raw for record in records if record.kind == "broken")


@pytest.mark.parametrize(
    "fault",
    [
        "abort",
        "cut_body",
        "no_trailer",
        "half_trailer",
        "http_429",
        "http_423",
        "http_500",
        "http_503:3",
        "http_410",
        "expire_tokens",
        "huge",
        "slow",
    ],
)
def test_a_passing_fault_costs_no_row(portal, fault):
    """A client that never advances on a bad answer gets exactly the truth, and the fault did strike."""
    here = portal(rows=200, hours=3, slow_pause_secs=0, faults=[f"{fault}@1" if ":" not in fault else fault])
    client = collect(here)
    assert client.log.identities == dict.fromkeys(here.simulator.identities(), 1)
    assert here.simulator.faults.struck[fault.partition(":")[0]] >= 1
    assert not here.simulator.faults.armed()


def test_abort_cuts_the_last_member_and_keeps_the_token(portal):
    """An aborted body holds whole members but for the last, no directory, and a trailer with the old token."""
    here = portal(hours=2, rows=2_000, faults=["abort"])
    page, whole = here.client().get(), here.client().get()
    assert (page.status, page.token) == ("abort", "none")
    assert not zipfile.is_zipfile(io.BytesIO(page.zip_bytes))
    first_member, last_member = whole.members().values()
    assert first_member in page.zip_bytes
    assert last_member not in page.zip_bytes
    assert len(page.zip_bytes) < len(whole.zip_bytes)


def test_cut_body_breaks_the_connection_without_a_trailer(portal):
    """The client sees a connection closed in the middle, and the request in the log is not complete."""
    here = portal(faults=["cut_body"])
    with pytest.raises(httpx.RemoteProtocolError):
        here.client().get()
    record = here.simulator.requests[-1]
    assert (record.fault, record.complete) == ("cut_body", False)
    assert 0 < record.sent_bytes <= 1_000


@pytest.mark.parametrize("cut_after_bytes", [1_000, 10_000_000])
def test_a_cut_done_wants_no_quiet(portal, cut_after_bytes):
    """A done that never arrived whole, if only its very end is missing, does not make the tenant done."""
    here = portal(hours=1, faults=["cut_body"], cut_after_bytes=cut_after_bytes)
    with pytest.raises(httpx.RemoteProtocolError):
        here.client().get()
    assert here.client().get().status == "done"


def test_a_broken_zip_never_heals_with_its_token(portal):
    """The struck token gives 203 bytes for ever; a new session gives everything."""
    here = portal(hours=2, faults=["broken_zip"])
    client = here.client()
    client.step()
    for _ in range(3):
        page = client.step()
        assert (len(page.response.content), page.status, page.token) == (203, "abort", client.token)
        assert page.zip_bytes.startswith(b"PK")
    assert here.client().drain().identities == dict.fromkeys(here.simulator.identities(), 1)


def test_410_is_for_ever(portal):
    """A token once answered 410 stays so; `none` works."""
    here = portal(hours=2, faults=["http_410"])
    client = here.client()
    client.step()
    assert [client.step().code for _ in range(2)] == [410, 410]
    assert here.client().get("none").code == 200


def test_expired_tokens_are_those_issued_until_then(portal):
    """After expire_tokens every former token is 410, and tokens issued later are good."""
    here = portal(hours=3)
    client = here.client()
    old = [client.step().token, client.step().token]
    here.simulator.arm("expire_tokens")
    assert [here.client().get(token).code for token in old] == [410, 410]
    here.clock.advance(1)
    fresh = here.client()
    fresh.step()
    assert fresh.step().code == 200


def test_a_jumped_token_skips_rows(portal):
    """The jump is an empty done whose token is past rows nobody was given."""
    here = portal(hours=3, faults=["token_jump"])
    client = here.client()
    client.step()
    before = client.token
    jump = client.step()
    assert (jump.status, len(jump.response.content)) == ("done", 105)
    assert jump.token != before
    here.clock.advance(60)
    assert len(client.step().response.content) == 105
    assert client.log.identities.keys() < here.simulator.identities()


def test_injected_429_carries_retry_after_in_the_chosen_form(portal):
    """An injected 429 looks like a real one."""
    here = portal(faults=["http_429"], retry_after_form="trailer", retry_after_secs=7)
    page = here.client().get()
    assert page.code == 429
    assert "Retry-After: 7\r\n" in page.response.text
    assert "Retry-After" not in page.response.headers


def test_too_many_downloads_are_refused(portal):
    """While as many downloads run as a tenant may have, the next is 503; once one has ended, it is served."""
    here = portal(faults=["stall"], max_downloads=1, hours=1)
    client = here.client()
    with here.http.stream(
        "GET", f"{here.url}/reportpod/logs/sync?startDate=0&endDate=0", headers=client.credentials
    ) as stalled:
        pieces = stalled.iter_raw()
        next(pieces)
        assert client.get().code == 503
    answers = (client.get().code for _ in range(1_000))
    assert 200 in answers


@pytest.mark.parametrize(
    "fault", ["broken_rows", "odd_quotes", "too_few_columns", "too_many_columns", "bad_number", "bad_date", "no_fields"]
)
def test_broken_rows_are_in_the_truth_with_their_bytes(portal, fault):
    """A careful reader finds exactly the broken lines the truth tells, and every other row."""
    here = portal(rows=500, hours=3, faults=[f"{fault}:2" if fault == "no_fields" else f"{fault}:12"])
    client = collect(here)
    named, broken = truth_of(here)
    assert client.log.identities == dict.fromkeys(named, 1)
    assert sorted(client.log.broken) == broken
    assert len(broken) == 12 or fault == "no_fields"
    assert len(named) + len(broken) == 500


@pytest.mark.parametrize(
    "fault",
    ["non_utf8", "long_line", "new_field", "field_subset", "crlf", "no_final_newline", "unknown_member", "empty_member"],
)
def test_untidy_content_is_sound(portal, fault):
    """Content that is odd but readable keeps every row, with the values the truth tells."""
    here = portal(rows=300, hours=2, faults=[f"{fault}:2"])
    client = collect(here)
    told = {record.identity: dict(record.values) for record in here.simulator.truth()}
    read = {(row["date"], row["time"], row["x-bluecoat-transaction-uuid"]): row for row in client.log.rows}
    assert read == told
    assert len(read) == 300
    assert not client.log.broken


def test_each_untidiness_is_really_there(portal):
    """The bytes served show each kind of member and row that was armed."""
    armed = [
        "non_utf8:1",
        "long_line:1",
        "new_field:1",
        "field_subset:1",
        "crlf:1",
        "no_final_newline:1",
        "unknown_member:1",
        "empty_member:1",
    ]
    here = portal(rows=300, hours=4, hours_per_archive=4, faults=armed)
    members = here.client().step().members()
    texts = [gzip.decompress(packed) for name, packed in members.items() if name.endswith(".gz") and packed]
    assert "manifest.txt" in members
    assert b"" in members.values()
    assert sum(b"\xe9.pe\xf1a" in text for text in texts) == 1
    assert max(len(line) for text in texts for line in text.splitlines()) == 18_000
    assert sum(b"x-example-new-field" in text for text in texts) == 1
    assert sum(len(text.partition(b"Fields:")[2].splitlines()[0].split()) == 19 for text in texts) == 1
    assert sum(b"\r\n" in text for text in texts) == 1
    assert sum(not text.endswith(b"\n") for text in texts) == 1


def test_content_faults_can_fall_on_a_share_of_the_rows(portal):
    """With no end to the count, the probability says which share of the rows is struck, live ones too."""
    here = portal(rows=1_000, hours=2, live_rows_per_hour=6_000, faults=["bad_number:*~0.01"])
    here.clock.advance(3_600)
    _, broken = truth_of(here)
    assert len(broken) == 70
    assert sorted(collect(here).log.broken) == broken


def test_content_cannot_change_under_a_client(portal):
    """Once a request was made, arming a content fault is refused; before, it is taken."""
    here = portal(rows=100)
    here.simulator.arm("bad_date:3")
    assert len(truth_of(here)[1]) == 3
    here.client().step()
    with pytest.raises(ValueError, match="before the first request"):
        here.simulator.arm("bad_date:9")


def test_a_huge_archive_is_made_in_small_pieces():
    """All the rows there are in one archive come in pieces of bounded size."""
    simulator = create(Settings(rows=60_000, hours=3, start_ms=1_767_222_000_000))
    tenant = simulator.tenants["wss-user"]
    pieces = [len(piece) for piece in Archive(simulator.settings, tenant.timeline, tenant.rows, Span(0, 180)).pieces()]
    assert sum(pieces) > 3_000_000
    assert max(pieces) < 1_500_000
