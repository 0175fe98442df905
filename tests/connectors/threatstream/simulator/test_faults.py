"""Each fault does what it says, once or as often as armed, and leaves the rest whole."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.threatstream.simulation.api import VENDOR_FAULTS
from connectors.threatstream.simulation.quirks import BROKEN_FAULTS, CONTENT_FAULTS
from connectors.threatstream.simulator import CONFORMANCE, DEMO, Settings, create
from wellhead.testing.clock import FakeClock
from wellhead.testing.server import serve


def second_page(here, fault):
    """Ask for the page behind the tenth indicator, with the fault and without."""
    place = here.objects(type="ip")[9]["update_id"]
    here.simulator.arm(fault)
    params = {"type": "ip", "order_by": "update_id", "limit": 8, "update_id__gt": place}
    return place, here.page(**params), here.page(**params)


def token(page):
    return int(parse_qs(urlsplit(page["meta"]["next"]).query)["update_id__gt"][0])


def test_half_json_is_whole_http_and_no_json(vendor):
    """The answer is complete, its length as announced, and the JSON cut."""
    here = vendor(faults=["half_json"])
    answer = here.ask(type="ip")
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert here.page(type="ip")["objects"]


def test_html_page_is_200(vendor):
    """A page for people where JSON was asked for."""
    answer = vendor(faults=["html_page"]).ask()
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


@pytest.mark.parametrize("retry_after", [True, False])
def test_too_many_calls_in_each_form(vendor, retry_after):
    """429 with or without Retry-After, bare on demand, and 207 with a 429 inside."""
    here = vendor(retry_after=retry_after, retry_after_secs=17)
    wait = "17" if retry_after else None
    for fault, status, told in (("http_429", 429, wait), ("bare_429", 429, None), ("embedded_429", 207, wait)):
        here.simulator.arm(fault)
        answer = here.ask(type="ip")
        assert (answer.status_code, answer.headers.get("Retry-After")) == (status, told)
    assert answer.json()["errors"][0]["code"] == 429
    assert "objects" not in answer.json()


def test_stuck_next_holds_the_place_of_the_call(vendor):
    """Who follows it gets the same page, for ever."""
    place, page, plain = second_page(vendor(ips=50), "stuck_next")
    assert page["objects"] == plain["objects"]
    assert token(page) == place < token(plain)


def test_a_stale_page_holds_nothing_new_and_goes_on(vendor):
    """All its indicators are at or before the place, and meta.next moves past it without having passed an indicator."""
    place, page, plain = second_page(vendor(ips=50), "stale_page")
    assert len(page["objects"]) == 8
    assert max(told["update_id"] for told in page["objects"]) == place
    assert place < token(page) < plain["objects"][0]["update_id"]


def test_overlap_repeats_and_loses_nothing(vendor):
    """Five indicators come again, and meta.next stands behind the last of the page."""
    place, page, plain = second_page(vendor(ips=50), "overlap")
    uids = [told["update_id"] for told in page["objects"]]
    assert sum(uid <= place for uid in uids) == 5
    assert page["objects"][5:] == plain["objects"][:3]
    assert token(page) == uids[-1]


def test_shuffled_is_the_same_page_in_another_order(vendor):
    """meta.next is that of the page in order."""
    _, page, plain = second_page(vendor(ips=50), "shuffled")
    assert page["objects"] != plain["objects"]
    assert sorted(page["objects"], key=lambda told: told["update_id"]) == plain["objects"]
    assert page["meta"] == plain["meta"]


def test_lost_next_and_empty_page_end_early(vendor):
    """meta.next is null with more left; an empty page says so, too."""
    _, page, plain = second_page(vendor(ips=50), "lost_next")
    assert page["meta"] == plain["meta"] | {"next": None}
    assert page["objects"] == plain["objects"]
    _, page, plain = second_page(vendor(ips=50), "empty_page")
    assert (page["objects"], page["meta"]["next"]) == ([], None)
    assert plain["objects"]


def test_foreign_next_leads_to_another_host(vendor):
    """A client that follows it would take its key elsewhere; the token in it is the right one."""
    _, page, plain = second_page(vendor(ips=50), "foreign_next")
    assert urlsplit(page["meta"]["next"]).hostname == "elsewhere.example"
    assert token(page) == token(plain)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 503, 504])
def test_a_status_is_answered_as_armed(vendor, status):
    """The call is answered with the bare status, once."""
    here = vendor(faults=[f"http_{status}"])
    assert here.ask(type="ip").status_code == status
    assert here.ask(type="ip").status_code == 200


def test_cut_body_breaks_the_connection(vendor):
    """The client sees a connection closed in the middle."""
    here = vendor(faults=["cut_body"])
    with pytest.raises(httpx.RemoteProtocolError):
        here.ask(type="ip")
    assert here.page(type="ip")["objects"]


def test_slow_gives_the_whole_page_in_the_end(vendor):
    """The body dribbles in, and is the page."""
    here = vendor(faults=["slow"], slow_pause_secs=0)
    assert here.page(type="ip") == here.page(type="ip")
    assert here.simulator.requests[0].fault == "slow"


@pytest.mark.parametrize("fault", sorted(CONTENT_FAULTS))
def test_content_faults_shape_what_is_served_and_the_truth(vendor, fault):
    """As many indicators of each type as asked for are shaped; the truth holds them as they are served, broken ones by their bytes."""
    here = vendor(faults=[f"{fault}:2"], history_days=10)
    shaped = [record for record in here.simulator.truth() if record.quirk]
    assert [record.stream for record in shaped] == [kind for kind in ("ip", "domain", "hash", "url", "email") for _ in range(2)]
    assert {record.quirk for record in shaped} == {fault}
    assert {record.kind for record in shaped} == {"broken" if fault in BROKEN_FAULTS else "record"}
    body = here.ask(order_by="update_id", limit=1000, type="ip").content
    for record in shaped[:2]:
        raw = (
            record.raw
            if record.raw is not None
            else json.dumps(dict(record.values), ensure_ascii=False, separators=(",", ":")).encode()
        )
        assert raw in body


def test_all_content_faults_together_fall_on_different_ones(vendor):
    """None hides another."""
    here = vendor(faults=[f"{fault}:3" for fault in CONTENT_FAULTS], ips=300, history_days=10)
    quirks = [record.quirk for record in here.simulator.truth_of("ip") if record.quirk]
    assert sorted(quirks) == sorted(fault for fault in CONTENT_FAULTS for _ in range(3))
    assert here.simulator.identities() == {r.identity for r in here.simulator.truth() if r.kind == "record"}


def test_content_faults_for_ever_fall_on_a_share(vendor):
    """With * and a probability, every so many are shaped."""
    here = vendor(faults=["new_field:*~0.1"], ips=400, history_days=10)
    shaped = sum(record.quirk == "new_field" for record in here.simulator.truth_of("ip"))
    assert shaped == pytest.approx(38, abs=8)


def test_a_content_fault_armed_late_keeps_what_was_done_by_hand(vendor):
    """Until the first call it may be armed, afterwards it is refused; changes by hand stand either way."""
    here = vendor(ips=50, history_days=10)
    added = here.simulator.desk.add("ip", "192.0.2.99")
    here.simulator.arm("new_field:1")
    told = {told["id"]: told for told in here.objects(type="ip")}
    assert told[added]["value"] == "192.0.2.99"
    assert sum("new_score" in each for each in told.values()) == 1
    with pytest.raises(ValueError, match="before the first request"):
        here.simulator.arm("sparse")


def test_every_fault_is_told(vendor):
    """Each fault has a sentence; each outcome and passing fault names one that can be armed."""
    simulator = vendor().simulator
    known = simulator.known_faults()
    assert {*VENDOR_FAULTS, *CONTENT_FAULTS, *simulator.outcomes, *simulator.passing_faults} <= set(known)
    assert all(told.endswith(".") for told in known.values())


@pytest.mark.parametrize("rehearsal", [CONFORMANCE, DEMO])
def test_rehearsals_stand_still_for_days(rehearsal):
    """Nothing of the truth changes by itself while the conformance suite or the demo looks at it."""
    clock = FakeClock()
    simulator = create(Settings(**rehearsal.settings), clock=clock)
    before = simulator.identities()
    clock.advance(3 * 86_400)
    assert simulator.identities() == before
    assert len(before) >= 300


def test_a_crash_of_the_simulator_is_no_fault(vendor):
    """None of the faults, all armed together, makes the simulator itself fail."""
    simulator = create(Settings(faults=tuple(f"{fault}:*~0.15" for fault in VENDOR_FAULTS)), clock=FakeClock())
    with serve(simulator) as url, httpx.Client(trust_env=False) as http:
        for _ in range(150):
            http.get(f"{url}/api/v2/intelligence/", headers={"Authorization": "apikey ts-user@example.org:invented-api-key"})
    assert simulator.crashes == []
    assert set(simulator.faults.struck) == set(VENDOR_FAULTS)
