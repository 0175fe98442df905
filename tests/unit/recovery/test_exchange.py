import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from wellhead.errors import ConfigError
from wellhead.kafka.offsets import offset_key, parse_key
from wellhead.recovery.exchange import exported, parse_entries
from wellhead.recovery.stored import Stored

scalars = st.one_of(st.text(max_size=8), st.integers(-(2**53), 2**53), st.booleans(), st.none())
fields = st.dictionaries(st.text(min_size=1, max_size=6), scalars, min_size=1, max_size=4)
names = st.text("abcdef-_.", min_size=1, max_size=6)


def stored(connector, partition, cursor):
    return Stored(connector, partition, cursor, offset_key(connector, partition, in_order=False), 1, 0, 0)


@given(st.lists(st.tuples(names, fields, fields), max_size=6, unique_by=lambda each: offset_key(each[0], each[1])))
def test_what_is_exported_is_imported_the_same(cursors):
    """Through JSON and back every cursor is the same, and so are the bytes of its key, in the order it was spelled."""
    held = [stored(*each) for each in cursors]
    text = json.dumps(exported(held))
    if not held:
        with pytest.raises(ConfigError, match="there is none"):
            parse_entries(text, None, where="f")
        return
    entries = parse_entries(text, None, where="f")
    read = {(entry.connector, offset_key(entry.connector, entry.partition, in_order=False)): entry.cursor for entry in entries}
    assert read == {(each.connector, each.key): each.cursor for each in held}


def test_one_connector_is_exported_as_connect_answers():
    """With a connector the export is the very body of Connect's offsets endpoint; cursors that were reset are left out."""
    held = [
        stored("fs", {"filename": "/a"}, {"position": 18}),
        stored("fs", {"filename": "/b"}, None),
        stored("x", {"a": 1}, {"b": 2}),
    ]
    assert exported(held, "fs") == {"offsets": [{"partition": {"filename": "/a"}, "offset": {"position": 18}}]}
    assert parse_entries(json.dumps(exported(held, "fs")), "fs", where="f")[0].cursor == {"position": 18}
    assert list(exported(held)["connectors"]) == ["fs", "x"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{", "file"),
        ("[]", "fs.offsets"),
        ('{"offsets": {}}', "fs.offsets"),
        ('{"offsets": []}', "offsets"),
        ('{"offsets": [{"partition": {"a": {"b": 1}}, "offset": null}]}', "fs.offsets.0.partition"),
        ('{"offsets": [{"partition": {"a": 1}}]}', "fs.offsets.0.offset"),
        ('{"offsets": [{"partition": {"a": 1}, "offset": {"b": []}}]}', "fs.offsets.0.offset"),
        ('{"offsets": [{"partition": {"a": 1}, "offset": 3}]}', "fs.offsets.0.offset"),
        ('{"offsets": [3]}', "fs.offsets.0.partition"),
    ],
)
def test_what_is_no_export_is_refused_with_its_place(text, path):
    """Every way of being wrong is told with where it is, and nothing of it is taken."""
    with pytest.raises(ConfigError) as caught:
        parse_entries(text, "fs", where="f")
    assert path in {problem.path for problem in caught.value.problems}


def test_a_connector_is_needed_where_the_file_names_none():
    """A bare body belongs to nobody, and one cursor cannot have two values, however its partition is spelled."""
    with pytest.raises(ConfigError, match="name the connector"):
        parse_entries('{"offsets": []}', None, where="f")
    twice = {"offsets": [{"partition": {"a": 1, "b": 2}, "offset": {}}, {"partition": {"b": 2, "a": 1}, "offset": None}]}
    with pytest.raises(ConfigError, match="more than once"):
        parse_entries(json.dumps(twice), "fs", where="f")


def test_a_key_keeps_the_order_it_is_given_in():
    """Kafka Connect finds a cursor by the bytes of its key: only Wellhead's own are sorted."""
    assert offset_key("c", {"b": 1, "a": 2}, in_order=False) == b'["c",{"b":1,"a":2}]'
    assert offset_key("c", {"b": 1, "a": 2}) == b'["c",{"a":2,"b":1}]'
    assert parse_key(b'["c",{"b":1,"a":2}]') == ("c", {"a": 2, "b": 1})
