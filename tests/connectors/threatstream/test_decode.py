"""Takes pages of every shape, proves that each object is a record, a reject or counted, and that no field is lost or bent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.threatstream.answer import Page, page_in
from connectors.threatstream.decode import Decoded, decode, decode_ended
from connectors.threatstream.fields import COLUMNS, META, NAMES
from connectors.threatstream.paging import MAX_ID, Asked
from wellhead.avro import schema
from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder

NOW_MS = 1_770_195_600_000
DAY_MS = 86_400_000
SCHEMA = schema.load("threatstream.indicator")
PLAIN = {"id": 58_666_078_226, "update_id": 4_120_000_011, "value": "203.0.113.77", "type": "ip", "itype": "c2_ip"}


def page_of(*objects: Any) -> Page:
    return page_in(json.dumps({"meta": {"next": None}, "objects": objects}).encode())


def asked(position: int = 0, **changes: Any) -> Asked:
    given = {"stream": "ip", "position": position, "known": position, "now_ms": NOW_MS, "oldest_ms": None, "recent_ms": NOW_MS}
    return Asked(**(given | changes))


def row(**fields: Any) -> dict[str, Any]:
    """One indicator with these fields, through Avro and back."""
    found = decode(page_of(PLAIN | fields), asked())
    assert not found.rejects
    return through_avro(found)[0]


def through_avro(found: Decoded) -> list[dict[str, Any]]:
    encoded = Encoder(SCHEMA, 1).encode(found.table)
    assert not encoded.rejects
    back = Decoder(lambda _: SCHEMA.text, SCHEMA).decode(encoded.values)
    return back.to_pylist(maps_as_pydicts="strict")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# What an indicator is


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "ip"}, "ip"),
        ({"type": "ipv6", "value": "2001:db8::1", "itype": "c2_ipv6"}, "ip"),
        ({"type": "ip", "value": "2001:db8::1", "itype": "mal_ip"}, "ip"),
        ({"type": "domain"}, "domain"),
        ({"type": "url"}, "url"),
        ({"type": "email"}, "email"),
        ({"type": "md5", "subtype": "MD5"}, "hash_md5"),
        ({"type": "md5", "subtype": "SHA1"}, "hash_sha1"),
        ({"type": "md5", "subtype": "SHA256", "itype": "mal_md5"}, "hash_sha256"),
        ({"type": "md5", "subtype": "sha-512"}, "hash_sha512"),
        ({"type": "md5", "subtype": None, "value": "a" * 40}, "hash_sha1"),
        ({"type": "md5", "subtype": "SSDEEP", "value": "a" * 40}, "other"),
        ({"type": "md5", "value": "short"}, "other"),
        ({"type": "string"}, "other"),
        ({"type": None}, "other"),
        ({"type": ["ip"]}, "other"),
    ],
)
def test_what_an_indicator_is_follows_from_type_and_subtype(fields: dict[str, Any], expected: str) -> None:
    """Neither the itype nor the stream decides: a SHA256 called mal_md5 is a SHA256."""
    assert row(**fields)["ioc_type"] == expected


def test_the_resolved_address_of_a_domain_is_kept_beside_its_value() -> None:
    """`ip` of a domain is the address it resolved to, and absent where it did not."""
    assert row(type="domain", value="a.example", ip="198.51.100.2")["ip"] == "198.51.100.2"
    assert row(type="domain", value="a.example")["ip"] is None


# Fields


@pytest.mark.parametrize("number", [2**32 + 1, 58_666_078_226, 2**53 + 1, MAX_ID])
def test_ids_keep_every_digit(number: int) -> None:
    """Numbers beyond 2^32, and beyond what a float can tell apart, stay as they are."""
    found = through_avro(decode(page_of(PLAIN | {"id": number, "update_id": number}), asked(number - 1)))[0]
    assert (found["id"], found["update_id"]) == (number, number)


def test_severity_stands_in_meta() -> None:
    """meta.severity is the severity; what else meta holds is kept whole."""
    found = row(
        meta={"severity": "very-high", "detail2": "imported by user 4711", "maltype": "X", "registrant_name": "A. Example"}
    )
    assert (found["severity"], found["detail2"], found["maltype"]) == ("very-high", "imported by user 4711", "X")
    assert json.loads(found["meta"]) == {"registrant_name": "A. Example"}
    assert row(meta=None)["severity"] is None


@pytest.mark.parametrize("tags", [None, []])
def test_no_tags_are_null(tags: Any) -> None:
    """A null and an empty list of tags both mean that there are none, never the text None."""
    assert row(tags=tags)["tags"] is None
    assert row(tags=tags)["tag_objects"] is None


def test_commas_and_quotes_in_tags_do_no_harm() -> None:
    """Names stay apart, and what more is known of a tag is kept."""
    tags = [{"id": "z01", "name": 'loader, "stage 2"'}, {"id": "u7", "name": "https://r.example/?a=1,b=2", "tlp": "amber"}]
    found = row(tags=tags)
    assert found["tags"] == [tag["name"] for tag in tags]
    assert json.loads(found["tag_objects"]) == tags
    assert row(tags=[{"name": "only"}])["tag_objects"] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9999-12-31T00:00:00.000Z", at("9999-12-31T00:00:00")),
        ("2318-01-01T00:00:00.000Z", at("2318-01-01T00:00:00")),
        ("2026-02-03T08:41:10.512Z", at("2026-02-03T08:41:10.512")),
        ("2026-02-03T08:41:10Z", at("2026-02-03T08:41:10")),
        ("2026-02-03T10:41:10+02:00", at("2026-02-03T08:41:10")),
        ("2026-02-03T08:41:10.512345Z", at("2026-02-03T08:41:10.512")),
        ("2026-02-03T08:41:10", at("2026-02-03T08:41:10")),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_every_form_seen(text: str | None, expected: datetime | None) -> None:
    """The vendor's "never" and far years are times like others; what has no zone is UTC; an empty one is none."""
    found = row(created_ts=text, expiration_ts=None)
    assert found["created_ts"] == expected
    assert found["extensions"] is None


