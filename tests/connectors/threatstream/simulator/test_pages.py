"""The endpoint pages, filters and refuses as the vendor's own does."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

TYPES = ("ip", "domain", "hash", "url", "email")


def ids(objects):
    return {(told["id"], told["update_id"]) for told in objects}


def stamp(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_page_is_the_vendors_form(vendor):
    """meta tells limit, offset, total_count, took and next; limit is 20 unless asked for, and 1000 at most."""
    here = vendor(ips=1_500)
    page = here.page(type="ip", order_by="update_id")
    assert set(page) == {"meta", "objects"}
    assert set(page["meta"]) == {"limit", "offset", "total_count", "took", "next"}
    assert (page["meta"]["limit"], page["meta"]["offset"], len(page["objects"])) == (20, 0, 20)
    most = here.page(type="ip", order_by="update_id", limit=5_000)
    assert (most["meta"]["limit"], len(most["objects"])) == (1_000, 1_000)


@pytest.mark.parametrize("kind", TYPES)
def test_following_next_gives_the_active_set_of_each_type_once(vendor, kind):
    """Each type by itself, a page at a time in order of update_id, is what the truth says of that stream."""
    here = vendor(expired_active_secs=0)
    objects = here.walk(type=kind, status="active")
    numbers = [told["update_id"] for told in objects]
    assert numbers == sorted(set(numbers))
    assert ids(objects) == here.truth(kind)
    assert len(objects) == len(ids(objects))


def test_without_a_type_all_types_come_in_one_order(vendor):
    """The numbering of changes runs over all types, and so does a call that names none."""
    here = vendor(expired_active_secs=0)
    objects = here.walk()
    assert [told["update_id"] for told in objects] == sorted(told["update_id"] for told in objects)
    assert ids(objects) == set().union(*(here.truth(kind) for kind in TYPES))
    assert {told["type"] for told in objects} == {"ip", "ipv6", "domain", "md5", "url", "email"}


@pytest.mark.parametrize("status", ["active", "inactive", "falsepos"])
def test_total_count_is_what_is_left_behind_the_place(vendor, status):
    """total_count goes down by the page with every page, to the length of the last one."""
    here = vendor(ips=900, inactive=0.2, falsepos=0.1, changes_per_minute=5, new_per_minute=2, lively=50)
    here.clock.advance(3_600)
    left = len(here.walk(type="ip", status=status))
    page = here.page(type="ip", status=status, order_by="update_id", limit=40)
    while True:
        assert page["meta"]["total_count"] == left
        left -= len(page["objects"])
        if page["meta"]["next"] is None:
            break
        page = here.ask(page["meta"]["next"]).json()
    assert left == 0


def test_update_ids_pass_2_to_the_32_and_gain_a_digit(vendor):
    """Ids and update ids are beyond 2^32, and the history crosses a power of ten, where a comparison as text goes back."""
    here = vendor()
    objects = here.walk(type="ip")
    assert min(min(told["id"], told["update_id"]) for told in objects) > 2**32
    assert {len(str(told["update_id"])) for told in objects} == {12, 13}


@pytest.mark.parametrize(("span", "first", "last"), [("gt", 11, 99), ("gte", 10, 99), ("lt", 0, 9), ("lte", 0, 10)])
@pytest.mark.parametrize("field", ["update_id", "modified_ts"])
def test_comparisons_let_through_what_they_say(vendor, field, span, first, last):
    """__gt, __gte, __lt and __lte of update_id and modified_ts, with total_count to match."""
    here = vendor(ips=100)
    everything = here.objects(type="ip", status="active")
    middle = everything[10][field]
    page = here.page(type="ip", status="active", order_by="update_id", limit=1000, **{f"{field}__{span}": middle})
    assert page["objects"] == everything[first : last + 1]
    assert page["meta"]["total_count"] == len(page["objects"])


def test_created_ts_is_compared_and_counted(vendor):
    """created_ts is no order of the vendor's, but a filter all the same."""
    here = vendor(ips=200)
    everything = here.objects(type="ip")
    middle = sorted(told["created_ts"] for told in everything)[80]
    page = here.page(type="ip", order_by="update_id", limit=1000, created_ts__lte=middle)
    assert page["objects"] == [told for told in everything if told["created_ts"] <= middle]
    assert page["meta"]["total_count"] == len(page["objects"]) > 0


