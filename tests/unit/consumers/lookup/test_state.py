"""Proves that a state holds the newest of each key, tells what changed, and is whole again after a crash at any step."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead.consumers.lookup import state as module
from wellhead.consumers.lookup.changes import Changes
from wellhead.consumers.lookup.layout import Layout
from wellhead.consumers.lookup.state import LookupState, Merged
from wellhead.consumers.position import Position
from wellhead.errors import PermanentError, TemporaryError
from wellhead.testing.clock import FakeClock

COLUMNS = pa.schema(
    [
        pa.field("update_id", pa.int64()),
        pa.field("value", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("at", pa.timestamp("ms", tz="UTC")),
    ]
)
NUMBERED = Layout(COLUMNS, "update_id", "integer")
Message = tuple[int, int | None, str] | int
"""A record (key, order, value), or the key of a tombstone."""


def changes(*messages: Message) -> Changes:
    records = [message for message in messages if isinstance(message, tuple)]
    rows = [{"update_id": order, "value": value, "tags": [value, "x,y"], "at": order} for _, order, value in records]
    return Changes(
        pa.array([str(message[0] if isinstance(message, tuple) else message).encode() for message in messages], pa.binary()),
        np.array([isinstance(message, tuple) for message in messages], np.bool_),
        pa.RecordBatch.from_pylist(rows, COLUMNS) if rows else None,
    )


def at(offset: int) -> Position:
    return Position("topic-1", {0: offset}, 1000 + offset)


def opened(path: Path, layout: Layout = NUMBERED, **more) -> LookupState:
    return LookupState.open(path / "state.duckdb", layout, clock=FakeClock(), **more)


def held(state: LookupState) -> dict[int, tuple[int | None, str]]:
    found = state.connection.execute("SELECT _key, update_id, value FROM rows").fetchall()
    assert len({key for key, _, _ in found}) == len(found), "a key stands twice"
    return {key: (order, value) for key, order, value in found}


def test_newest_counts_not_last(tmp_path: Path) -> None:
    """A record of an older update that arrives later does not win, in one merge or in two; of equal ones the later wins."""
    with opened(tmp_path) as state:
        state.apply(changes((1, 5, "new"), (1, 4, "old"), (2, 7, "a"), (2, 7, "b")), at(4))
        assert held(state) == {1: (5, "new"), 2: (7, "b")}
        merged = state.apply(changes((1, 3, "older still"), (2, 7, "c"), (3, 1, "first")), at(7))
        assert (merged.changed, merged.removed, merged.stale) == (2, 0, 1)
        assert held(state) == {1: (5, "new"), 2: (7, "c"), 3: (1, "first")}


def test_a_tombstone_removes_and_what_follows_returns(tmp_path: Path) -> None:
    """A tombstone removes whatever came before it; a record behind it counts, even one of a lower order."""
    with opened(tmp_path) as state:
        state.apply(changes((1, 5, "a"), (2, 5, "b"), (3, 5, "c")), at(3))
        merged = state.apply(changes(1, 2, (2, 4, "back"), (3, 9, "newer"), 3, 4), at(8))
        assert held(state) == {2: (4, "back")}
        assert (merged.changed, merged.removed, merged.stale) == (1, 2, 0)
        state.apply(changes((1, 2, "again")), at(9))
        assert held(state) == {1: (2, "again"), 2: (4, "back")}


def test_without_order_the_last_counts(tmp_path: Path) -> None:
    """Where no column orders the records, the last message of a key counts."""
    with opened(tmp_path, Layout(COLUMNS, None)) as state:
        state.apply(changes((1, 9, "first"), (1, 1, "last")), at(2))
        state.apply(changes((1, 0, "very last")), at(3))
        assert state.connection.execute("SELECT _key, value FROM rows").fetchall() == [(b"1", "very last")]
        assert state.newest() is None


def test_a_null_order_counts_less_than_any(tmp_path: Path) -> None:
    """A record without an order loses against one that has it, and wins against another without."""
    with opened(tmp_path) as state:
        state.apply(changes((1, None, "x"), (1, 1, "y"), (1, None, "z"), (2, None, "a")), at(4))
        state.apply(changes((1, None, "w"), (2, None, "b")), at(6))
        assert held(state) == {1: (1, "y"), 2: (None, "b")}


def test_position_rows_and_columns_come_back(tmp_path: Path) -> None:
    """What was applied is there after closing and opening again: position, seq, every column's value and type."""
    with opened(tmp_path) as state:
        assert (state.position(), state.seq(), state.rows(), state.newest()) == (None, 0, 0, None)
        seq = state.apply(changes((70_000_000_000, 5_000_000_000, "ü,\"'")), Position("t", {0: 7, 11: 2**40}, 5)).seq
    with opened(tmp_path) as state:
        assert state.restarted is None
        assert state.position() == Position("t", {0: 7, 11: 2**40}, 5)
        assert (state.seq(), state.rows(), state.newest()) == (seq, 1, 5_000_000_000)
        row = state.connection.sql("SELECT * FROM rows").to_arrow_table()
        assert row.select(COLUMNS.names).cast(COLUMNS).to_pylist() == [
            changes((70_000_000_000, 5_000_000_000, "ü,\"'")).table.to_pylist()[0]
        ]