@pytest.mark.parametrize(
    "place", [{}, {"latitude": None, "longitude": None}, {"latitude": -23.5, "longitude": None}, {"latitude": 5}]
)
def test_coordinates_may_be_absent_null_or_half(place: dict[str, Any]) -> None:
    """Each coordinate stands for itself."""
    found = row(**place)
    assert (found["latitude"], found["longitude"]) == (place.get("latitude"), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("confidence", "high"),
            ("confidence", 2**40),
            ("threatscore", 55.5),
            ("is_public", "true"),
            ("asn", 64500),
            ("tlp", 3),
        ),
        *(("expiration_ts", "never"), ("modified_ts", 1_770_195_600), ("feed_id", True), ("country", ["DE"]), ("meta", "low")),
        *(
            ("trusted_circle_ids", [1, "x"]),
            ("trusted_circle_ids", [1, 2**63]),
            ("target_industry", ["Finance", None]),
            ("target_industry", "Finance"),
            ("tags", "botnet"),
            ("tags", [{"id": "1"}]),
        ),
        *(("latitude", "50.1"), ("owner_organization_id", 2**63)),
    ],
)
def test_a_value_of_another_type_is_kept_as_an_extension(name: str, value: Any) -> None:
    """It is neither bent into the column nor lost, and it does not cost the record."""
    found = row(**{name: value})
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    assert found["extensions"] == {name: text}
    assert found[name] is None


def test_unknown_fields_are_extensions_and_the_search_place_is_not() -> None:
    """Text as it is, the rest as JSON, null as absent; `sort` belongs to the search."""
    found = row(new_score=7, new_words="as it is", new_nest={"a": [1, None]}, new_nothing=None, sort=[5])
    assert found["extensions"] == {"new_score": "7", "new_words": "as it is", "new_nest": '{"a":[1,null]}'}


def test_a_strange_value_on_one_indicator_leaves_the_others_as_they_are() -> None:
    """One odd value does not change how the rest of its column is read."""
    others = [PLAIN | {"id": number, "confidence": number} for number in range(1, 5)]
    found = through_avro(decode(page_of(*others, PLAIN | {"confidence": "odd"}), asked()))
    assert [each["confidence"] for each in found] == [1, 2, 3, 4, None]
    assert [each["extensions"] for each in found] == [None] * 4 + [{"confidence": "odd"}]


def test_itypes_nobody_documents_are_published_and_counted() -> None:
    """A new indicator type costs nothing but a line in a report."""
    found = decode(page_of(PLAIN | {"itype": "never_listed_itype"}, PLAIN | {"id": 5, "itype": "phish_url"}), asked())
    assert found.table.column("itype").to_pylist() == ["never_listed_itype", "phish_url"]
    assert found.unknown == {"never_listed_itype": 1}


# What is left out


def test_what_the_position_has_passed_is_a_duplicate() -> None:
    """Only what lies behind the position asked from is read."""
    found = decode(page_of(*(PLAIN | {"id": n, "update_id": n} for n in range(998, 1003))), asked(999))
    assert found.table.column("update_id").to_pylist() == [1000, 1001, 1002]
    assert found.filtered == {"duplicate": 2}
    assert found.newest == 1002


