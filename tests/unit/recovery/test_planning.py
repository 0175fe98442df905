import hypothesis.strategies as st
import pytest
import scripted_source
from hypothesis import given

from wellhead.errors import ConfigError, PermanentError
from wellhead.kafka.offsets import offset_key
from wellhead.recovery.aim import ToCursor, ToStart, ToTime
from wellhead.recovery.errors import Refused
from wellhead.recovery.forecast import Run
from wellhead.recovery.known import Known
from wellhead.recovery.place import Place
from wellhead.recovery.planning import Planner, Wish, wish
from wellhead.recovery.readers import Progress
from wellhead.recovery.stored import Stored
from wellhead.storage.history import Move, cursors_after

PARTITION = {"stream": "event", "tenant": "acme"}
PLACE = Place("feed", PARTITION, "group-feed-0", scripted_source.FeedCursor, "scripted.event", "delete")


def cursor(position):
    return None if position is None else {"next": position, "replay_from": None, "quiet_until": None}


class Model:
    """A connector of one stream whose every record is one position, and what Kafka would hold of it."""

    def __init__(self):
        self.where = None
        self.moves = []
        self.runs = []
        self.seen = {None}
        self.at_ms = 0

    def move(self, after, why, records=0):
        self.at_ms += 1
        run_id = f"run-{len(self.runs)}" if why == "commit" else None
        self.moves.append(
            Move("feed", PARTITION, cursor(self.where), cursor(after), self.at_ms, "model", why, run_id, records, 0)
        )
        if run_id is not None:
            self.runs.append(Run(run_id, cursor(self.where), cursor(after), self.at_ms, self.at_ms + 60_000, records, 0, 2))
        self.where = after
        self.seen.add(after)

    def read(self, count):
        self.move((self.where or 0) + count, "commit", count)

    def known(self):
        stored = Stored("feed", PARTITION, cursor(self.where), offset_key("feed", PARTITION), self.at_ms, 3, len(self.moves))
        return Known("feed", [stored] if self.moves else [], self.moves, {("event", "acme"): self.runs})

    def plan(self, aim, why="alter", readers=(), place=PLACE):
        return Planner("feed", self.known(), [place], 1_000).plan([Wish(PARTITION, aim, why)], lambda _topics: list(readers))

    def apply(self, plan):
        for change in plan.left([cursor(self.where) for _ in plan.moving]):
            self.move(None if change.after is None else change.after["next"], change.why)


def steps():
    reads = st.tuples(st.just("read"), st.integers(1, 9))
    return st.lists(st.one_of(reads, st.tuples(st.sampled_from(["reset", "alter", "undo"]), st.integers(0, 99))), max_size=25)


def played(script):
    model = Model()
    for what, number in script:
        if what == "read":
            model.read(number)
        elif what == "reset":
            model.apply(model.plan(ToStart(), "reset"))
        elif what == "alter":
            known = sorted(position for position in model.seen if position is not None)
            if known:
                model.apply(model.plan(ToCursor({"next": known[number % len(known)]})))
        elif any(move.why in ("reset", "alter", "undo") for move in model.moves):
            model.apply(model.plan(None, "undo"))
    return model


@given(steps(), st.integers(1, 9))
def test_what_is_undone_stands_as_before(script, count):
    """After any past: a reset that is undone leaves the cursor where it stood, though a run came between; undone again it is a reset."""
    model = played(script)
    model.read(count)
    stood = model.where
    model.apply(model.plan(ToStart(), "reset"))
    assert model.where is None
    model.read(1)
    model.apply(model.plan(None, "undo"))
    assert model.where == stood
    model.apply(model.plan(None, "undo"))
    assert model.where == 1
    assert cursors_after(model.moves) == {offset_key("feed", PARTITION): cursor(model.where)}


@given(steps(), st.integers(1, 9), st.integers(1, 9))
def test_a_plan_is_refused_exactly_when_it_was_overtaken(script, count, later):
    """A plan is carried out where nothing moved, refused where something did, and does nothing where its end is reached already."""
    model = played(script)
    model.read(count)
    plan = model.plan(ToStart(), "reset")
    before = list(model.moves)
    model.apply(plan)
    model.apply(plan)
    assert (model.where, len(model.moves)) == (None, len(before) + 1)
    model.read(later)
    if model.where == plan.changes[0].before["next"]:
        return  # it reads as far as it stood: nobody can tell the difference, and nobody needs to
    with pytest.raises(Refused, match=plan.id):
        model.apply(plan)


@given(steps(), st.integers(1, 9))
def test_a_forecast_is_never_wrong(script, count):
    """What a plan says comes again is the number of records between the cursors, or unknown."""
    model = played(script)
    stood = model.where
    model.read(count)
    for position in model.seen:
        aim = ToStart() if position is None else ToCursor({"next": position})
        (change,) = model.plan(aim).changes
        told = change.forecast
        if told.direction != "unknown":
            assert told.records == abs(model.where - (position or 0))
        else:
            assert told.records is None
            assert told.note
    (last,) = model.plan(ToStart() if stood is None else ToCursor({"next": stood})).changes
    assert (last.forecast.records, last.forecast.api_calls, last.forecast.minutes) == (count, 2, 1.0)


