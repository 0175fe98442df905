import json
import subprocess
import sys

from wellhead.recovery.aim import iso


def test_what_a_cursor_did_can_be_looked_at(offsets):
    """List, show, log and diff agree with each other and with the run records on where the cursor stands and how it came there."""
    worker = offsets.worker
    assert worker.run() == 0
    runs = [run for run in worker.runs() if run["cursor_to"] is not None and run["records"]]
    shown = offsets("show", "wss-acme", "--output", "json").json["streams"][0]
    assert shown["cursor"] == offsets.cursor() == worker.runs()[-1]["cursor_to"]
    assert shown["transactional_id"] == f"{worker.prefix}group-wss-acme-0"
    assert shown["runs_on_record"] == len(worker.runs())
    assert "access_log/acme" in offsets("show", "wss-acme").out

    moves = offsets("log", "wss-acme", "--output", "json").json
    assert {move["why"] for move in moves} == {"commit"}
    assert sum(move["records"] for move in moves) == len(worker.records())
    assert moves[-1]["to"] == shown["cursor"]
    assert offsets("log", "wss-acme", "--last", "1", "--output", "json").json == moves[-1:]
    assert offsets("log", "wss-acme", "--stream", "none", "--output", "json").json == []
    assert offsets("log", "wss-acme", "--until", iso(moves[0]["at_ms"] - 1), "--output", "json").json == []

    (row,) = offsets("diff", "wss-acme", moves[0]["id"], "now", "--output", "json").json
    assert (row["from"], row["to"]) == (moves[0]["to"], shown["cursor"])
    later = [move for move in moves if move["at_ms"] > moves[0]["at_ms"]]
    assert row["records"] == sum(move["records"] for move in later)
    assert "records" in offsets("diff", "wss-acme", iso(runs[0]["ended_ms"]), "now").out


def test_a_plan_goes_from_one_command_to_the_next(offsets):
    """Piped from plan to apply in a shell a reset is one line, and its exit code tells."""
    worker = offsets.worker
    assert worker.run() == 0
    _, file = offsets.plan("--to-earliest")
    command = [sys.executable, "-m", "wellhead", "offsets", "apply", "-", "-c", str(worker.file()), "--output", "json"]
    refused = subprocess.run(command, input=file.read_bytes(), capture_output=True, timeout=90, check=False)
    assert refused.returncode == 3, refused.stderr
    done = subprocess.run([*command, "--yes"], input=file.read_bytes(), capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["moved"] == ["access_log/acme"]
    assert offsets.cursor() is None
    assert offsets("plan", "nobody", "--to-earliest").code == 2
