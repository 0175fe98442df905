import hypothesis.strategies as st
from hypothesis import given

from wellhead.recovery.way import Step, Way, cursor_at


def at(position):
    return None if position is None else {"next": position}


class Stream:
    """A stream whose every record is one position, and the moves of a cursor over it."""

    def __init__(self):
        self.where = None
        self.seen = {None}
        self.steps = []

    def read(self, count):
        after = (self.where or 0) + count
        self.steps.append(Step(at(self.where), at(after), len(self.steps), f"run-{len(self.steps)}", records=count))
        self.where = after
        self.seen.add(after)

    def set(self, position):
        self.steps.append(Step(at(self.where), at(position), len(self.steps), is_commit=False, is_intervention=True))
        self.where = position


def moves():
    return st.lists(st.one_of(st.integers(1, 7), st.tuples(st.just("set"), st.integers(0, 50))), min_size=1, max_size=40)


def played(script):
    stream = Stream()
    for each in script:
        if isinstance(each, int):
            stream.read(each)
        else:
            known = sorted(stream.seen, key=lambda position: position or 0)
            stream.set(known[each[1] % len(known)])
    return stream


@given(moves())
def test_what_lies_between_is_what_was_published_between(script):
    """However a cursor was moved to and fro, what the way holds up to a place is the number of records up to it."""
    stream = played(script)
    way = Way.of(stream.steps)
    assert way.stands_at(at(stream.where))
    for position in stream.seen:
        between = way.between(at(position))
        if between is None:
            continue
        apart = (stream.where or 0) - (position or 0)
        assert sum(step.records for step in between.steps) == abs(apart)
        if apart:
            assert between.direction == ("back" if apart > 0 else "forward")


@given(st.lists(st.integers(1, 7), min_size=1, max_size=20), st.integers(0, 100), st.integers(1, 7))
def test_a_way_that_was_only_read_is_known_to_its_beginning(pieces, back, piece):
    """After one reset to a place it has passed and some reading, the start and that place are known still."""
    stream = played(pieces)
    known = sorted(stream.seen, key=lambda position: position or 0)
    target = known[back % len(known)]
    stream.set(target)
    stream.read(piece)
    way = Way.of(stream.steps)
    assert sum(step.records for step in way.between(None).steps) == stream.where
    assert sum(step.records for step in way.between(at(target)).steps) == piece


def test_a_place_nobody_passed_is_unknown():
    """A cursor that the moves never held is not placed by guessing."""
    stream = played([5, 5])
    assert Way.of(stream.steps).between(at(3)) is None


def test_a_way_whose_beginning_is_gone_does_not_reach_the_start():
    """Where the first moves are off record, the start is unknown, and what is left is known."""
    stream = played([5, 5, 5])
    way = Way.of(stream.steps[1:])
    assert way.between(None) is None
    assert sum(step.records for step in way.between(at(5)).steps) == 10


def test_a_cursor_moved_without_a_trace_is_noticed():
    """The way ends where its last move ended, not where somebody else put the cursor."""
    way = Way.of(played([5]).steps)
    assert not way.stands_at(at(9))
    assert not Way.of([]).stands_at(None)


def test_a_jump_without_a_trace_forgets_what_cannot_be_joined():
    """A move that begins where no other ended breaks the way: what lies before is unknown from then on."""
    steps = [Step(None, at(5), 1, records=5), Step(at(90), at(95), 2, records=5)]
    way = Way.of(steps)
    assert way.between(at(90)).direction == "back"
    assert way.between(at(5)) is None
    assert way.since_ms == 2


def test_a_cursor_that_is_not_flat_has_its_place_too():
    """What another tool wrote need not be flat; it is told from others all the same."""
    steps = [Step(None, {"a": [1]}, 1, records=5), Step({"a": [1]}, {"a": [2]}, 2, records=4)]
    assert sum(step.records for step in Way.of(steps).between({"a": [1]}).steps) == 4


def test_the_cursor_of_a_moment_is_that_of_the_last_move_before_it():
    """At a moment the cursor stood where the newest move not after it had put it; before all moves it is unknown, or the start."""
    steps = [Step(None, at(5), 100), Step(at(5), at(9), 200)]
    assert cursor_at(steps, 199) == (at(5), 100)
    assert cursor_at(steps, 200) == (at(9), 200)
    assert cursor_at(steps, 99) == (None, 0)
    assert cursor_at(steps[1:], 199) is None
    assert cursor_at([], 199) is None