def test_a_plan_survives_its_file():
    """A plan read back from its JSON is the same plan, and `from` and `to` are what its cursors are called there."""
    model = played([("read", 5), ("read", 4)])
    plan = model.plan(ToCursor({"next": 5}), readers=[Progress("builder", "scripted.event", 0, 3, 0, 9)])
    assert type(plan).model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    (change,) = plan.as_json()["changes"]
    assert (change["from"]["next"], change["to"]["next"]) == (9, 5)
    assert change["stored_at"] == {"partition": 3, "offset": 2}
    assert change["readers"] == [{"group": "builder", "lag": 6}]
    assert change["transactional_id"] == "group-feed-0"


def test_a_wrong_cursor_is_no_plan():
    """A cursor that its stream's model does not take is refused; one of an unknown class is taken with a warning, but must be flat."""
    model = played([("read", 5)])
    with pytest.raises(ConfigError, match="event/acme"):
        model.plan(ToCursor({"nxt": 1}))
    unknown = model.plan(ToCursor({"nxt": 1}), place=Place("other", {}))
    assert unknown.changes[0].after == {"nxt": 1}
    assert any("not checked" in warning for warning in unknown.warnings)
    assert any("cannot be fenced" in warning for warning in unknown.warnings)
    with pytest.raises(PermanentError, match="flat"):
        model.plan(ToCursor({"nxt": {"deep": 1}}), place=Place("other", {}))


def test_who_reads_is_unknown_where_it_may_not_be_asked():
    """Without the right to list groups a plan is made all the same, and says what it could not look up."""

    def refuse(_topics):
        raise PermanentError("grant Describe on groups")

    model = played([("read", 5)])
    plan = Planner("feed", model.known(), [PLACE], 1_000).plan([Wish(PARTITION, ToStart(), "reset")], refuse)
    assert plan.changes[0].readers is None
    assert any("grant Describe" in warning for warning in plan.warnings)


def test_a_replay_without_duplicates_is_said_to_be_one():
    """A cursor that makes the runtime leave out what is there already is told apart from one that repeats it."""
    model = played([("read", 5)])
    assert model.plan(ToCursor({"next": 1, "replay_from": 7})).changes[0].deduplicates
    assert not model.plan(ToCursor({"next": 1})).changes[0].deduplicates


def test_runs_stand_in_for_moves_that_nobody_wrote_down():
    """Where the history holds no commits the run records tell of them, and a time is answered from them."""
    model = played([("read", 5), ("read", 4)])
    model.moves = []
    stored = Stored("feed", PARTITION, cursor(9), b"", 9, 0, 0)
    known = Known("feed", [stored], [], {("event", "acme"): model.runs})
    plan = Planner("feed", known, [PLACE], 0).plan(
        [Wish(PARTITION, ToTime(model.runs[0].ended_ms), "alter")], lambda _topics: []
    )
    assert (plan.changes[0].after, plan.changes[0].forecast.records) == (cursor(5), 4)


def test_entries_of_connect_are_wishes():
    """A null offset resets, any other alters: as PATCH /connectors/<name>/offsets means it."""
    assert wish(PARTITION, None) == Wish(PARTITION, ToStart(), "reset")
    assert wish(PARTITION, {"next": 1}) == Wish(PARTITION, ToCursor({"next": 1}), "alter")


def test_a_safe_point_the_runtime_went_back_to_is_no_intervention():
    """Where a vendor forgot a cursor the runtime reads again from a safe point: that breaks the way, but nobody can undo it."""
    model = played([("read", 5)])
    model.apply(model.plan(ToStart(), "reset"))
    model.read(5)
    model.move(3, "replay")
    model.read(4)
    (change,) = model.plan(None, "undo").changes
    assert change.after["next"] == 5
    (back,) = model.plan(ToCursor({"next": 3})).changes
    assert back.forecast.records == 4


def test_there_is_nothing_to_undo_in_ordinary_commits():
    """Undo goes back behind a person's move, never behind a run's."""
    with pytest.raises(Refused, match="nothing to undo"):
        played([("read", 5)]).plan(None, "undo")


def test_a_stream_is_named_once():
    """A body or a plan that names a stream twice is refused: its owner would be fenced twice, the second time by oneself."""
    twice = [wish({"stream": "s", "tenant": "t"}, None), wish({"tenant": "t", "stream": "s"}, None)]
    with pytest.raises(PermanentError, match="is named twice"):
        Planner("c", Known("c", (), (), {}), (), 0).plan(twice, lambda _topics: ())
