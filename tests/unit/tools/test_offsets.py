import json

import click
import pytest

from wellhead import cli
from wellhead.recovery.forecast import Forecast
from wellhead.recovery.plan import Change, Plan, Reader
from wellhead.recovery.readers import Progress
from wellhead.recovery.stored import Stored
from wellhead.storage.history import Move
from wellhead.tools.offsets import offsets
from wellhead.tools.offsets_apply import author
from wellhead.tools.offsets_log import as_json, differences
from wellhead.tools.offsets_open import open_worker
from wellhead.tools.offsets_text import age, cursor_table, group_table, move_table, plan_lines, short

PARTITION = {"stream": "ip", "tenant": "acme"}


def change(**more):
    fields = {"partition": PARTITION, "before": {"n": 9, "x": None}, "after": {"n": 5}, "why": "alter", "topic": "ti.ip"} | more
    return Change(**fields)


def plan(*changes, warnings=()):
    return Plan(id="plan-1", connector="feed", created_ms=1, created_at="then", changes=changes, warnings=warnings)


def move(at_ms, before, after, why="commit", records=0):
    return Move("feed", PARTITION, before, after, at_ms, "me", why, "run", records, 0, None, f"0-{at_ms}")


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "feed"],
        ["plan", "feed", "--to-earliest", "--shift", "-2h"],
        ["plan", "feed", "--shift", "yesterday"],
        ["plan", "feed", "--to-datetime", "noon"],
        ["plan", "feed", "--to-cursor", "{"],
        ["plan", "feed", "--to-cursor", "[1]"],
        ["plan", "feed", "--shift", "-2h", "--url", "http://127.0.0.1:1"],
        ["groups", "reset", "detector", "--topic", "t"],
        ["groups", "reset", "detector", "--to-earliest"],
        ["log", "feed", "--since", "noon"],
        ["nonsense"],
    ],
)
def test_a_wrong_command_line_ends_with_2(words):
    """What was not said, said twice or cannot be read is refused before anybody is asked."""
    assert cli.run(["offsets", *words]) == 2


def test_settings_that_are_missing_end_with_2(capsys, monkeypatch):
    """Without a file and without the environment the words that are missing are named."""
    monkeypatch.delenv("WELLHEAD_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("WELLHEAD_URL", raising=False)
    assert cli.run(["offsets", "list"]) == 2
    assert "bootstrap.servers" in capsys.readouterr().err


def test_a_plan_needs_a_yes_and_must_be_one(tmp_path, capsys):
    """Where nobody can be asked, applying without --yes ends with 3 and shows the plan; a file that is no plan ends with 2."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(change()).as_json()))
    assert cli.run(["offsets", "apply", str(path)]) == 3
    told = capsys.readouterr().err
    assert "say that it is meant with --yes" in told
    assert 'to          {"n":5}' in told
    path.write_text("{}")
    assert cli.run(["offsets", "apply", str(path), "--yes"]) == 2


def test_a_plan_that_moves_nothing_is_done(tmp_path, capsys):
    """Nothing to do is no error, and nobody need say yes to it."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(change(after={"n": 9, "x": None})).as_json()))
    assert cli.run(["offsets", "apply", str(path), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["moved"] == []


def test_a_worker_is_read_though_its_connectors_cannot_be(tmp_path):
    """Secrets of vendors need not be at hand where cursors are moved."""
    path = tmp_path / "deployment.json"
    worker = {"group.id": "g", "kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry.url": "http://127.0.0.1:1"}
    path.write_text(
        json.dumps({"worker": worker, "connectors": {"x": {"connector.class": "wss", "nonsense": "${env:NOT_SET}"}}})
    )
    assert open_worker([path], ["group.id=other"]).group_id == "other"


def test_a_plan_is_told_with_what_is_not_known():
    """Each number that cannot be known is said to be unknown, each warning is told, and duplicates are named as what they are."""
    unknown = "\n".join(
        plan_lines(plan(change(forecast=Forecast(direction="unknown", note="no history")), warnings=["beware"]))
    )
    assert "unknown records, unknown dead letters" in unknown
    assert "unknown API calls, unknown minutes" in unknown
    assert "readers     unknown" in unknown
    assert "note        no history" in unknown
    assert "warning: beware" in unknown
    back = Forecast(direction="back", records=1_204, rejects=3, api_calls=7, minutes=1.5, quota_minutes=20.0, quota_ratio=0.25)
    told = "\n".join(plan_lines(plan(change(forecast=back, readers=(Reader(group="siem", lag=4),)))))
    assert "again       1,204 records, 3 dead letters" in told
    assert "costs       7 API calls, 1.5 minutes; at least 20 minutes within the quota, 25% of a day's calls" in told
    assert "every reader sees the records again" in told
    assert "siem (lag 4)" in told
    assert "compacted by key" in "\n".join(plan_lines(plan(change(forecast=back, cleanup="compact"))))
    assert "left out while" in "\n".join(plan_lines(plan(change(forecast=back, deduplicates=True))))
    forward = "\n".join(plan_lines(plan(change(forecast=Forecast(direction="forward", records=5, rejects=0), readers=()))))
    assert "passed over  5 records" in forward
    assert "API calls" not in forward
    assert "no consumer group" in forward
    assert "stays where it is" in "\n".join(plan_lines(plan(change(after={"n": 9, "x": None}))))


def test_tables_say_what_they_hold():
    """Cursors, moves and groups are one line each; what is null is left out, what is long is cut."""
    stored = Stored("feed", PARTITION, {"n": 9, "x": None}, b"", 1_000, 0, 0)
    assert cursor_table([stored], 61_000)[1].split() == ["feed", "ip/acme", '{"n":9}', "60", "s"]
    assert "0-7" in move_table([move(7, None, {"n": 1}, records=4)])[1]
    assert "(start)" in move_table([move(7, None, {"n": 1})])[1]
    assert group_table([Progress("siem", "ti.ip", 1, 5, 0, 9)])[1].split() == ["siem", "ti.ip", "1", "5", "9", "4"]
    assert short({"n": "x" * 100}).endswith("…")
    assert [age(secs) for secs in (5, 600, 7_200, 400_000)] == ["5 s", "10 min", "2 h", "5 d"]


def test_two_moments_are_compared_field_by_field():
    """Between two moments: the fields that differ, and what was published; before the first move the stream was at its start."""
    moves = [move(10, None, {"n": 5, "x": 1}, records=5), move(20, {"n": 5, "x": 1}, {"n": 9, "x": 1}, records=4)]
    (row,) = differences(moves, 10, 20)
    assert (row["fields"], row["records"], row["moves"], row["known"]) == ({"n": (5, 9)}, 4, 1, True)
    (row,) = differences(moves, 0, 25)
    assert (row["from"], row["to"], row["records"]) == (None, {"n": 9, "x": 1}, 9)
    (row,) = differences(moves[1:], 5, 25)
    assert not row["known"]
    assert as_json(moves[0])["to"] == {"n": 5, "x": 1}


def test_the_author_is_named():
    """History and audit say who: as told, else the user and the host."""
    assert author("night.shift").name == "night.shift"
    assert "@" in author(None).name


def every(command, path=("offsets",)):
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from every(inner, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(every(offsets)), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_every_subcommand_shows_examples(path, command):
    """The help of each subcommand ends in something to copy."""
    assert isinstance(command, click.Command)
    assert f"wellhead {' '.join(path)}" in (command.help or "")
