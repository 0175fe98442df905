"""The command line of `wellhead migrate`, as far as it goes without servers."""

import json

import pytest
from click.testing import CliRunner

from wellhead.cli import run
from wellhead.tools.migrate import migrate
from wellhead.tools.migrate_words import MomentType, OffsetsType


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "deployment.yaml"
    worker = {"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry.url": "http://127.0.0.1:1"}
    path.write_text(json.dumps({"worker": worker}))
    return str(path)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-02-01", 1769904000000),
        ("2026-02-01T06:30", 1769927400000),
        ("2026-02-01T06:30+02:00", 1769920200000),
        ("2026-02-01T06:30:00.250Z", 1769927400250),
    ],
)
def test_dates_are_utc_unless_they_say_otherwise(text, at_ms):
    """A day begins at midnight UTC."""
    assert MomentType().convert(text, None, None) == at_ms


def test_offsets_are_a_partition_and_a_range():
    """The end is not included."""
    assert OffsetsType().convert("3:10-20", None, None) == (3, (10, 20))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "a"], "--to: is required"),
        (["--from", "a", "--to", "b", "--from-date", "yesterday"], "is no date or time"),
        (["--from", "a", "--to", "b", "--from-date", "2026-03-01", "--to-date", "2026-02-01"], "must be after --from-date"),
        (["--from", "a", "--to", "b", "--offsets", "0:1-2"], "are those of a topic"),
        (["--from", "a", "--to", "b", "--clients", "9-1"], "names no client"),
        (["--from", "a", "--to", "b", "--mapping", "nobody/x"], "there is no such mapping"),
        (["--from", "a", "--to", "b", "--job", "a/b"], "letters, digits"),
        (["--join", "x", "--to", "b", "--detach"], "leave out --to, --detach"),
        (["--join", "x", "--dry-run"], "--join takes part in a job"),
        (["--from", "a", "--to", "http://127.0.0.1:1"], "there is no store a; the files (-c) have no attacks"),
        (["--from", "http://u:secret@127.0.0.1:1", "--to", "http://127.0.0.1:1"], "must not hold a login"),
        (["--from", "http://127.0.0.1:1", "--to", "http://127.0.0.1:1"], "both are the same indices"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(file, words, said, capsys):
    """Exit 2, with the option and what is wrong; a login is not repeated."""
    assert run(["migrate", *words, "-c", file]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "secret" not in told.err + told.out


def test_help_names_status():
    """The other half of the verb."""
    answer = CliRunner().invoke(migrate, ["--help"])
    assert answer.exit_code == 0
    assert "status" in answer.output