def test_of_two_states_on_a_page_the_newer_one_counts() -> None:
    """Whatever their order, one record is left of an indicator, the one with the higher update_id as a number."""
    found = decode(page_of(PLAIN | {"update_id": 1000, "confidence": 2}, PLAIN | {"update_id": 999, "confidence": 1}), asked())
    assert found.table.column("confidence").to_pylist() == [2]
    assert found.filtered == {"duplicate": 1}


def test_what_has_expired_is_ended_and_not_published() -> None:
    """An end that has come, to the millisecond, takes an indicator out; one without an end stays."""
    ends = [NOW_MS - 1, NOW_MS, NOW_MS + 1]
    texts = [datetime.fromtimestamp(end / 1000, UTC).isoformat(timespec="milliseconds") for end in ends]
    things = [PLAIN | {"id": number, "expiration_ts": text} for number, text in enumerate([*texts, None])]
    found = decode(page_of(*things), asked())
    assert found.table.column("id").to_pylist() == [2, 3]
    assert found.ended.column("id").to_pylist() == [0, 1]
    assert found.filtered == {"expired": 2}


def test_what_has_not_changed_for_too_long_is_ended() -> None:
    """With a maximum age the last change counts, and what has no known change stays."""
    ages = {1: NOW_MS - 91 * DAY_MS, 2: NOW_MS - 90 * DAY_MS}
    things = [PLAIN | {"id": n, "modified_ts": datetime.fromtimestamp(ms / 1000, UTC).isoformat()} for n, ms in ages.items()]
    found = decode(page_of(*things, PLAIN), asked(oldest_ms=NOW_MS - 90 * DAY_MS))
    assert found.table.column("id").to_pylist() == [2, PLAIN["id"]]
    assert found.ended.column("id").to_pylist() == [1]


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({**PLAIN, "id": None}, "id"),
        ({**PLAIN, "id": "58701000101"}, "id"),
        ({**PLAIN, "id": 5.5}, "id"),
        ({**PLAIN, "id": True}, "id"),
        ({**PLAIN, "update_id": -1}, "update_id"),
        ({**PLAIN, "update_id": 2**63}, "update_id"),
        ({**PLAIN, "update_id": 10**30}, "update_id"),
        ({**PLAIN, "value": ""}, "value"),
        ({**PLAIN, "value": 7}, "value"),
        ({"id": 1, "update_id": 2}, "value"),
        ("text", None),
        (None, None),
        ([PLAIN], None),
    ],
)
def test_what_is_no_indicator_is_rejected_as_it_came(broken: Any, field: str | None) -> None:
    """The reject holds the vendor's bytes, blanks and order of names included, and its neighbours are read."""
    raw = json.dumps(broken, indent=3, ensure_ascii=False)
    good = json.dumps(PLAIN)
    text = f'{{"meta" : {{"objects": [1], "next": null}},\n "objects" :[ {good} ,\n{raw},{good.replace("4120000011", "4120000012")}] , "more": 1}}'
    found = decode(page_in(text.encode()), asked())
    assert [(reject.raw.decode(), reject.field) for reject in found.rejects] == [(raw, field)]
    assert found.table.num_rows + found.filtered.get("duplicate", 0) == 2
    assert found.newest == 4_120_000_012


def test_a_broken_object_is_passed_by_the_place_it_was_sorted_by() -> None:
    """Without it, a page of broken objects would be read again for ever."""
    assert decode(page_of({"value": "x", "sort": [77]}), asked()).newest == 77
    assert decode(page_of({"value": "x", "sort": [1_767_225_600_000, 58]}), asked()).newest is None
    assert decode(page_of(), asked()).newest is None


@pytest.mark.parametrize("value", ["203.0.113.78", None])
def test_an_update_id_far_beyond_all_others_moves_no_position(value: str | None) -> None:
    """Going on from it would skip all later news; its object is a dead letter, its neighbours are read."""
    far = PLAIN | {"id": 7, "update_id": 9 * 10**18, "value": value}
    among = decode(page_of(PLAIN, far), asked())
    assert (among.newest, among.far) == (PLAIN["update_id"], far["update_id"])
    assert among.table.column("id").to_pylist() == [PLAIN["id"]]
    assert [json.loads(reject.raw)["id"] for reject in among.rejects] == [7]
    alone = decode(page_of(far), asked(4_120_000_011))
    assert (alone.newest, alone.far, len(alone.rejects)) == (None, far["update_id"], 1)
    gone = decode_ended(page_of(PLAIN, far), asked())
    assert (gone.newest, gone.far) == (PLAIN["update_id"], far["update_id"])
    assert gone.ended.column("id").to_pylist() == [PLAIN["id"], *([7] if value else [])]


