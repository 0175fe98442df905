"""Proves on a real broker that the history of a cursor and the cursor itself are never of two minds."""

import json
from itertools import pairwise
from types import SimpleNamespace

from scripted_source import BORN_MS, FeedCursor

from wellhead import CursorExpired, TemporaryError
from wellhead.kafka.settings import consumer_config
from wellhead.storage.history import cursors_after, read_history


def moves_of(rig):
    worker = SimpleNamespace(group_id="reader", kafka={"bootstrap.servers": rig.bootstrap}, consumer={})
    return read_history(consumer_config(worker), f"{rig.prefix}history", connector="feed")


def test_every_move_of_a_cursor_is_in_its_history(rig):
    """Moves begin where the former one ended, add up to what was published, and end where the cursor stands."""
    failures = iter([40, 70])
    pending = next(failures)

    def before(number):
        nonlocal pending
        if number == pending:
            pending = next(failures, -1)
            raise TemporaryError("the vendor is having a moment", after_secs=0.01)

    rig.script.before = before
    rig.settings["transaction.boundary"] = "poll"
    rig.run_once()
    rig.settings["total"] = 130
    rig.run_once()
    moves = moves_of(rig)
    assert moves[0].before is None
    assert all(later.before == earlier.after for earlier, later in pairwise(moves))
    assert sum(move.records for move in moves) == 130
    assert {move.why for move in moves} == {"commit"}
    assert [run["run_id"] for run in rig.runs()] == list(dict.fromkeys(move.run_id for move in moves))
    key, value = rig.cursors()[-1]
    assert cursors_after(moves) == {key.encode(): json.loads(value)}


def test_a_cursor_that_goes_back_says_so(rig):
    """The move to the safe point after an expired cursor is a replay; those after it are commits again."""
    expired = False

    def before(number):
        nonlocal expired
        if number == 60 and not expired:
            expired = True
            raise CursorExpired("the vendor forgot the token", restart=FeedCursor(next=20, replay_from=BORN_MS + 20))

    rig.script.before = before
    rig.settings["transaction.boundary"] = "poll"
    rig.run_once()
    whys = [(move.why, move.after["next"]) for move in moves_of(rig) if move.before is not None]
    assert ("replay", 20) in whys
    assert [why for why, _ in whys].count("replay") == 1
    assert whys[-1] == ("commit", 100)
