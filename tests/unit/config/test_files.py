"""Tests of reading YAML and JSON."""

import pytest

from wellhead.config.files import parse, read


def told(text: str, name: str = "f.yaml") -> list[str]:
    return [str(problem) for problem in parse(text, name)[1]]


@pytest.mark.parametrize(
    ("name", "text"), [("f.yaml", "a: {b: [1, 'x', true, null]}\n"), ("f.json", '{"a": {"b": [1, "x", true, null]}}\n')]
)
def test_both_formats_give_plain_values(name, text):
    """YAML and JSON say the same."""
    assert parse(text, name) == ({"a": {"b": [1, "x", True, None]}}, [])


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text):
    """A file may hold nothing yet."""
    assert parse(text, "f.yaml") == ({}, [])


def test_keys_are_text_as_written():
    """YAML's `on`, `yes`, `1.10` and dates are plain words when they are keys."""
    content, problems = parse("on: {error: stop}\n1.10: a\n2026-01-02: b\nyes: c\nnull: d\n", "f.yaml")
    assert (content, problems) == ({"on": {"error": "stop"}, "1.10": "a", "2026-01-02": "b", "yes": "c", "null": "d"}, [])


def test_keys_given_twice_are_all_told_with_path_and_line():
    """YAML would keep the last one in silence; each is refused instead."""
    assert told("a:\n  b: 1\n  b: 2\nc: [{d: 1, d: 2}]\n") == [
        "a.b: given twice (f.yaml, line 3)",
        "c.0.d: given twice (f.yaml, line 4)",
    ]
    assert told('{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 2}]}', "f.json") == [
        "a.b: given twice (f.json)",
        "c.0.d: given twice (f.json)",
    ]


def test_anchors_and_merges_work():
    """What several connectors share may be written once."""
    content, problems = parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\n", "f.yaml")
    assert (content, problems) == ({"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2}}, [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", "password: *s3cr3t\n"),
        ("f.yaml", "password: !s3cr3t x\n"),
        ("f.yaml", "password: 's3cr3t\n"),
        ("f.yaml", "password: s3cr3t: x\n"),
        ("f.yaml", 'password: "s3cr3t\\q"\n'),
        ("f.yaml", "password: @s3cr3t\n"),
        ("f.yaml", "password: s3cr3t\x07\n"),
        ("f.yaml", "a: 1\n--- \nb: s3cr3t\n"),
        ("f.yaml", "? {s3cr3t: 1}\n: x\n"),
        ("f.json", '{"password": s3cr3t}'),
        ("f.json", '{"password": "s3cr3t" x}'),
        ("f.json", '{"password": "s3cr3t\n"}'),
        ("f.yaml", "- s3cr3t\n"),
        ("f.yaml", "s3cr3t"),
        ("f.json", '"s3cr3t"'),
    ],
)
def test_a_broken_file_is_told_without_its_text(name, text):
    """The problem says where and what, never what stands there: it may be a secret."""
    problems = told(text, name)
    assert len(problems) == 1
    assert "s3cr3t" not in problems[0]
    assert problems[0].startswith(f"{name}: ")


def test_a_broken_file_is_told_with_line_and_column():
    """The operator can go to the place."""
    assert told("a: 1\nb: [1\nc: 2\n")[0].startswith("f.yaml: line 3, column 2: ")
    assert told('{"a": }', "f.json")[0].startswith("f.json: line 1, column 7: ")


def test_an_anchor_that_holds_itself_is_refused():
    """A file without end ends in a problem, not in a crash."""
    assert told("a: &a [*a]\n") == ["f.yaml: line 1, column 4: an anchor holds itself"]


def test_a_value_no_one_can_read_is_told():
    """A date that does not exist asks for quotes."""
    assert told("a: 2026-13-45\n") == ["f.yaml: holds a value that cannot be read; put it in quotes"]


def test_unreadable_files(tmp_path):
    """Missing, a folder, not text: the reason in words."""
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\n")
    messages = [read(tmp_path / name)[1][0].message for name in ("gone.yaml", "", "bytes.yaml")]
    assert messages == [
        "cannot be read: no such file or directory",
        "cannot be read: is a directory",
        "is not UTF-8 text (byte 3)",
    ]


def test_a_byte_order_mark_is_not_part_of_a_key(tmp_path):
    """Files saved by Windows editors work."""
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfworker: {}\n")
    assert read(tmp_path / "bom.yaml") == ({"worker": {}}, [])


def test_a_reference_between_braces_needs_quotes():
    """YAML stumbles over `{a: ${env:X}}`; the message says what to do, and keeps the parser's own words."""
    assert told("a: {b: ${env:X}}\n") == [
        "f.yaml: line 1, column 9: expected ',' or '}', but got '{'; between braces, put ${...} in quotes"
    ]