def test_a_position_alone_is_stored(tmp_path: Path) -> None:
    """Without changes the position moves and the seq does not."""
    with opened(tmp_path) as state:
        seq = state.apply(changes((1, 1, "a")), at(1)).seq
        assert state.apply(None, at(9)) == Merged(0, 0, 0, seq)
        assert state.apply(changes(5), at(10)) == Merged(0, 0, 0, seq)
        assert state.position() == at(10)


def test_former_tells_rows_as_they_stood(tmp_path: Path) -> None:
    """From `floor` on, `former` and `rows` together give every row as it stood after any merge."""
    stood = "SELECT _key, value FROM former WHERE _seq <= $1 AND _until > $1 UNION ALL SELECT _key, value FROM rows WHERE _seq <= $1"
    with opened(tmp_path) as state:
        first = state.apply(changes((1, 1, "a"), (2, 1, "b"), (3, 1, "c")), at(3)).seq
        second = state.apply(changes((1, 2, "A"), 2, (4, 1, "d")), at(6)).seq
        third = state.apply(changes((1, 3, "AA"), 4), at(8)).seq
        assert state.floor() <= first < second < third
        assert sorted(state.connection.execute(stood, [first]).fetchall()) == [(1, "a"), (2, "b"), (3, "c")]
        assert sorted(state.connection.execute(stood, [second]).fetchall()) == [(1, "A"), (3, "c"), (4, "d")]
        assert sorted(state.connection.execute(stood, [third]).fetchall()) == [(1, "AA"), (3, "c")]


def test_the_oldest_earlier_rows_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier rows are bounded: those of the oldest merges go, and `floor` moves past them; one merge of too many keeps none."""
    monkeypatch.setattr(module, "FORMER_ROWS", 3)
    count = "SELECT count(*) FROM former"
    with opened(tmp_path) as state:
        first = state.apply(changes(*[(key, 1, "a") for key in range(5)]), at(5)).seq
        second = state.apply(changes((0, 2, "b"), (1, 2, "b")), at(7)).seq
        assert state.floor() <= first
        third = state.apply(changes((0, 3, "b"), (1, 3, "b")), at(9)).seq
        assert (state.floor(), state.connection.execute(count).fetchone()) == (second, (2,))
        state.apply(changes((2, 2, "c")), at(10))
        assert (state.floor(), state.connection.execute(count).fetchone()) == (second, (3,))
        last = state.apply(changes(0, 1, 2, 3), at(14)).seq
        assert (state.floor(), state.connection.execute(count).fetchone()) == (last, (0,))
        assert last > third


def test_clear_forgets_rows_but_not_seq_or_notes(tmp_path: Path) -> None:
    """A cleared state is empty and without position, its seq goes on, and the user's notes stay."""
    with opened(tmp_path) as state:
        seq = state.apply(changes((1, 1, "a")), at(1)).seq
        state.write_note("ip.csv", {"seq": seq, "sha256": "ab'c"})
        state.clear()
        assert (state.rows(), state.position(), state.seq()) == (0, None, seq)
        assert state.floor() > seq
        assert state.note("ip.csv") == {"seq": seq, "sha256": "ab'c"}
        assert state.apply(changes((1, 1, "a")), at(1)).seq > seq
        state.write_note("ip.csv", None)
        assert state.note("ip.csv") is None