def test_times_may_have_an_offset_or_none(vendor):
    """2018-01-10T00:00:00 is UTC; RFC 3339 may name another offset."""
    here = vendor(ips=100)
    middle = here.objects(type="ip")[50]["modified_ts"]
    plain = here.objects(type="ip", modified_ts__gt=middle.removesuffix("Z"))
    assert plain == here.objects(type="ip", modified_ts__gt=middle) == here.objects(type="ip")[51:]
    late = datetime.fromisoformat(middle).timestamp() + 7_200
    assert here.objects(type="ip", modified_ts__gt=stamp(late * 1000).replace("Z", "+02:00")) == plain


@pytest.mark.parametrize("token", ["update_id__gt", "search_after", "from_update_id"])
@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_next_has_the_form_and_token_that_is_set(vendor, form, token):
    """Each form of meta.next, followed to the end, gives everything once."""
    here = vendor(next_form=form, next_token=token, expired_active_secs=0)
    page = here.page(type="ip", status="active", order_by="update_id", limit=50, update_id__gt=0)
    link = urlsplit(page["meta"]["next"])
    assert bool(link.netloc) == (form == "absolute")
    query = parse_qs(link.query)
    assert query[token] == [str(page["objects"][-1]["update_id"])]
    assert (query["limit"], query["status"], query["type"]) == (["50"], ["active"], ["ip"])
    assert ids(here.walk(type="ip", status="active", limit=50)) == here.truth("ip")


def test_search_after_wins_over_the_place_beside_it(vendor):
    """As the vendor repeats the query, update_id__gt beside search_after is where the walk began: who prefers it goes in a circle."""
    here = vendor(next_token="search_after")
    page = here.page(type="ip", order_by="update_id", limit=50, update_id__gt=5)
    query = parse_qs(urlsplit(page["meta"]["next"]).query)
    assert query["update_id__gt"] == ["5"]
    assert here.ask(page["meta"]["next"]).json()["objects"][0]["update_id"] > page["objects"][-1]["update_id"]


def test_ordered_by_time_the_token_is_a_pair(vendor):
    """Without order_by=update_id, search_after is a moment and an id, no update_id, and following it misses nothing."""
    here = vendor(ips=300, expired_active_secs=0)
    page = here.page(type="ip", limit=50)
    token = parse_qs(urlsplit(page["meta"]["next"]).query)["search_after"][0]
    last = page["objects"][-1]
    assert token == ",".join(map(str, last["sort"]))
    assert (stamp(last["sort"][0]), last["sort"][1]) == (last["modified_ts"], last["id"])
    assert ids(here.walk(order_by="modified_ts", limit=50)) == set().union(*(here.truth(kind) for kind in TYPES))


def test_offset_skips(vendor):
    """offset leaves out so many from the place on."""
    here = vendor(ips=100)
    everything = here.objects(type="ip")
    page = here.page(type="ip", order_by="update_id", limit=10, offset=25)
    assert (page["objects"], page["meta"]["offset"]) == (everything[25:35], 25)
    assert here.page(type="ip", order_by="update_id", offset=10_000)["objects"] == []


def test_the_last_page_has_no_next(vendor):
    """meta.next is null when nothing is left, also on a page that is exactly full."""
    here = vendor(ips=100, inactive=0, falsepos=0, history_days=10)
    assert here.page(type="ip", order_by="update_id", limit=100)["meta"]["next"] is None
    assert here.page(type="ip", order_by="update_id", limit=99)["meta"]["next"] is not None
    assert here.page(type="ip", order_by="update_id", update_id__gt=2**61) == {
        "meta": {"limit": 20, "offset": 0, "total_count": 0, "took": 17, "next": None},
        "objects": [],
    }


@pytest.mark.parametrize(
    "params",
    [
        {"type": "ip,domain"},
        {"type": "ipv4"},
        {"status": "active,inactive"},
        {"status": "gone"},
        {"limit": "many"},
        {"limit": "-1"},
        {"update_id__gt": "x"},
        {"modified_ts__gt": "yesterday"},
        {"modified_ts_gt": "2026-01-01T00:00:00"},
        {"order_by": "id"},
        {"order_by": "update_id", "search_after": "1767225600000,5"},
        {"search_after": "77"},
    ],
)
def test_what_does_not_read_is_400(vendor, params):
    """A comma list of types, a mistyped filter and a token of the other order are refused, not guessed."""
    answer = vendor().ask(**params)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_unknown_parameters_may_be_ignored(vendor):
    """Where the settings say so, a mistyped filter does nothing."""
    here = vendor(unknown_params="ignore", ips=50)
    assert here.objects(type="ip", modified_ts_gt="2030-01-01T00:00:00") == here.objects(type="ip")


