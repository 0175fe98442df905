"""The history of cursors folds to where they stand, whatever was done to them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellhead.errors import PermanentError
from wellhead.kafka.offsets import offset_key
from wellhead.storage.history import Move, _Wanted, cursor_at, cursors_after, history_message

ACME, OTHER = {"stream": "ip", "tenant": "acme"}, {"stream": "ip", "tenant": "other"}


def move(topic, **told) -> Move | None:
    """Write a move and read it back."""
    given = {"connector": "c", "partition": ACME, "before": None, "after": {"at": 1}, "at_ms": 5, "by": "me", "why": "commit"}
    (message,) = topic.write(history_message("h", **(given | told)))
    return _Wanted("c", None, None, None).move_of(message)


def test_record_is_flat_json_under_the_offsets_key(topic) -> None:
    """A record tells everything by name; its key is the cursor's, so that moves of one cursor keep their order."""
    message = history_message(
        "h",
        connector="c",
        partition={"tenant": "acme", "stream": "ip"},
        before={"at": 1},
        after=None,
        at_ms=5,
        by="me",
        why="reset",
        plan_id="p1",
    )
    assert message.key == b'["c",{"stream":"ip","tenant":"acme"}]'
    assert message.timestamp_ms == 5
    assert json.loads(message.value) == {
        "connector": "c",
        "partition": ACME,
        "from": {"at": 1},
        "to": None,
        "at_ms": 5,
        "by": "me",
        "why": "reset",
        "run_id": None,
        "records": None,
        "rejects": None,
        "plan_id": "p1",
    }


def test_a_move_comes_back_as_it_was(topic) -> None:
    """Every field is read as it was written, and a move is named by its place."""
    told = {"before": {"at": 0}, "why": "undo", "run_id": "r", "records": 3, "rejects": 1, "plan_id": "p"}
    assert move(topic, **told) == Move("c", ACME, {"at": 0}, {"at": 1}, 5, "me", "undo", "r", 3, 1, "p", "0-0")


@pytest.mark.parametrize("value", [None, b"nonsense", b"{}", b'{"from":1,"to":null,"at_ms":1,"by":"","why":""}'])
def test_what_is_no_move_is_passed_over(topic, value: bytes | None) -> None:
    """A record that cannot be read is none, and so is one under a key of something else."""
    (sound,) = topic.write(
        history_message("h", connector="c", partition=ACME, before=None, after=None, at_ms=5, by="", why="x")
    )
    wanted = _Wanted("c", None, None, None)
    assert wanted.move_of(type(sound)(topic="h", partition=0, offset=1, key=sound.key(), value=value, timestamp=(1, 1))) is None
    assert (
        wanted.move_of(type(sound)(topic="h", partition=0, offset=1, key=b"x", value=sound.value(), timestamp=(1, 1))) is None
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (_Wanted("c", None, None, None), True),
        (_Wanted("d", None, None, None), False),
        (_Wanted("c", ACME, 5, 5), True),
        (_Wanted("c", OTHER, None, None), False),
        (_Wanted("c", None, 6, None), False),
        (_Wanted("c", None, None, 4), False),
    ],
)
def test_moves_are_picked(topic, wanted: _Wanted, found: bool) -> None:
    """Connector, stream and time bound what is read."""
    (message,) = topic.write(
        history_message("h", connector="c", partition=ACME, before=None, after={}, at_ms=5, by="", why="commit")
    )
    assert (wanted.move_of(message) is not None) == found


def test_where_a_cursor_stood(topic) -> None:
    """At a time a cursor stood where the last move before left it, and before the first one where that began."""
    moves = [move(topic, before={"at": 0}, after={"at": 1}, at_ms=10), move(topic, before={"at": 1}, after=None, at_ms=20)]
    assert cursor_at(moves, 9) == {"at": 0}
    assert cursor_at(moves, 10) == {"at": 1}
    assert cursor_at(moves, 19) == {"at": 1}
    assert cursor_at(moves, 99) is None
    with pytest.raises(PermanentError, match="holds no move"):
        cursor_at([], 99)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["commit", "reset", "alter", "undo", "replay"]), st.sampled_from([ACME, OTHER]), st.integers(0, 99)
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_history_folds_to_the_current_cursors(topic, acts) -> None:
    """Commits, resets, alterations, replays and undos in any order: the moves, read back, end where the cursors stand, without a gap."""
    cursors: dict[bytes, dict | None] = {}
    moves: list[Move] = []
    for number, (why, partition, at) in enumerate(acts):
        key = offset_key("c", partition)
        before = cursors.get(key)
        former = next((each.before for each in reversed(moves) if offset_key("c", each.partition) == key), None)
        after = {"reset": None, "undo": former}.get(why, {"at": at})
        cursors[key] = after
        moves.append(move(topic, partition=partition, before=before, after=after, at_ms=number, why=why))
        assert cursor_at([each for each in moves if each.partition == partition], number) == after
    assert cursors_after(moves) == cursors
    for partition in (ACME, OTHER):
        own = [each for each in moves if each.partition == partition]
        assert [each.before for each in own] == [None, *(each.after for each in own[:-1])][: len(own)]