def test_another_layout_starts_empty(tmp_path: Path) -> None:
    """Opened for other columns, another order or another key, a state starts empty and says why; notes stay."""
    for layout in (
        Layout(COLUMNS.remove(2), "update_id", "integer"),
        Layout(COLUMNS, None, "integer"),
        Layout(COLUMNS, "update_id"),
    ):
        with opened(tmp_path) as state:
            state.apply(changes((1, 1, "a")), at(1))
            state.write_note("n", {"a": 1})
        with opened(tmp_path, layout) as state:
            assert "other columns" in str(state.restarted)
            assert (state.rows(), state.position(), state.note("n")) == (0, None, {"a": 1})
            state.apply(changes((1, 1, "a")), at(1))
            assert state.rows() == 1


@pytest.mark.parametrize("harm", ["text", "head", "cut"])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, harm: str) -> None:
    """A file that cannot be opened is moved aside and the state starts empty, with a seq beyond the lost one's."""
    with opened(tmp_path) as state:
        seq = state.apply(changes(*[(key, 1, "a") for key in range(5000)]), at(1)).seq
    file = tmp_path / "state.duckdb"
    body = file.read_bytes()
    file.write_bytes({"text": b"no database " * 999, "head": bytes(64) + body[64:], "cut": body[:9000]}[harm])
    with LookupState.open(file, NUMBERED, clock=FakeClock(FakeClock().now_ms() + 60_000)) as state:
        assert "built again from the topic" in str(state.restarted)
        assert (tmp_path / "state.duckdb.damaged").exists()
        assert (state.rows(), state.position()) == (0, None)
        assert state.apply(changes((1, 1, "a")), at(1)).seq > seq


def test_damage_met_later_is_told_and_moved_aside(tmp_path: Path) -> None:
    """Damage that only a merge or read meets is a temporary error; the next open starts empty."""
    with opened(tmp_path) as state:
        state.apply(changes(*[(key, key, f"value {key * 7919}") for key in range(100_000)]), at(1))
    file = tmp_path / "state.duckdb"
    body = bytearray(file.read_bytes())
    for place in range(12_288, len(body), 4096):
        body[place + 100] ^= 0xFF
    file.write_bytes(body)
    state = None
    with pytest.raises(TemporaryError, match="built again"):  # noqa: PT012 - the open or the merge meets it
        state = opened(tmp_path)
        if state.restarted:
            raise TemporaryError(state.restarted)
        state.apply(changes(*[(key, 2 * key, "b") for key in range(100_000)]), at(2))
    if state is not None:
        state.close()
    assert (tmp_path / "state.duckdb.damaged").exists()
    with opened(tmp_path) as again:
        assert again.rows() == 0


def test_an_empty_file_is_a_new_state(tmp_path: Path) -> None:
    """A file without content, left by a process that died while it made it, is a new state."""
    (tmp_path / "state.duckdb").touch()
    with opened(tmp_path) as state:
        assert (state.rows(), state.restarted) == (0, None)