def test_update_ids_of_another_numbering_are_followed() -> None:
    """Where a second one bears the first one out, far is where the vendor has gone."""
    things = [PLAIN | {"id": n, "update_id": 9 * 10**18 + n} for n in (1, 2)]
    found = decode(page_of(PLAIN, *things), asked())
    assert (found.newest, found.far, found.rejects) == (9 * 10**18 + 2, None, [])


def test_what_is_looked_back_to_is_rejected_once() -> None:
    """A broken object that was passed before has been a dead letter then; one behind the known position has not."""
    things = [{"value": None, "id": n, "update_id": n} for n in (10, 20, 30)]
    found = decode(page_of(*things), asked(5, known=20))
    assert [json.loads(reject.raw)["id"] for reject in found.rejects] == [30]
    assert found.filtered == {"duplicate": 2}


def test_of_what_is_no_longer_active_only_the_id_counts() -> None:
    """Each one ends its key, whatever else it holds; one without an id is rejected."""
    found = decode_ended(page_of(PLAIN | {"status": "inactive"}, {**PLAIN, "id": None}), asked())
    assert found.ended.column("id").to_pylist() == [PLAIN["id"]]
    assert found.table.num_rows == 0
    assert len(found.rejects) == 1


def test_a_page_is_recent_when_anything_on_it_is() -> None:
    """Whether a look-back may begin behind it is told by its newest change."""
    old, new = "2026-01-01T00:00:00Z", datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat()
    assert not decode(page_of(PLAIN | {"modified_ts": old}), asked()).recent
    assert decode(page_of(PLAIN | {"modified_ts": old}, PLAIN | {"id": 2, "modified_ts": new}), asked()).recent
    assert not decode(page_of(PLAIN), asked()).recent


# Any page at all

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
names = st.sampled_from(sorted(NAMES | set(META) | {"new", "sort"}))
optional = dict.fromkeys(sorted({*COLUMNS, "meta", "tags", "new", "locations"} - {"id", "update_id", "value"}), json_values)
things = st.fixed_dictionaries(
    {"id": st.integers(0, 6), "update_id": st.integers(0, 12), "value": st.text(min_size=1, max_size=5)}, optional=optional
)
wild = st.dictionaries(names, json_values, max_size=4) | json_values | things


@settings(max_examples=80, deadline=None)
@given(st.lists(wild, max_size=6), st.integers(-1, 12))
def test_any_page_is_accounted_for_object_by_object(objects: list[Any], position: int) -> None:
    """Every object is a record, a reject, a duplicate or expired; each record fits the schema; each reject is what was sent."""
    found = decode(page_of(*objects), asked(position))
    assert len(through_avro(found)) == found.table.num_rows
    assert found.table.num_rows + len(found.rejects) + sum(found.filtered.values()) == len(objects)
    assert all(json.loads(reject.raw) in objects for reject in found.rejects)


@settings(max_examples=80, deadline=None)
@given(things)
def test_no_value_is_lost(thing: dict[str, Any]) -> None:
    """Whatever a field holds stands in its column, in one of the columns of JSON, or in the extensions."""
    thing = thing | {"expiration_ts": None}
    found = decode(page_of(thing), asked(-1))
    record = through_avro(found)[0]
    extensions = record["extensions"] or {}
    for name, value in thing.items():
        if value is None or name in extensions:
            continue
        assert held(name, value, record, extensions), (name, value, record)


def held(name: str, value: Any, record: dict[str, Any], extensions: dict[str, str]) -> bool:
    if name == "meta":
        rest = json.loads(record["meta"]) if record["meta"] else {}
        return all(
            inner is None or record.get(key) == inner or f"meta.{key}" in extensions or key in rest
            for key, inner in value.items()
        )
    if name == "tags":
        return not value or record["tags"] == [tag["name"] if isinstance(tag, dict) else tag for tag in value]
    if name == "locations":
        return not value or record[name] is not None
    if name.endswith("_ts") or name in ("source_created", "source_modified"):
        return value == "" or record[name] is not None
    return record[name] == value and isinstance(record[name], bool) == isinstance(value, bool)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_page_that_is_cut_is_never_half_a_page(data: st.DataObject) -> None:
    """Wherever a body ends too early, also inside a character, it is no page at all."""
    body = json.dumps({"meta": {}, "objects": [PLAIN | {"org": "Käfer 标签"}]}, ensure_ascii=False).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(ValueError, match="cut, or no JSON"):
        page_in(body[:cut])
