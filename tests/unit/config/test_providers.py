"""Tests of `${env:...}` and `${file:...}` references."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.config.providers import resolve
from wellhead.config.secrets import Hidden

CANARY = "s3cr3t-canary"


def test_an_environment_reference_gives_the_variable():
    """`${env:NAME}` is the variable's value, and hidden."""
    value, problems = resolve("${env:TOKEN}", "p", {"TOKEN": CANARY})
    assert (value, problems) == (CANARY, [])
    assert isinstance(value, Hidden)
    assert repr(value) == "'${env:TOKEN}'"


def test_references_stand_inside_other_text():
    """Several references and the text between them make one value."""
    value, problems = resolve("https://${env:USER}:${env:PW}@host/", "p", {"USER": "u", "PW": CANARY})
    assert (value, problems) == (f"https://u:{CANARY}@host/", [])


def test_a_value_is_not_looked_up_again():
    """A secret that happens to look like a reference stays as it is."""
    value, problems = resolve("${env:A}", "p", {"A": "${env:B}", "B": "x"})
    assert (value, problems) == ("${env:B}", [])


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_a_reference_is_untouched(text):
    """Only `${` means anything; dollars and braces alone do not."""
    value, problems = resolve(text, "p", {})
    assert (value, problems) == (text, [])
    assert not isinstance(value, Hidden)


@given(st.text(), st.text())
def test_escaped_text_is_itself(before, after):
    """Writing `$${` for `${` gives any text literally."""
    text = f"{before}${{{after}"
    assert resolve(text.replace("${", "$${"), "p", {}) == (text, [])


@given(st.text(min_size=1), st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True))
def test_any_value_comes_through_unchanged(value, name):
    """Whatever the environment holds is what the option gets."""
    assert resolve(f"${{env:{name}}}", "p", {name: value}) == (value, [])


@given(st.text())
def test_any_text_is_resolved_or_refused(text):
    """No text raises; a problem carries the path."""
    _, problems = resolve("${" + text, "connectors.one.token", {})
    assert all(problem.path == "connectors.one.token" for problem in problems)


def test_a_missing_variable_is_named_with_its_path():
    """The problem names the option and the reference, so that the operator knows what to export."""
    _, problems = resolve("${env:NOPE}", "connectors.one.token", {})
    assert [str(problem) for problem in problems] == ["connectors.one.token: ${env:NOPE} is not set in the environment"]


@pytest.mark.parametrize("text", ["${HOME}", "${vault:secret/x}", "${env}", "${env:A B}", "${", "a${b", "${}", "${:x}"])
def test_what_is_no_reference_is_refused_without_being_quoted(text):
    """A password that holds `${` is not repeated; the way to write it is told."""
    _, problems = resolve(f"{text}{CANARY}", "p", {})
    assert len(problems) == 1
    assert "$${" in problems[0].message
    assert CANARY not in problems[0].message


def test_whole_file_is_stripped(tmp_path):
    """`${file:/path}` is the file without the newline an editor leaves."""
    (tmp_path / "token").write_text(f"\n {CANARY} \n")
    assert resolve(f"${{file:{tmp_path}/token}}", "p", {}) == (CANARY, [])


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("wss", f"username=u\npassword={CANARY}\n", "password", CANARY),
        ("wss.properties", f"db.password : {CANARY}", "db.password", CANARY),
        ("wss.json", '{"password": "x", "deep": {"key": 5}, "on": true}', "deep.key", "5"),
        ("wss.json", '{"on": true}', "on", "true"),
        ("wss", '{"a.b": "flat", "a": {"b": "deep"}}', "a.b", "flat"),
        ("wss.yaml", f"db:\n  password: {CANARY}\n", "db.password", CANARY),
        ("wss.yml", "pin: 0123\n", "pin", "83"),
        ("wss", "a:b=c\n", "a", "b=c"),
    ],
)
def test_a_key_is_looked_up_in_the_file(tmp_path, name, text, key, value):
    """`${file:/path:key}` reads properties, JSON and YAML files."""
    (tmp_path / name).write_text(text)
    assert resolve(f"${{file:{tmp_path}/{name}:{key}}}", "p", {}) == (value, [])


@pytest.mark.parametrize(
    ("name", "content", "key", "expected"),
    [
        ("gone", None, "", "cannot be read: no such file or directory"),
        ("secret.json", f'{{"password": "{CANARY}"', "password", "the file cannot be parsed"),
        ("secret.yaml", f"a: [{CANARY}\n", "a", "the file cannot be parsed"),
        ("secret.json", f'{{"other": "{CANARY}"}}', "password", "the file has no such key"),
        ("secret.json", f'["{CANARY}"]', "password", "the file has no such key"),
        ("secret.json", f'{{"password": {{"is": "{CANARY}"}}}}', "password", "is not a single value"),
        ("secret", b"\xff\xfe" + CANARY.encode(), "", "is not UTF-8 text"),
        ("big", b"x" * (1024 * 1024 + 1), "", "is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_serve_is_told_without_its_content(tmp_path: Path, name, content, key, expected):
    """The problem names the reference and the reason, never what the file holds."""
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    reference = f"${{file:{tmp_path}/{name}{':' if key else ''}{key}}}"
    _, problems = resolve(reference, "p", {})
    assert len(problems) == 1
    assert reference in problems[0].message
    assert expected in problems[0].message
    assert CANARY not in problems[0].message


def test_a_relative_path_is_refused():
    """Where a relative path leads depends on who starts the worker."""
    _, problems = resolve("${file:secrets/wss}", "p", {})
    assert [problem.message for problem in problems] == ["${file:secrets/wss}: the path must be absolute"]


def test_every_text_inside_lists_and_mappings_is_resolved():
    """References work at any depth, and problems tell where."""
    value, problems = resolve({"a": ["x", "${env:A}"], "b": {"c": "${env:NOPE}", "d": 5}}, "p", {"A": "1"})
    assert value["a"] == ["x", "1"]
    assert value["b"]["d"] == 5
    assert [problem.path for problem in problems] == ["p.b.c"]
