"""Tests of `wellhead lookup`."""

import json

import pytest

from wellhead.cli import run
from wellhead.consumers.lookup import report as reports
from wellhead.consumers.lookup.report import FileReport, RunReport

SOUND = """\
worker:
  kafka.bootstrap.servers: 127.0.0.1:1
  schema.registry.url: http://127.0.0.1:1
lookups:
  ti:
    topic: threatstream.indicator
    files: threatstream/ip
    state.dir: {folder}/state
    output.dir: {folder}/out
    directory.path: {folder}/there
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lookups.yaml"
    path.write_text(SOUND.format(folder=tmp_path))
    (tmp_path / "state").mkdir()
    return path


def test_status_is_for_people_and_machines(file, tmp_path, capsys):
    """The same facts as a table and as JSON; exit 0 while nothing is wrong."""
    good = RunReport(lookup="ti", target="directory", started_ms=0, ended_ms=1, files=[FileReport(file="a.csv", rows=3)])
    reports.write(tmp_path / "state", good)
    assert run(["lookup", "status", str(file)]) == 0
    assert "a.csv" in capsys.readouterr().out
    assert run(["lookup", "status", "--json", str(file)]) == 0
    (state,) = json.loads(capsys.readouterr().out)["lookups"]
    assert (state["files"][0]["rows"], state["wrong"]) == (3, [])


def test_status_fails_where_something_is_wrong(file, capsys):
    """A monitor needs the exit code only."""
    with pytest.raises(SystemExit) as left:
        run(["lookup", "status", str(file)])
    assert left.value.code == 1
    assert "has not run yet" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [["lookup", "run", "--once"], ["lookup", "status"], ["config", "check"]])
def test_a_mapping_that_cannot_be_used_is_told_before_anything_starts(file, capsys, verb):
    """Every verb that takes the file finds the mistake, and exits with 2."""
    file.write_text(file.read_text().replace("threatstream/ip", "threatstream/urls"))
    assert run([*verb, str(file)]) == 2
    assert (
        "lookups.ti.files: threatstream/urls: there is no such mapping; did you mean threatstream/url?"
        in capsys.readouterr().err
    )


def test_a_file_without_lookups_is_told(tmp_path, capsys):
    """Nothing to run is a mistake, not a success."""
    path = tmp_path / "a.yaml"
    path.write_text(SOUND.partition("lookups:")[0])
    assert run(["lookup", "run", "--once", str(path)]) == 2
    assert "there is none: a file needs a section `lookups`" in capsys.readouterr().err


def test_config_check_shows_what_a_lookup_would_do(file, capsys):
    """Topic, target, schedule and every option that was written."""
    assert run(["config", "check", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "lookup ti: threatstream.indicator to A folder on this machine, every 900 s" in shown
    assert "directory.path" in shown
    assert shown.endswith("ok: 0 connectors, 0 streams, 1 lookup\n")
