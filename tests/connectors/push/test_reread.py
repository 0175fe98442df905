"""Proves that a dead letter is read again as what it is by now."""

import asyncio

from connectors.push.batches import batch_of
from connectors.push.board import Board
from connectors.push.events import Arrived
from connectors.push.jsonevents import reject_of
from connectors.push.options import PushConfig
from connectors.push.reread import read_again
from wellhead import Reject

CONFIG = PushConfig(url="https://push.example/", protocol="ndjson", id_field="id", time_field="at")


def letter(raw, reason, *, cut=False):
    """Give a reject as it is kept."""
    arrived = [("default", Arrived(rejects=[reject_of(raw, reason, cut=cut)]))]
    board = Board(["default"], None, 16)
    batch = asyncio.run(batch_of(board.take(arrived), board.cursor(since_ms=None), CONFIG, 1_770_109_501_250))
    return batch.rejects[0]


def test_what_is_still_none_stays_the_same_letter():
    """Read again as it was kept, what is no JSON is the same reject for the same reason."""
    kept = letter(b"{broken", "is no JSON")
    again = read_again(CONFIG, "event", Reject(kept.raw, "", context=kept.context))
    assert (len(again.table), list(again.rejects)) == (0, [kept])


def test_what_was_mended_is_a_record():
    """A letter that can be read by now is a record of its channel, received when it was."""
    kept = letter(b'{"id": 7, "at": 1770109501}', "was misread once")
    [row] = read_again(CONFIG, "event", kept).table.to_pylist()
    assert (row["id"], row["channel"], row["source"], row["sequence"]) == ("7", "default", "push.example", 0)
    assert row["received_at"].timestamp() == 1_770_109_501.25
    assert row["time"].timestamp() == 1_770_109_501


def test_what_was_cut_is_never_a_record():
    """Of what was too large only the beginning was kept, which is no event."""
    kept = letter(b'{"id": 7}', "has more than 1,024 bytes", cut=True)
    assert list(read_again(CONFIG, "event", kept).rejects) == [kept]
