"""Proves that events become columns of the schema, with their time and key where they tell them, and their data as sent."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.push.decode import Facts, table_of
from connectors.push.events import PushEvent
from wellhead.avro.conform import conform
from wellhead.avro.schema import load

SCHEMA = load("push.event")


def rows(*events, **facts):
    given = {
        "channel": "alerts",
        "source": "push.example",
        "received_ms": 1_770_109_501_250,
        "first_sequence": 7,
        "after_gap": False,
    }
    table, bad = conform(table_of([(events, Facts(**given | facts))]), SCHEMA)
    assert not bad
    return table.to_pylist()


def test_each_event_is_a_row():
    """Every column says what its doc says; what the event does not tell is null."""
    found = rows(PushEvent('{"a":1}', "alert", "41"), PushEvent("plain"), after_gap=True)
    received = datetime.fromtimestamp(1_770_109_501.25, UTC)
    shared = {
        "received_at": received,
        "time": None,
        "channel": "alerts",
        "key": None,
        "source": "push.example",
        "extensions": None,
    }
    assert found == [
        {**shared, "id": "41", "event": "alert", "data": '{"a":1}', "sequence": 7, "gap_possible": True},
        {**shared, "id": None, "event": "message", "data": "plain", "sequence": 8, "gap_possible": False},
    ]


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ('"2026-02-03T09:05:01.250Z"', 1_770_109_501_250),
        ('"2026-02-03T10:05:01.25+01:00"', 1_770_109_501_250),
        ('"2026-02-03 09:05:01"', 1_770_109_501_000),
        ("1770109501", 1_770_109_501_000),
        ("1770109501.25", 1_770_109_501_250),
        ("1770109501250", 1_770_109_501_250),
        ('"1770109501250"', 1_770_109_501_250),
        ("1770109501250000", 1_770_109_501_250),
        ("1770109501250000000", 1_770_109_501_250),
        ("true", None),
        ("-5", None),
        ("1e300", None),
        ('"yesterday"', None),
        ("{}", None),
    ],
)
def test_a_time_is_understood_or_null(told, moment):
    """ISO 8601 and numbers in seconds to nanoseconds are times; anything else is none, and no error."""
    [row] = rows(PushEvent(f'{{"meta":{{"at":{told}}}}}'), time_field="meta.at")
    assert row["time"] == (None if moment is None else datetime.fromtimestamp(moment / 1000, UTC))


def test_a_key_is_taken_from_the_data():
    """What an event is partitioned by is text or a number in it; null where it has none or is no JSON."""
    events = [PushEvent('{"ip":"198.51.100.7"}'), PushEvent('{"ip":7}'), PushEvent('{"ip":[1]}'), PushEvent("plain")]
    assert [row["key"] for row in rows(*events, key_field="ip")] == ["198.51.100.7", "7", None, None]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_data_is_kept_as_sent(data):
    """Whatever the data is, it is the column's, and looking into it fails for none."""
    assert [row["data"] for row in rows(PushEvent(data), time_field="a.b", key_field="c")] == [data]
