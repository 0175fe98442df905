"""Schemas are found by subject and version and tell what they hold."""

import pyarrow as pa
import pytest

from wellhead.avro.schema import Schema, load, subjects, versions
from wellhead.errors import PermanentError

TEXT = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long", "doc": "size, e.g. 5", "unit": "bytes", "ecs": "http.bytes"}]}'


@pytest.fixture
def root(tmp_path):
    for name in (
        "acme.log/v1.avsc",
        "acme.log/v2.avsc",
        "acme.log/v10.avsc",
        "acme.log/notes.txt",
        "acme.ioc/v1.avsc",
        "empty/x",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    return tmp_path


def test_versions_count_as_numbers(root):
    """v10 comes after v2, and what is no version is not one."""
    assert versions("acme.log", root) == [1, 2, 10]
    assert versions("gone", root) == []
    assert subjects(root) == ["acme.ioc", "acme.log"]


def test_the_newest_is_loaded_unless_one_is_named(root):
    """A subject without a version means its newest."""
    assert load("acme.log", root=root).version == 10
    assert load("acme.log", 2, root).version == 2


@pytest.mark.parametrize(
    ("subject", "version", "told"),
    [("gone", None, "Subjects installed here: acme.ioc, acme.log"), ("acme.log", 3, "v1, v2, v10")],
)
def test_what_is_not_there_is_named_with_what_is(subject, version, told, root):
    """The error lists what there is to choose from."""
    with pytest.raises(PermanentError, match=told):
        load(subject, version, root)


def test_shipped_schemas_are_found():
    """The namespace package `schemas` is where they are, in a checkout and in the wheel."""
    assert "wss.access_log" in subjects()


def test_a_field_tells_what_its_schema_says():
    """Doc, unit and ECS name come from the file; consumers map by them."""
    field = Schema("s", 1, TEXT).field("a")
    assert (field.doc, field.unit, field.ecs, field.has_default) == ("size, e.g. 5", "bytes", "http.bytes", False)
    assert Schema("s", 1, TEXT).arrow == pa.schema([pa.field("a", pa.int64(), nullable=False)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('"string"', "not a record"),
        ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "strng"}]}', "not valid Avro: unknown type 'strng'"),
        ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]}', "not valid Avro"),
        ('{"type": "record", "name": "R"}', "not a record"),
        (
            '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}',
            "named twice: a",
        ),
    ],
)
def test_a_bad_file_is_told_by_its_fault(text, told):
    """The message names the subject and what is wrong in it."""
    with pytest.raises(PermanentError, match=f"schema s v1: .*{told}"):
        _ = Schema("s", 1, text).arrow


def test_a_schema_is_compiled_once_and_its_file_read_each_time(root):
    """Many tasks share one compiled schema; a file that changed is another schema all the same."""
    first = load("acme.log", 1, root)
    assert load("acme.log", 1, root) is first
    (root / "acme.log/v1.avsc").write_text(TEXT.replace("long", "string"))
    assert load("acme.log", 1, root).arrow.field("a").type == pa.string()
