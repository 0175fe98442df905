"""A cursor's move is told as it was: whose, from where to where, why, by whom and with how much."""

import json
from types import SimpleNamespace

from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.moves import Moved, history_of
from wellhead.testing.clock import FakeClock


def test_a_move_becomes_a_record_of_the_history() -> None:
    """The record has the offsets key, the move, the run and the worker."""
    clock = FakeClock()
    record = history_of(TaskIdentity("c", 0, SimpleNamespace(name="ip"), "acme"), "history", "host:1", clock)
    message = record(Moved({"page": 1}, {"page": 2}, "commit", "r1", 10, 2))
    assert (message.topic, message.key, message.timestamp_ms) == (
        "history",
        b'["c",{"stream":"ip","tenant":"acme"}]',
        clock.now_ms(),
    )
    told = json.loads(message.value)
    assert (told["from"], told["to"], told["why"], told["by"]) == ({"page": 1}, {"page": 2}, "commit", "host:1")
    assert (told["run_id"], told["records"], told["rejects"], told["at_ms"]) == ("r1", 10, 2, clock.now_ms())