def test_a_strangers_database_is_left_alone(tmp_path: Path) -> None:
    """A database that is not a lookup state is refused and keeps its tables."""
    with duckdb.connect(tmp_path / "state.duckdb") as other:
        other.execute("CREATE TABLE sales AS SELECT 1 AS a")
    with pytest.raises(PermanentError, match="another program's database"):
        opened(tmp_path)
    with duckdb.connect(tmp_path / "state.duckdb") as other:
        assert other.execute("FROM sales").fetchall() == [(1,)]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A state that another process has open is a temporary error that names the process."""
    with opened(tmp_path):
        pass
    program = f"import duckdb, sys; c = duckdb.connect({str(tmp_path / 'state.duckdb')!r}); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(TemporaryError, match=rf"another process has it open.*PID {other.pid}"):
            opened(tmp_path)
    finally:
        other.communicate()
    with opened(tmp_path) as state:
        assert state.rows() == 0


def test_a_folder_that_cannot_be_made_is_permanent(tmp_path: Path) -> None:
    """A state folder that cannot be made is the operator's to mend."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(PermanentError, match="its folder cannot be made"):
        opened(tmp_path / "file" / "below")


def test_a_key_that_is_no_number_is_refused_and_nothing_merged(tmp_path: Path) -> None:
    """Where keys are to be numbers, any other key fails the merge as a whole."""
    with opened(tmp_path) as state:
        state.apply(changes((1, 1, "a")), at(1))
        for bad in (b"abc", b"007", b"1.5", b"", b"\xff"):
            more = changes((2, 1, "b"), (3, 1, "c"))
            with pytest.raises(PermanentError, match="whole number"):
                state.apply(Changes(pa.array([b"2", bad], pa.binary()), more.live, more.table), at(3))
        assert (held(state), state.position()) == ({1: (1, "a")}, at(1))


def test_keys_may_be_any_bytes(tmp_path: Path) -> None:
    """Keys that are bytes are told apart whatever they hold."""
    names = [b"a", b"A", b"\xff\x00", b"\xff", b"", b'["x",1]']
    with opened(tmp_path, Layout(COLUMNS, "update_id")) as state:
        one = changes(*[(number, 1, str(number)) for number in range(6)])
        state.apply(Changes(pa.array(names, pa.binary()), one.live, one.table), at(6))
        state.apply(Changes(pa.array([b"\xff"], pa.binary()), np.array([False]), None), at(7))
        assert {key for (key,) in state.connection.execute("SELECT _key FROM rows").fetchall()} == set(names) - {b"\xff"}


def test_layouts_that_cannot_be() -> None:
    """A layout names its order column, which must be comparable as a number, and leaves the state's own names alone."""
    with pytest.raises(PermanentError, match="not among"):
        Layout(COLUMNS, "modified")
    with pytest.raises(PermanentError, match="whole number or a time"):
        Layout(COLUMNS, "value")
    with pytest.raises(PermanentError, match="_seq"):
        Layout(pa.schema([pa.field("_seq", pa.int64())]), None)


class CrashError(Exception):
    """The process dies here."""


