import json
import time

import readback

from wellhead.recovery.aim import iso


def test_a_reset_that_was_planned_does_what_the_plan_said(offsets):
    """Planned, applied and run again: what comes again is what was forecast, to 5 %; and the reset can be undone."""
    worker = offsets.worker
    assert worker.run() == 0
    once, letters, stood = len(worker.records()), len(worker.letters()), offsets.cursor()
    plan, file = offsets.plan("--to-earliest")
    (change,) = plan["changes"]
    told = change["forecast"]
    assert (change["from"], change["to"], told["direction"]) == (stood, None, "back")
    assert abs(told["records"] - once) <= 0.05 * once
    assert told["rejects"] == letters > 0
    assert told["api_calls"] > 0

    assert offsets("apply", str(file)).code == 3, "nobody said yes"
    assert offsets.cursor() == stood
    assert offsets("apply", str(file), "--yes").code == 0
    assert offsets.cursor() is None
    again = offsets("apply", str(file), "--yes", "--output", "json")
    assert (again.code, again.json["moved"], again.json["already"]) == (0, [], ["access_log/acme"])

    calls = sum(run["api_calls"] for run in worker.runs())
    assert worker.run() == 0
    came = len(worker.records()) - once
    assert abs(came - told["records"]) <= 0.05 * came
    assert abs(sum(run["api_calls"] for run in worker.runs()) - calls - told["api_calls"]) <= max(5, 0.25 * told["api_calls"])

    ran_to = offsets.cursor()
    assert offsets("undo", "wss-acme").code == 0
    assert offsets.cursor() == ran_to, "only shown"
    undone = offsets("undo", "wss-acme", "--yes")
    assert (undone.code, offsets.cursor()) == (0, stood)
    assert [move["why"] for move in offsets("log", "wss-acme", "--why", "reset", "--why", "undo", "--output", "json").json] == [
        "reset",
        "undo",
    ]
    assert worker.run() == 0


def test_a_move_in_between_makes_a_plan_void(offsets):
    """A plan that was overtaken by a commit is refused with exit code 3, and cursor, history and audit stay as they are."""
    worker = offsets.worker
    assert worker.run() == 0
    early = next(run for run in worker.runs() if run["cursor_to"] is not None)["cursor_to"]
    _, back = offsets.plan("--to-cursor", json.dumps(early))
    assert offsets("apply", str(back), "--yes").code == 0
    _, overtaken = offsets.plan("--to-earliest")
    assert worker.run() == 0
    stands, history = offsets.cursor(), offsets("log", "wss-acme", "--output", "json").json
    ended = offsets("apply", str(overtaken), "--yes")
    assert ended.code == 3
    assert "moved since" in ended.err
    assert offsets.cursor() == stands != early
    assert offsets("log", "wss-acme", "--output", "json").json == history
    assert len(readback.values(worker.bootstrap, f"{worker.prefix}audit")) == 1


def test_a_time_is_the_cursor_that_stood_then(offsets):
    """--to-datetime goes to where the cursor stood then, and forecasts exactly what was published since."""
    worker = offsets.worker
    assert worker.run() == 0
    moves = offsets("log", "wss-acme", "--output", "json").json
    assert len(moves) >= 3, "the moves are to be several"
    at_ms = moves[len(moves) // 2]["at_ms"]
    plan, _ = offsets.plan("--to-datetime", iso(at_ms))
    (change,) = plan["changes"]
    assert change["to"] == [move for move in moves if move["at_ms"] <= at_ms][-1]["to"]
    assert change["forecast"]["records"] == sum(move["records"] for move in moves if move["at_ms"] > at_ms)
    before = offsets("plan", "wss-acme", "--to-datetime", "2001-01-01")
    assert before.code == 0, "before its first run a stream stood at its start"
    assert "(start)" in before.out


def test_a_worker_that_runs_meanwhile_is_fenced(offsets):
    """A running `wellhead run` cannot overwrite what was applied: its next write fails, it says why, and the next start goes on from there."""
    worker = offsets.worker
    worker.connector = {"poll.interval.secs": 8}
    running = worker.start("wellhead", "run")
    worker.until(lambda: any(run["outcome"] == "caught_up" for run in worker.runs() if run), secs=60)
    once, deadline = len(worker.records()), time.monotonic() + 90
    while True:
        # Each of its polls moves the cursor, and so makes a plan void that was made before.
        plan, file = offsets.plan("--to-earliest")
        applied = offsets("apply", str(file), "--yes", "--by", "night.shift")
        if applied.code == 0:
            break
        assert (applied.code, time.monotonic() < deadline) == (3, True), applied.err
    worker.until(lambda: [line for line in worker.said() if line.get("event") == "task_failed"], secs=60)
    (failed, *_) = [line for line in worker.said() if line.get("event") == "task_failed"]
    assert "another worker has taken over" in failed["reason"]
    assert offsets.cursor() is None
    running.terminate()
    running.wait(30)
    audit = readback.values(worker.bootstrap, f"{worker.prefix}audit")
    assert [(each["who"], each["what"], each["from"]["offset"]) for each in audit] == [
        ("night.shift", "offsets.reset", plan["changes"][0]["from"])
    ]
    assert worker.run() == 0
    assert len(worker.records()) == 2 * once
