"""What a reader cannot read is told by field, before anything is written."""

import pytest

from wellhead.avro.compatibility import reads

A = {"name": "a", "type": "string"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        ([A], [A]),
        ([A, {"name": "b", "type": ["null", "string"], "default": None}], [A]),
        ([A], [A, ("b", "long")]),
        ([("a", "long")], [("a", "int")]),
        ([("a", ["null", "string"])], [A]),
        ([{"name": "z", "type": "string", "aliases": ["a"]}], [A]),
        ([("t", ["null", MILLIS])], [("t", MILLIS)]),
        ([{**A, "doc": "other", "ecs": "x"}], [A]),
    ],
)
def test_what_can_be_read(reader, writer, schema):
    """Added with a default, dropped, widened, renamed by alias, documented: all fine."""
    assert reads(schema(*reader, version=2), schema(*writer)) == []


@pytest.mark.parametrize(
    ("reader", "writer", "told"),
    [
        ([A, ("b", "long")], [A], "b: not in schema test.subject v1, and has no default"),
        ([("a", "int")], [("a", "long")], "a: type mismatch"),
        ([A], [("a", ["null", "string"])], "a: "),
        (
            [("a", {"type": "enum", "name": "E", "symbols": ["A"]})],
            [("a", {"type": "enum", "name": "E", "symbols": ["A", "B"]})],
            "a: missing enum symbols",
        ),
        ([("t", MICROS)], [("t", MILLIS)], "t: was timestamp-millis, is timestamp-micros"),
        ([("t", {"type": "array", "items": MICROS})], [("t", {"type": "array", "items": MILLIS})], "t: was timestamp-millis"),
        ([("t", "long")], [("t", MILLIS)], "t: was timestamp-millis, is long"),
    ],
)
def test_what_cannot_be_read(reader, writer, told, schema):
    """One line, beginning with the field."""
    problems = reads(schema(*reader, version=2), schema(*writer))
    assert len(problems) == 1
    assert problems[0].startswith(told)


def test_a_renamed_record_is_another_record(schema):
    """Readers resolve by full name."""
    problems = reads(schema(A, version=2, namespace="other"), schema(A))
    assert problems == ["the record is called other.Row, in schema test.subject v1 Row. Keep the name and the namespace."]
