"""The audit tells who changed what from where to where, and no secret (I6)."""

import json

from wellhead.storage.audit import audit_message


def told(before, after) -> dict:
    message = audit_message("a", who="ann", what="config", connector="c", before=before, after=after, at_ms=5, where="host:1")
    assert (message.key, message.timestamp_ms) == (b"c", 5)
    return json.loads(message.value)


def test_a_change_is_told() -> None:
    """Who, what, from, to, when and where."""
    assert told(None, {"config": {"topic": "a"}}) == {
        "who": "ann",
        "what": "config",
        "connector": "c",
        "from": None,
        "to": {"config": {"topic": "a"}},
        "at_ms": 5,
        "where": "host:1",
    }


def test_secrets_are_masked_however_deep() -> None:
    """Whatever is named like a secret, or stands in an address, is not in the record."""
    config = {
        "wss.password": "s3same",
        "url": "https://me:s3same@host/",
        "list": [{"api.token": "s3same"}],
        "secrets": {"a": "s3same"},
    }
    record = told({"config": config}, config)
    assert "s3same" not in json.dumps(record)
    assert record["to"]["wss.password"] == "******"


def test_a_cursor_is_told_as_it_is() -> None:
    """A cursor holds no secret, though a vendor may call its field a token; without it the audit would say nothing."""
    place = {"partition": {"stream": "a"}, "offset": {"token": "abc"}}
    assert told(place, {**place, "offset": None})["from"] == place
