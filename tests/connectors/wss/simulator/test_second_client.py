"""A second client on one tenant does to the first what the vendor's article says, and one client alone never meets it."""

from __future__ import annotations

HOUR_MS = 3_600_000


def behind_and_current(portal, contested_done="advanced"):
    """Bring about the article's case: client-1 catching up was told more, client-2 has just been told done."""
    here = portal(rows=600, hours=6, live_rows_per_hour=600, contested_done=contested_done)
    one, two = here.client(), here.client()
    assert one.step().status == "more"
    two.start_ms = here.clock.now_ms() - HOUR_MS
    assert two.step().status == "done"
    return here, one, two


def test_a_second_client_makes_the_first_lose_rows(portal):
    """Client-1, told more, gets an empty done because client-2 was told done; following its token, it never sees the rest."""
    here, one, two = behind_and_current(portal)
    empty = one.step()
    assert (empty.code, empty.status, len(empty.response.content)) == (200, "done", 105)
    for _ in range(3):
        here.clock.advance(61)
        one.step()
        here.clock.advance(61)
        two.step()
    lost = here.simulator.identities() - one.log.identities.keys()
    of_history = {record.identity for record in here.simulator.truth(values=False) if record.identity[0] == "2025-12-31"}
    assert one.log.rows
    assert len(lost & of_history) > 300
    assert one.log.identities.keys() & two.log.identities.keys(), "live rows were downloaded twice"


def test_the_old_token_still_gives_the_rest(portal):
    """Who distrusts the empty done and keeps the token it had loses nothing once the tenant's quiet is over."""
    here, one, _ = behind_and_current(portal)
    kept = one.token
    assert one.get().token != kept
    here.clock.advance(61)
    assert one.drain().identities == dict.fromkeys(here.simulator.identities(), 1)


def test_the_empty_done_may_keep_the_token(portal):
    """Where the vendor is taken to send the same token, the empty done only delays."""
    here, one, _ = behind_and_current(portal, contested_done="same")
    before = one.token
    assert one.step().token == before
    here.clock.advance(61)
    assert one.drain().identities == dict.fromkeys(here.simulator.identities(), 1)


def test_the_client_that_was_told_done_is_throttled(portal):
    """Within the quiet, client-2 itself gets 429, not an empty done."""
    _, _, two = behind_and_current(portal)
    assert two.step().code == 429


def test_one_client_that_lost_its_last_answer_is_only_throttled(portal):
    """A client that crashed before it stored the token of its done asks with the former one: 429, and later the same rows."""
    here = portal(hours=2)
    client = here.client()
    client.step()
    lost_in_the_crash = client.get()
    assert lost_in_the_crash.status == "done"
    assert client.get().code == 429
    here.clock.advance(60)
    assert client.get().zip_bytes == lost_in_the_crash.zip_bytes
