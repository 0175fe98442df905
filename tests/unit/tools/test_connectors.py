"""Tests of `wellhead connectors`."""

import dataclasses
import json

import pytest

from wellhead.cli import run
from wellhead.plugins import load
from wellhead.tools.connectors import avro_type, columns, description, streams_of


def test_list_names_every_source_and_what_is_wrong_with_a_broken_one(fake_vendor, capsys):
    """One broken package must not hide the others, nor go unnoticed."""
    assert run(["connectors", "list"]) == 1
    captured = capsys.readouterr()
    rows = [" ".join(row.split()) for row in captured.out.splitlines()]
    assert rows[0] == "CONNECTOR SOURCE STREAMS"
    assert {"fake Fake vendor events", "broken cannot be loaded"} <= set(rows)
    assert "error: connector broken: entry point fakevendor.broken:connector cannot be loaded: RuntimeError" in captured.err


def test_list_as_json(fake_vendor, capsys):
    """Scripts get the same."""
    run(["connectors", "list", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["fake"] == {"name": "fake", "title": "Fake vendor", "streams": ["events"]}
    assert "RuntimeError" in rows["broken"]["error"]


def test_describe_tells_everything_a_source_is(fake_vendor, capsys):
    """Options with type, default and description; streams with subject, key, identity, time, cursor and fields."""
    assert run(["connectors", "describe", "fake"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("fake: Fake vendor\n\noptions\n  token  (secret, required)\n      Token of the account.\n")
    assert "  page_size  (integer, ≥ 1, ≤ 1000 = 100)\n      Events in a page.\n" in out
    assert "  kinds  (list of text = login,logout)\n" in out
    assert "  limits.per_minute  (integer, ≥ 1 = 60)\n" in out
    assert "\nstream events: Everything that happened.\n" in out
    for fact in (
        "subject   fake.events v1",
        "key       id",
        "identity  time, id",
        "time      time",
        "cleanup   delete",
        "interval  30 s",
        "cursor    after",
    ):
        assert f"\n  {fact}\n" in out
    assert "\n    time        timestamp-millis  When it happened. (ECS @timestamp)\n" in out
    assert "\n    tags        [string]?         Labels, e.g. [a, b].\n" in out


def test_describe_as_json(fake_vendor, capsys):
    """Everything, for scripts and pages."""
    assert run(["connectors", "describe", "fake", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["options"][0] == {
        "word": "token",
        "type": "secret",
        "default": "required",
        "description": "Token of the account.",
        "required": True,
    }
    (stream,) = told["streams"]
    assert (stream["subject"], stream["schema_version"], stream["key"], stream["cursor"]) == (
        "fake.events",
        1,
        ["id"],
        {"after": "int"},
    )
    assert stream["fields"][0] == {
        "name": "time",
        "type": "timestamp-millis",
        "doc": "When it happened.",
        "unit": None,
        "ecs": "@timestamp",
    }
    assert told["streams_depend_on_options"] is False


def test_describe_gives_the_json_schema_of_the_options(fake_vendor, capsys):
    """Editors and forms can be built on it."""
    assert run(["connectors", "describe", "fake", "--json-schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["required"] == ["token"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["page_size"] == {
        "default": 100,
        "description": "Events in a page.",
        "maximum": 1000,
        "minimum": 1,
        "title": "Page Size",
        "type": "integer",
    }


def test_an_unknown_source_is_answered_with_the_closest(fake_vendor, capsys):
    """The exit code is 1 and the message helps."""
    assert run(["connectors", "describe", "fak"]) == 1
    assert capsys.readouterr().err == "error: no connector is called 'fak'; did you mean fake?\n"


@pytest.mark.parametrize("works", [True, False])
def test_streams_that_depend_on_options_are_shown_for_the_defaults(fake_vendor, works):
    """A function of the options is asked with the defaults; where that cannot work, nothing is invented."""
    fake = load("fake")
    streams = fake.streams

    def select(config):
        return streams if works else config.token.get_secret_value()

    selecting = dataclasses.replace(fake, streams=select)
    assert streams_of(selecting) == (streams if works else ())
    assert description(selecting)["streams_depend_on_options"] is True


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("string", "string"),
        (["null", "long"], "long?"),
        (["null", "long", "string"], "long or string?"),
        (["int", "string"], "int or string"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp-millis"),
        ({"type": "array", "items": ["null", "string"]}, "[string?]"),
        ({"type": "map", "values": "long"}, "{long}"),
        ({"type": "record", "name": "geo", "fields": []}, "geo"),
        ({"type": "enum", "name": "colour", "symbols": ["red"]}, "colour"),
        ({"type": "string"}, "string"),
    ],
)
def test_avro_types_in_one_line(kind, text):
    """A table cell holds any Avro type."""
    assert avro_type(kind) == text


def test_columns_are_aligned():
    """Rows of text line up, with nothing behind the last cell."""
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]
    assert columns([]) == []
