"""A folder of schemas keeps its promise, or every breach is listed."""

import json
from pathlib import Path

import pytest

from wellhead.avro.audit import audit

A = {"name": "a", "type": "string", "doc": "text, e.g. x"}


def write(root: Path, name: str, *fields: dict) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    record = {"type": "record", "name": "log", "doc": "One line.", "fields": list(fields)}
    (root / name).write_text(json.dumps(record))


def listed(root: Path) -> list[str]:
    return [f"{problem.path}: {problem.message}" for problem in audit(root)]


def test_a_sound_folder_has_no_problem(tmp_path):
    """Two versions, the second reading the first."""
    write(tmp_path, "acme.log/v1.avsc", A)
    write(tmp_path, "acme.log/v2.avsc", A, {"name": "b_2", "type": ["null", "long"], "default": None, "doc": "bytes, e.g. 5"})
    (tmp_path / "schemas.lock").write_text("")
    assert listed(tmp_path) == []


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({**A, "doc": " "}, "acme.log/v1.avsc: a: has no doc"),
        ({**A, "name": "camelCase"}, "acme.log/v1.avsc: camelCase: is not snake_case"),
        ({**A, "name": "a__b"}, "acme.log/v1.avsc: a__b: is not snake_case"),
        ({**A, "type": "strng"}, "acme.log/v1.avsc: schema acme.log v1: not valid Avro: unknown type 'strng'"),
        ({**A, "type": ["null", "log"]}, "acme.log/v1.avsc: not valid here: schema acme.log v1.a: type 'log' refers to itself"),
        (
            {
                **A,
                "type": {
                    "type": "array",
                    "items": {"type": "record", "name": "r", "doc": "d", "fields": [{"name": "x", "type": "int"}]},
                },
            },
            "acme.log/v1.avsc: a: x: has no doc",
        ),
        ({**A, "type": ["null", {"type": "record", "name": "r", "fields": []}]}, "acme.log/v1.avsc: a: record r has no doc"),
    ],
)
def test_each_breach_of_a_field_is_told(field, told, tmp_path):
    """By file, field and what to do."""
    write(tmp_path, "acme.log/v1.avsc", field)
    assert len(listed(tmp_path)) == 1
    assert listed(tmp_path)[0].startswith(told)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["acme.log/v2.avsc"], "acme.log: versions are not v1, v2 ... without a gap: v2"),
        (["acme.log/v1.avsc", "acme.log/v3.avsc"], "acme.log: versions are not v1, v2 ... without a gap: v1, v3"),
        (["acme.log/v1.avsc", "acme.log/v01.avsc"], "acme.log/v01.avsc: is no version"),
        (["Acme/v1.avsc"], "Acme: is no subject's name"),
    ],
)
def test_each_breach_of_naming_is_told(names, told, tmp_path):
    """Folders are subjects, files are versions, and they count from one."""
    for name in names:
        write(tmp_path, name, A)
    assert [line for line in listed(tmp_path) if line.startswith(told)]


def test_an_empty_subject_is_told(tmp_path):
    """A folder without a version promises nothing."""
    (tmp_path / "acme.log").mkdir()
    assert listed(tmp_path) == ["acme.log: versions are not v1, v2 ... without a gap: none. Number them in order."]


def test_a_version_that_cannot_read_the_one_before_is_told(tmp_path):
    """Whatever the reasons, each on its line."""
    write(tmp_path, "acme.log/v1.avsc", A)
    write(tmp_path, "acme.log/v2.avsc", {**A, "type": "long"}, {**A, "name": "b"})
    assert listed(tmp_path) == [
        "acme.log/v2.avsc: cannot read what v1 wrote: a: type mismatch: reader type: long not compatible with writer type: string",
        "acme.log/v2.avsc: cannot read what v1 wrote: b: not in schema acme.log v1, and has no default to stand in. Give it one.",
    ]