def test_without_a_status_only_active_ones_come_unless_set(vendor):
    """The default status is a setting, as it is not known."""
    assert {told["status"] for told in vendor().walk()} == {"active"}
    assert {told["status"] for told in vendor(default_status="all").walk()} == {"active", "inactive", "falsepos"}


@pytest.mark.parametrize(
    ("headers", "params", "status"),
    [
        ({"Authorization": "apikey ts-user@example.org:invented-api-key"}, {}, 200),
        ({"Authorization": "ApiKey ts-user@example.org:invented-api-key"}, {}, 200),
        ({}, {"username": "ts-user@example.org", "api_key": "invented-api-key"}, 200),
        ({"Authorization": "apikey ts-user@example.org:wrong"}, {}, 401),
        ({"Authorization": "Bearer invented-api-key"}, {}, 401),
        ({}, {"username": "ts-user@example.org", "api_key": "wrong"}, 401),
        ({}, {}, 401),
    ],
)
def test_the_key_is_asked_for_in_both_forms(vendor, headers, params, status):
    """The header, or the old query parameters, which are kept out of the log; anything else is 401."""
    here = vendor()
    assert here.ask(headers=headers, type="ip", **params).status_code == status
    assert here.simulator.requests[-1].params == {"type": "ip"}


def test_what_an_indicator_looks_like(vendor):
    """Types, subtypes, odd and absent fields are those of the field notes."""
    here = vendor(ips=2_000, domains=1_000, hashes=1_000, urls=1_000, emails=500)
    told = {kind: here.walk(type=kind, limit=1000) for kind in TYPES}
    everything = [each for objects in told.values() for each in objects]
    assert {(each["type"], each["subtype"]) for each in told["hash"]} == {
        ("md5", kind) for kind in ("MD5", "SHA1", "SHA256", "SHA512")
    }
    digits = {"MD5": 32, "SHA1": 40, "SHA256": 64, "SHA512": 128}
    assert all(re.fullmatch(rf"[0-9a-f]{{{digits[each['subtype']]}}}", each["value"]) for each in told["hash"])
    assert any(each["subtype"] == "SHA256" and each["itype"].endswith("_md5") for each in told["hash"])
    assert {(each["type"], ipaddress.ip_address(each["value"]).version) for each in told["ip"]} == {
        ("ip", 4),
        ("ip", 6),
        ("ipv6", 6),
    }
    assert all(each["ip"] == each["value"] == str(ipaddress.ip_address(each["value"])) for each in told["ip"])
    assert {each.get("ip", "absent") for each in told["url"]} >= {"absent", None}
    assert len({each["itype"] for each in everything}) > 100
    assert {each["meta"].get("severity") for each in everything} == {"low", "medium", "high", "very-high", None}
    assert all("severity" not in each for each in everything)
    assert {each["confidence"] for each in everything} >= {-1, 50}
    assert {each["tlp"] for each in everything} == {None, "red", "amber", "amber+strict", "green", "clear", "white"}
    ends = {each["expiration_ts"][:4] for each in everything}
    assert ends >= {"9999", "2318"}
    names = [tag["name"] for each in everything for tag in each["tags"] or ()]
    assert any("," in name for name in names)
    assert any('"' in name for name in names)
    assert {None, ()} <= {None if each["tags"] is None else tuple(tag["id"] for tag in each["tags"]) for each in everything}
    assert any("latitude" in each and "longitude" not in each for each in told["ip"])
    assert any("latitude" not in each for each in told["ip"])
    assert any(each.get("latitude", 0) is None for each in told["ip"])
    assert {each["asn"] for each in everything} >= {"", "64500"}
    assert all(each["sort"] == [each["update_id"]] for each in everything)
    assert all(each["created_ts"] <= each["modified_ts"] for each in everything)