@dataclass
class Twin:
    """A state that may die at any step, and a plain dict beside it that says what it must hold."""

    folder: Path
    order: bool = True
    log: list[list[Message]] = field(default_factory=list)
    lives: int = 0
    dies_at: str | None = None

    def __post_init__(self) -> None:
        self.state = self._born(None)

    def _born(self, of: Path | None) -> LookupState:
        self.lives += 1
        home = self.folder / str(self.lives)
        if of is None:
            home.mkdir()
        else:
            shutil.copytree(of, home)
        return opened(home, Layout(COLUMNS, "update_id" if self.order else None, "integer"), step=self._step)

    def _step(self, name: str) -> None:
        if name == self.dies_at:
            shutil.copytree(self.folder / str(self.lives), self.image)
            raise CrashError

    @property
    def image(self) -> Path:
        """What lies on disk the moment the process dies, before it could roll anything back."""
        return self.folder / f"image{self.lives}"

    def expected(self, upto: int) -> dict[int, tuple[int | None, str]]:
        model: dict[int, tuple[int | None, str]] = {}
        for message in [message for batch in self.log[:upto] for message in batch]:
            if isinstance(message, int):
                model.pop(message, None)
                continue
            key, order, value = message
            if not self.order or key not in model or rank(order) >= rank(model[key][0]):
                model[key] = (order, value)
        return model

    def take(self, dies_at: str | None) -> None:
        """Apply what the state has not had yet; dying at a step means going on from what is on disk then."""
        position = self.state.position()
        done = 0 if position is None else position.offsets[0]
        self.dies_at = dies_at
        try:
            for number in range(done, len(self.log)):
                self.state.apply(changes(*self.log[number]), at(number + 1))
        except CrashError:
            self.state.close()
            self.state = self._born(self.image)
        self.dies_at = None

    def agree(self) -> None:
        position = self.state.position()
        assert held(self.state) == self.expected(0 if position is None else position.offsets[0])
        assert self.state.rows() == len(held(self.state))


def rank(order: int | None) -> float:
    return float("-inf") if order is None else order


KEYS = st.integers(0, 5)
MESSAGES = st.one_of(st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 9)), st.text("abc", max_size=3)), KEYS)
BATCHES = st.lists(st.lists(MESSAGES, min_size=1, max_size=12), min_size=1, max_size=3)
DEATHS = st.sampled_from([None, "begun", "removed", "inserted", "placed", "committed"])


@settings(max_examples=60)
@given(rounds=st.lists(st.tuples(BATCHES, DEATHS), min_size=1, max_size=5), order=st.booleans())
def test_any_history_with_a_crash_anywhere_equals_a_plain_dict(
    rounds: list[tuple[list[list[Message]], str | None]], order: bool
) -> None:
    """Out of order, doubled, deleted, returned, killed between any two steps: rows and position always belong together and are right."""
    folder = Path(tempfile.mkdtemp())
    twin = Twin(folder, order)
    try:
        for batches, dies_at in rounds:
            twin.log += batches
            twin.take(dies_at)
            twin.agree()
            twin.take(None)
            twin.agree()
            assert held(twin.state) == twin.expected(len(twin.log))
    finally:
        twin.state.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("step", ["begun", "removed", "inserted", "placed"])
def test_a_failure_inside_a_merge_leaves_nothing(tmp_path: Path, step: str) -> None:
    """What fails before the commit leaves rows, seq, earlier rows and position as they were, in the same process, too."""

    def fails(name: str) -> None:
        if name == step and armed:
            raise CrashError

    armed: list[Callable[[], None]] = []
    with opened(tmp_path, step=fails) as state:
        first = state.apply(changes((1, 1, "a"), (2, 1, "b")), at(2)).seq
        armed.append(lambda: None)
        with pytest.raises(CrashError):
            state.apply(changes((1, 2, "x"), 2), at(4))
        armed.clear()
        assert (held(state), state.position(), state.seq()) == ({1: (1, "a"), 2: (1, "b")}, at(2), first)
        assert state.connection.execute("FROM former").fetchall() == []
        state.apply(changes((1, 2, "x"), 2), at(4))
        assert (held(state), state.connection.execute("SELECT count(*) FROM former").fetchone()) == ({1: (2, "x")}, (2,))


def test_memory_that_does_not_suffice_is_told(tmp_path: Path) -> None:
    """A memory limit too small for a merge is the operator's to raise; nothing is merged."""
    with opened(tmp_path, memory_limit="3MB", threads=1) as state:
        with pytest.raises(PermanentError, match="memory limit"):
            state.apply(changes(*[(key, 1, f"value {key}" * 20) for key in range(60_000)]), at(1))
        assert (state.rows(), state.position()) == (0, None)
