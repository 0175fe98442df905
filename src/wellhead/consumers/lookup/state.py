"""Takes changes and the position after them, gives the newest row of each key on disk, both or neither after a crash; asks no one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from wellhead.clock import Clock
from wellhead.consumers.lookup.changes import Changes
from wellhead.consumers.lookup.layout import KeyKind, Layout
from wellhead.consumers.lookup.storage import StateDamaged, Storage
from wellhead.consumers.lookup.winners import NONE, Indexes, Winners, winners
from wellhead.consumers.position import Position
from wellhead.errors import PermanentError

__all__ = ["KeyKind", "Layout", "LookupState", "Merged", "StateDamaged"]

MEMORY_LIMIT = "192MB"
FORMER_ROWS = 250_000
"""So many earlier rows are kept, for files to be mended by; a file that lies further back is better made anew."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of some changes: keys whose row is new or newer, keys removed, keys whose newest change was older than the row held."""

    changed: int
    removed: int
    stale: int
    seq: int


class LookupState:
    """The newest row of each key, in one DuckDB file. Blocking, for one thread; one process at a time.

    SELECTs may name these tables through `connection`:

    - `rows(_key, _seq, <columns>)`: the newest row of each key; `_seq` is that of the merge that brought it. No order: add ORDER BY.
      Times are TIMESTAMPs in UTC.
    - `former(_key, _seq, _until, <columns>)`: a row that the merge `_until` replaced or removed. A row as it stood at seq s is in `former`
      with `_seq <= s AND _until > s`, or in `rows` with `_seq <= s`.

    Use `LookupState.open`.

    Attributes:
        layout: What it holds.
        restarted: Why `open` began with nothing although there was a state; None where it did not.
    """

    def __init__(self, storage: Storage, layout: Layout, clock: Clock, step: Callable[[str], None]) -> None:
        self._storage = storage
        self.layout = layout
        self._clock = clock
        self._step = step
        self.restarted: str | None = None
        self._prepare()

    @classmethod
    def open(
        cls,
        path: Path,
        layout: Layout,
        *,
        clock: Clock,
        memory_limit: str = MEMORY_LIMIT,
        threads: int = 2,
        step: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Open the state at `path`, made when missing; folders are made, too.

        A file that is damaged or of an unreadable version is moved aside to `<name>.damaged`, one of another layout is emptied: what it held
        comes again from the topic; see `restarted`. Beside it lie `<name>.wal` and `<name>.spill/`.

        Args:
            path: The file.
            layout: What it holds.
            clock: Gives the numbers of merges a start beyond those of a file that was lost.
            memory_limit: What DuckDB may hold in memory; beyond it, it spills to disk.
            threads: How many threads a statement may use.
            step: Called at each crash point: "begun", "removed", "inserted", "placed", "committed".

        Raises:
            TemporaryError: Another process has it open (says which), or the disk is full.
            PermanentError: The file is somebody else's database, or the folder cannot be written.
        """
        try:
            return cls(Storage(path, memory_limit, threads), layout, clock, step)
        except StateDamaged as damage:
            state = cls(Storage(path, memory_limit, threads), layout, clock, step)
            state.restarted = str(damage)
            return state

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """For SELECT and COPY over `rows` and `former`; never write through it."""
        return self._storage.reader

    def position(self) -> Position | None:
        """Give the position stored with the last `apply`, None in an empty state."""
        held = self._meta("position")
        if held is None:
            return None
        read = json.loads(held)
        return Position(**read | {"offsets": {int(number): offset for number, offset in read["offsets"].items()}})

    def apply(self, changes: Changes | None, position: Position) -> Merged:
        """Merge `changes` (None = there are none) and store `position`, in one transaction.

        Of a key's records the one with the highest order counts, on equal order the later; a tombstone removes whatever came before it, and
        what follows it counts as if nothing had been. Cost: proportional to the changes, plus a scan of the key column.

        Raises:
            StateDamaged: The file cannot be read; open the state again.
            TemporaryError: The disk is full; nothing was merged.
            PermanentError: A key or column does not fit the layout, or memory does not suffice; nothing was merged.
        """
        won = None
        if changes is not None and len(changes.keys):
            won = winners(replace(changes, keys=self.layout.key_array(changes.keys)), self.layout.order)
        with self._storage.transaction():
            self._step("begun")
            seq = self.seq()
            merged = Merged(0, 0, 0, seq) if won is None or changes is None else self._merge(won, changes.table, seq)
            self._storage.connection.execute(
                "UPDATE meta SET position = ?, seq = ?", [json.dumps(asdict(position)), merged.seq]
            )
            self._step("placed")
        self._step("committed")
        return merged

    def seq(self) -> int:
        """Give the number of the last merge that changed something; grows for ever, across `clear` and a lost file, too; 0 = none yet."""
        return int(self._meta("seq"))

    def floor(self) -> int:
        """Give the seq from which on `former` tells everything that was replaced or removed; what is older is not known any more."""
        return int(self._meta("floor"))

    def rows(self) -> int:
        """Give how many keys there are."""
        return int(self._one("SELECT count(*) FROM rows"))

    def newest(self) -> Any:
        """Give the highest order value, None in an empty state or one without order."""
        return None if self.layout.order is None else self._one(f"SELECT max({_quoted(self.layout.order)}) FROM rows")  # noqa: S608

    def clear(self) -> None:
        """Forget rows and position; `seq` goes on, notes stay."""
        with self._storage.transaction() as connection:
            self._make_tables(connection)
            connection.execute("UPDATE meta SET position = NULL, floor = ?, layout = ?", [self._beyond(), self.layout.text])

    def note(self, name: str) -> dict[str, Any] | None:
        """Give the note stored under `name`, None where there is none. Notes are the user's: delivery cursors and the like."""
        held = self._one("SELECT max(value) FROM notes WHERE name = ?", name)
        return None if held is None else dict(json.loads(held))

    def write_note(self, name: str, value: dict[str, Any] | None) -> None:
        """Store a JSON note, in a transaction of its own; None removes it."""
        with self._storage.transaction() as connection:
            connection.execute("DELETE FROM notes WHERE name = ?", [name])
            if value is not None:
                connection.execute("INSERT INTO notes VALUES (?, ?)", [name, json.dumps(value)])

    def close(self) -> None:
        """Close the file; it may be opened again at once."""
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _prepare(self) -> None:
        """Make the tables where there are none, and empty them where they are of another layout."""
        with self._storage.guarded():
            tables = {name for (name,) in self._storage.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not tables:
            with self._storage.transaction() as connection:
                connection.execute("CREATE TABLE meta(layout VARCHAR, position VARCHAR, seq BIGINT, floor BIGINT)")
                connection.execute("INSERT INTO meta VALUES (?, NULL, 0, ?)", [self.layout.text, self._clock.now_ms()])
                connection.execute("CREATE TABLE notes(name VARCHAR, value VARCHAR)")
                self._make_tables(connection)
        elif not {"meta", "notes", "rows", "former"} <= tables:
            self.close()
            raise PermanentError(
                f"lookup state {self._storage.path}: this is another program's database. Name another state folder."
            )
        elif self._meta("layout") != self.layout.text:
            self.restarted = f"lookup state {self._storage.path}: other columns, order or key than it was made with"
            self.clear()
        elif self._meta("floor") is None:  # Made when earlier rows were kept on demand only.
            with self._storage.transaction() as connection:
                connection.execute("UPDATE meta SET floor = seq")

    def _beyond(self) -> int:
        """Give a number beyond that of any merge so far."""
        return max(self.seq() + 1, self._clock.now_ms())

    def _make_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        # No index: it would have to be in memory whole, makes merges 8 times and loads 3 times dearer, and keeps DuckDB from
        # giving back the room of deleted rows. A scan of 1.9 million keys takes 10 ms.
        for name, until in (("rows", False), ("former", True)):
            with _seen(connection, "empty", self.layout.empty(until=until)):
                connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM empty")  # noqa: S608

    def _merge(self, won: Winners, table: pa.RecordBatch | None, seq: int) -> Merged:
        hits, numbers, stale = self._hits(won, table)
        keep = won.records != NONE
        keep[numbers[stale]] = False
        hits, numbers = hits[~stale], numbers[~stale]
        changed, removed = int(keep.sum()), int((won.records[numbers] == NONE).sum())
        if changed or removed:
            seq = self._beyond()
            self._remove(hits, seq)
            self._step("removed")
        if changed and table is not None:
            self._insert(won.keys, table, won.records, keep, seq)
            self._step("inserted")
        return Merged(changed, removed, int(stale.sum()), seq)

    def _hits(self, won: Winners, table: pa.RecordBatch | None) -> tuple[Indexes, Indexes, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Find the rows of these keys: their row ids, the number of each in `won`, and whether the row is newer than what came."""
        wanted: dict[str, Any] = {
            "_key": won.keys,
            "number": np.arange(len(won.keys)),
            "reset": won.reset,
        }
        newer = "FALSE"
        if self.layout.order is not None and table is not None:
            column: Any = table.column(self.layout.order).cast(self.layout.stored.field(self.layout.order).type)
            wanted["came"] = column.take(pa.array(won.records, mask=won.records == NONE))
            held = f"r.{_quoted(self.layout.order)}"
            newer = f"NOT w.reset AND {held} IS NOT NULL AND (w.came IS NULL OR {held} > w.came)"
        with _seen(self._storage.connection, "wanted", pa.table(wanted)):
            sql = f"SELECT r.rowid AS id, w.number, {newer} AS stale FROM rows r JOIN wanted w ON r._key = w._key"  # noqa: S608
            found = self._storage.connection.execute(sql).fetchnumpy()
        return found["id"], found["number"], np.asarray(found["stale"], np.bool_)

    def _remove(self, hits: Indexes, seq: int) -> None:
        if not len(hits):
            return
        with _seen(self._storage.connection, "hits", pa.table({"id": hits})):
            if self._keeps_former(len(hits), seq):
                columns = ", ".join(_quoted(name) for name in self.layout.columns.names)
                self._storage.connection.execute(
                    f"INSERT INTO former SELECT _key, _seq, ?, {columns} FROM rows WHERE rowid IN (SELECT id FROM hits)",  # noqa: S608
                    [seq],
                )
            self._storage.connection.execute("DELETE FROM rows WHERE rowid IN (SELECT id FROM hits)")

    def _keeps_former(self, more: int, seq: int) -> bool:
        """Make room for so many earlier rows of the merge `seq`: the oldest go, in whole merges; tell whether they may be kept."""
        spare = FORMER_ROWS - more
        if self._one("SELECT count(*) FROM former") <= spare:
            return True
        kept = "SELECT _until FROM former GROUP BY _until QUALIFY sum(count(*)) OVER (ORDER BY _until DESC) > ?"
        gone = self._one(f"SELECT max(_until) FROM ({kept})", spare)  # noqa: S608
        self._storage.connection.execute("DELETE FROM former WHERE _until <= ?", [gone])
        self._storage.connection.execute("UPDATE meta SET floor = ?", [seq if spare < 0 else gone])
        return spare >= 0

    def _insert(self, keys: pa.Array[Any], table: pa.RecordBatch, records: Indexes, keep: Any, seq: int) -> None:
        came = table.select(self.layout.columns.names)
        whole = bool(keep.all()) and len(keep) == came.num_rows and bool((np.diff(records) == 1).all())
        if not whole:
            keys, came = keys.filter(pa.array(keep)), came.take(pa.array(records[keep], pa.int64()))
        arrays = [keys, *came.cast(self.layout.stored).columns]
        with _seen(self._storage.connection, "came", pa.Table.from_arrays(arrays, ["_key", *came.schema.names])):
            self._storage.connection.execute("INSERT INTO rows SELECT _key, ?, * EXCLUDE (_key) FROM came", [seq])

    def _meta(self, name: str) -> Any:
        return self._one(f"SELECT {name} FROM meta")  # noqa: S608

    def _one(self, sql: str, *values: Any) -> Any:
        with self._storage.guarded():
            ((found,),) = self._storage.connection.execute(sql, values).fetchall()
        return found


class _seen:  # noqa: N801 - reads as a word of the `with` line
    """Lets SQL name an Arrow table while a block lasts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
        self._connection = connection
        self._name = name
        connection.register(name, table)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        self._connection.unregister(self._name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
