"""Tests of MaskField."""

import datetime as dt
import hashlib
import hmac

import pytest

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FULL = {
    "user": "alice",
    "url": "/login",
    "status": 404,
    "nbytes": 7,
    "score": 0.5,
    "blocked": True,
    "seen": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "day": dt.date(2026, 1, 1),
    "raw": b"\xff",
}


def masked(feed, names, table, **how):
    result = feed.one({"type": "MaskField", "fields": names, **how}).apply(table)
    return result.to_pylist()


def test_each_type_has_a_value_that_says_nothing(feed):
    """Without a replacement text becomes empty, numbers 0, booleans false, times the epoch; nulls stay null."""
    rows = masked(feed, list(FULL), feed.batch(FULL, {}))
    assert {name: rows[0][name] for name in FULL} == {
        "user": "",
        "url": "",
        "status": 0,
        "nbytes": 0,
        "score": 0.0,
        "blocked": False,
        "seen": EPOCH,
        "day": EPOCH.date(),
        "raw": b"",
    }
    assert [name for name in FULL if rows[1][name] is not None] == ["url", "status"]


def test_a_replacement_is_written_as_the_type_of_the_field(feed):
    """Numbers, times and symbols are written as text and stand in the field as what they are."""
    assert masked(feed, "nbytes,status", feed.batch(FULL), replacement=-1)[0]["nbytes"] == -1
    assert masked(feed, "seen", feed.batch(FULL), replacement="2000-01-01T00:00:00Z")[0]["seen"].year == 2000
    assert masked(feed, "verdict", feed.batch({"verdict": "DENY"}), replacement="ALLOW")[0]["verdict"] == "ALLOW"


@pytest.mark.parametrize("how", [{"replacement": "***"}, {"hash.key": "k" * 16}])
def test_a_predicate_says_which_values(feed, how):
    """Only values of the selected rows are masked; the others stand as they came."""
    table = feed.batch({"user": "alice", "status": 404}, {"user": "bob"}, {"status": 404})
    rule = {"type": "MaskField", "fields": "user", **how}
    users = feed.one(rule, {"type": "FieldEquals", "field": "status", "values": "404"}).apply(table).column("user").to_pylist()
    assert users[0] not in ("alice", None)
    assert users[1:] == ["bob", None]


def test_a_hash_is_the_hmac_of_the_text(feed):
    """Whoever has the key can compute the hash of a name with any tool, and so find its records."""
    key = "0123456789abcdef"
    (row,) = masked(feed, "user", feed.batch({"user": "zoë"}), **{"hash.key": key})
    assert row["user"] == hmac.new(key.encode(), "zoë".encode(), hashlib.sha256).hexdigest()


def test_the_key_is_not_shown(feed):
    """Neither the transform nor its options show the key (I6)."""
    words = {"transforms.it.type": "MaskField", "transforms.it.fields": "user", "transforms.it.hash.key": "v3ry-s3cret-k3y!"}
    connector = feed.connector_of(words)
    assert "s3cret" not in f"{connector!r} {connector.settings.model_dump_json()} {feed.transforms(words)!r}"
    assert connector.secrets() == ["v3ry-s3cret-k3y!"]


def test_what_cannot_hold_the_mask_is_refused(feed, refused):
    """Each field that does not fit is named, with what to do instead."""
    told = refused({"transforms.it.type": "MaskField", "transforms.it.fields": "usr"})
    assert told == {"transforms.it.fields": "stream event has no field 'usr'; did you mean user?"}
    told = refused({"transforms.it.type": "MaskField", "transforms.it.fields": "nbytes", "transforms.it.replacement": "many"})
    assert told == {"transforms.it.replacement": "must be written as long, the type of nbytes"}
    told = refused(
        {"transforms.it.type": "MaskField", "transforms.it.fields": "status", "transforms.it.replacement": "5000000000"}
    )
    assert told == {"transforms.it.replacement": "must be written as int, the type of status"}
    told = refused({"transforms.it.type": "MaskField", "transforms.it.fields": "nbytes", "transforms.it.hash.key": "k" * 16})
    assert told == {"transforms.it.fields": "nbytes is long; only text can be hashed. Leave hash.key out, or exclude the field"}
    for name, kind in {"tags": "array", "cost": "decimal", "verdict": "enum", "session": "uuid"}.items():
        told = refused({"transforms.it.type": "MaskField", "transforms.it.fields": name})
        assert told == {
            "transforms.it.fields": f"{name} is {kind}, which has no value that says nothing; ReplaceField can empty it"
        }
    told = refused(
        {"transforms.it.type": "MaskField", "transforms.it.fields": "verdict", "transforms.it.replacement": "DENIED"}
    )
    assert told == {"transforms.it.replacement": "must be of the symbols of verdict: ALLOW, DENY"}


def test_what_names_a_record_is_only_hashed(feed, refused):
    """Key and identity may be hashed in every record, so that they still name it; nothing else may change them, nor the time."""
    hidden = {"transforms.it.type": "MaskField", "transforms.it.fields": "user,id", "transforms.it.hash.key": "k" * 16}
    assert len(feed.transforms(hidden, feed.stream)) == 1
    part = "is part of the {} of stream event and must stay as it is; a hash (hash.key) without predicate may take its place"
    assert refused({"transforms.it.type": "MaskField", "transforms.it.fields": "user"}) == {
        "transforms.it.fields": "user " + part.format("key")
    }
    some = {"transforms.it.predicate": "p", "predicates.p.type": "FieldIsNull", "predicates.p.field": "url"}
    assert refused({**hidden, "transforms.it.fields": "id", **some}) == {
        "transforms.it.fields": "id " + part.format("identity")
    }
    assert refused({"transforms.it.type": "MaskField", "transforms.it.fields": "time"}) == {
        "transforms.it.fields": "time is the event time of stream event and must stay as it is"
    }
