"""Takes records read again after a cursor expired, gives those the topic does not hold yet; never drops one it cannot identify."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from wellhead.api import Stream
from wellhead.avro.decode import Decoder
from wellhead.kafka.consumer import read_to_end
from wellhead.runtime.backfill import HEADER
from wellhead.runtime.readback import OnForeign, records_in

if TYPE_CHECKING:
    from wellhead.runtime.seenletters import SeenLetters

CLOCK_SKEW_MS = 3_600_000

Hashes = npt.NDArray[np.uint64]

# Two independent 64-bit hashes: among ten million records the chance of one false match is below 1e-23.
_SEEDS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class SeenRecords:
    """The identities of records that already stand in a topic, 16 bytes each.

    Args:
        identity: The columns that together name one record.
        tables: What was read back from the topic; of each only the identity columns are used, and nothing is kept.
    """

    def __init__(self, identity: Sequence[str], tables: Iterable[pa.RecordBatch] = ()) -> None:
        self._identity = list(identity)
        self._first, self._second = np.empty(0, np.uint64), np.empty(0, np.uint64)
        self._added: list[tuple[Hashes, Hashes]] = []
        self.letters: SeenLetters | None = None
        """The dead letters that stand beside the topic, where they were read back, too."""
        for table in tables:
            self.add(table)

    def add(self, table: pa.RecordBatch) -> None:
        """Remember the identities of `table`; rows with a null in theirs cannot be told again and are not."""
        self._added.append(_hashes(table, self._identity))

    def __len__(self) -> int:
        self.settle()
        return len(self._first)

    def settle(self) -> None:
        """Sort what was added in among the rest, so that it can be searched; seconds for millions, so not on the event loop."""
        if self._added:
            parts = [(self._first, self._second), *self._added]
            first, second = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
            self._added, parts = [], []
            order = np.lexsort((second, first))
            self._first, self._second = first[order], second[order]

    def unseen(self, table: pa.RecordBatch) -> pa.RecordBatch:
        """Give the rows of `table` whose identity is new, and those with a null in their identity."""
        if not len(self) or not table.num_rows:
            return table
        known = self._contains(*_hashes(table, self._identity, keep_unnamed=True))
        keep = pa.array(~known)
        for column in self._identity:
            keep = pc.or_(keep, pc.is_null(table.column(column)))
        return table.filter(keep)

    def _contains(self, first: Hashes, second: Hashes) -> npt.NDArray[np.bool_]:
        at = np.searchsorted(self._first, first, side="left")
        end = np.searchsorted(self._first, first, side="right")
        found = np.zeros(len(first), np.bool_)
        step = 0
        while True:  # more than one step only where two first hashes are equal
            open_rows = ~found & (at + step < end)
            if not open_rows.any():
                return found
            found[open_rows] = self._second[at[open_rows] + step] == second[open_rows]
            step += 1


def load_seen(
    consumer_config: Mapping[str, Any],
    topic: str,
    from_ms: int,
    *,
    stream: Stream,
    decoder: Decoder,
    on_foreign: OnForeign,
    backfill: str = "",
) -> SeenRecords:
    """Read back what `topic` holds from event time `from_ms` on; blocking.

    Whether a record carries its event time or the time of publishing, it stands behind the first one of `from_ms` less the
    skew allowed between the vendor's clock and ours: nothing is published before it happened.

    Of a compacted stream everything published since then counts, whatever its event time: there a replay looks back over what
    was published lately, and the newest record of a key may tell of something old.

    For a backfill only what that backfill published counts: what stands there beside it is not its own.

    Raises:
        TemporaryError: The broker or the registry cannot be reached.
    """
    seen = SeenRecords(stream.identity)
    ended = _Ended()
    time = None if stream.cleanup == "compact" else stream.time
    columns = list(dict.fromkeys([*stream.identity, *([time] if time else [])]))

    def keep(messages: list[Message]) -> None:
        if backfill:
            messages = [message for message in messages if (HEADER, backfill.encode()) in (message.headers() or ())]
        messages, table = records_in(messages, decoder, columns, on_foreign)
        if time is None:
            ended.add(messages, table)
        elif table is not None:
            seen.add(_since(table, time, from_ms))

    read_to_end(consumer_config, topic, keep, from_ms=max(0, from_ms - CLOCK_SKEW_MS))
    for table in ended.standing():
        seen.add(table)
    seen.settle()
    return seen


class _Ended:
    """Keeps what was read of a stream of state until it is known which keys have ended: what has ended may be published again."""

    def __init__(self) -> None:
        self._tables: list[tuple[npt.NDArray[np.int64], pa.RecordBatch]] = []
        self._keys: set[int] = set()

    def add(self, messages: Sequence[Message], table: pa.RecordBatch | None) -> None:
        keys: list[int] = []
        for message in messages:
            key = hash(message.key())
            if message.value() is not None:
                keys.append(key)
                self._keys.discard(key)
            else:
                self._keys.add(key)
        if table is not None:
            self._tables.append((np.array(keys, np.int64), table))

    def standing(self) -> Iterator[pa.RecordBatch]:
        """Give the rows whose key has not ended since."""
        ended = np.fromiter(self._keys, np.int64, len(self._keys))
        for keys, table in self._tables:
            yield table.filter(pa.array(~np.isin(keys, ended)))


def _since(table: pa.RecordBatch, time: str, from_ms: int) -> pa.RecordBatch:
    moment = pa.scalar(from_ms, pa.timestamp("ms", tz="UTC"))
    return table.filter(pc.greater_equal(table.column(time), moment))


def _hashes(table: pa.RecordBatch, identity: Sequence[str], *, keep_unnamed: bool = False) -> tuple[Hashes, Hashes]:
    import polars as pl  # noqa: PLC0415 - only a replay needs it here, an idle worker should not hold it

    frame = pl.DataFrame(pa.Table.from_batches([table.select(list(identity))]))
    if not keep_unnamed:
        frame = frame.drop_nulls()
    first, second = (frame.hash_rows(seed).to_numpy() for seed in _SEEDS)
    return first, second
