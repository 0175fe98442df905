"""Proves that a stream to which nothing comes commits nothing, however far back ids are looked for."""

from connectors.push.batches import cursor_of
from connectors.push.board import Board
from connectors.push.events import Arrived, PushEvent
from connectors.push.options import PushConfig

LOOKING = PushConfig(url="https://push.example/events", look_back_secs=60)
NOT_LOOKING = PushConfig(url="https://push.example/events")


def test_a_quiet_stream_rests():
    """The cursor moves with an event and stands still without one; ids are then looked for from the last event back."""
    board = Board(["default"], None, 16)
    first = cursor_of(board, LOOKING, 100_000, None)
    assert first.since_ms == 40_000
    board.take([("default", Arrived(events=[PushEvent("x", id="1")], position="1"))])
    second = cursor_of(board, LOOKING, 200_000, first)
    assert second.since_ms == 140_000
    board.take([("default", Arrived(position="1"))])
    assert cursor_of(board, LOOKING, 300_000, second) == second


def test_looking_back_begins_and_ends_with_its_option():
    """A cursor from before the option was set, or unset, does not outlive that."""
    board = Board(["default"], None, 16)
    looking, not_looking = cursor_of(board, LOOKING, 100_000, None), cursor_of(board, NOT_LOOKING, 100_000, None)
    assert cursor_of(board, LOOKING, 200_000, not_looking).since_ms == 140_000
    assert cursor_of(board, NOT_LOOKING, 200_000, looking).since_ms is None
