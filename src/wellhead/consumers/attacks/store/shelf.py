"""Takes documents as they are read, gives them in batches to be stored and tells what may be committed; never blocks its reader."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from wellhead.clock import Clock
from wellhead.consumers.attacks.store.batch import Batch, batch_of
from wellhead.consumers.attacks.store.documents import Document
from wellhead.consumers.attacks.store.pace import Pace, Taken
from wellhead.consumers.attacks.store.sizing import BulkSize

# Enough for the next bulks while one is under way; more would only take memory.
_BULKS_AHEAD: Final = 4


@dataclass(slots=True)
class _Partition:
    """What is known of a partition while it is assigned; offsets are -1 while there are none.

    Attributes:
        term: Tells this assignment from one before it.
        laid: The offset after the last document laid down.
        stored: The offset up to which all is stored.
        committed: The offset that was committed last.
        end: The end of the partition, past the markers of transactions.
    """

    term: int
    laid: int = -1
    stored: int = -1
    committed: int = -1
    end: int = -1

    def settle(self) -> None:
        """Move past the markers behind the last document, once that is stored."""
        if self.stored >= self.laid:
            self.stored = max(self.stored, self.end)


class Shelf:
    """Documents that are read and not yet stored, in order; one thread reads, one stores.

    Args:
        max_docs: Of a bulk.
        max_bytes: Of a bulk.
        every_secs: Between two writes of the same attack.
        clock: Measures that.
    """

    def __init__(self, max_docs: int, max_bytes: int, every_secs: float, clock: Clock) -> None:
        self._changed = threading.Condition()
        self._max_docs, self._max_bytes = _BULKS_AHEAD * max_docs, _BULKS_AHEAD * max_bytes
        self._queue: deque[Taken] = deque()
        self._nbytes = 0
        self._pace = Pace(every_secs)
        self._clock = clock
        self._partitions: dict[int, _Partition] = {}
        self._under_way: dict[int, int] = {}
        self._terms = count(1)
        self._closed = False

    # --- the reader's side

    def assign(self, partitions: Iterable[int]) -> None:
        """Take up partitions."""
        with self._changed:
            self._partitions |= {number: _Partition(next(self._terms)) for number in partitions}

    def put(self, documents: Sequence[Document]) -> None:
        """Lay documents down."""
        with self._changed:
            for document in documents:
                known = self._partitions.get(document.partition)
                if known is not None:
                    known.laid = document.offset + 1
                    self._queue.append((document, known.term))
                    self._nbytes += document.nbytes
            self._changed.notify_all()

    def reached(self, partition: int, offset: int) -> None:
        """Tell that `offset` is the end of a partition: nothing stands before it but what was laid down."""
        with self._changed:
            known = self._partitions.get(partition)
            if known is not None:
                known.end = offset
                known.settle()

    def has_room(self, share: float = 1.0) -> bool:
        """Tell whether no more than `share` of the room is taken."""
        with self._changed:
            docs, nbytes = len(self._queue) + len(self._pace), self._nbytes + self._pace.nbytes
            return docs < share * self._max_docs and nbytes < share * self._max_bytes

    def withdraw(self, partitions: Iterable[int], wait_secs: float) -> bool:
        """Take documents of these partitions off again and wait for those under way; False when they still are after `wait_secs`."""
        leaving = frozenset(partitions)
        with self._changed:
            self._queue = deque((document, term) for document, term in self._queue if document.partition not in leaving)
            self._nbytes = sum(document.nbytes for document, _ in self._queue)
            self._pace.drop(leaving)
            return self._changed.wait_for(lambda: self._closed or not leaving & self._under_way.keys(), wait_secs)

    def forget(self, partitions: Iterable[int]) -> None:
        """Give partitions up; what is stored of them later counts no more."""
        with self._changed:
            for number in partitions:
                self._partitions.pop(number, None)

    def to_commit(self) -> dict[int, int]:
        """Give, by partition, the offsets up to which all is stored, where they are not committed yet."""
        with self._changed:
            stored = {number: self._stored(number, known) for number, known in self._partitions.items()}
            return {number: offset for number, offset in stored.items() if offset > self._partitions[number].committed}

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Note what was committed."""
        with self._changed:
            for number, offset in offsets.items():
                if number in self._partitions:
                    self._partitions[number].committed = offset

    # --- the storing side

    def take(self, size: BulkSize, wait_secs: float, linger_secs: float) -> Batch | None:
        """Give what makes the next bulk, a moment after the first of it came; None when nothing came in time."""
        with self._changed:
            due_secs = self._pace.due_in_secs(self._clock.monotonic_secs())
            self._changed.wait_for(
                lambda: self._closed or self._queue, wait_secs if due_secs is None else min(wait_secs, due_secs)
            )
            if self._queue:
                self._changed.wait_for(lambda: self._closed or self._is_enough(size), linger_secs)
            taken = [] if self._closed else self._taken(size, self._clock.monotonic_secs())
            self._under_way = {}
            for document, _ in taken:
                first = self._under_way.get(document.partition, document.offset)
                self._under_way[document.partition] = min(first, document.offset)
            if not taken:
                return None
            batch = batch_of(taken, superseded=self._pace.superseded)
            self._pace.superseded = 0
            self._pace.written(batch.actions(), self._clock.monotonic_secs())
            return batch

    def stored(self, batch: Batch) -> None:
        """Tell that nothing of `batch` is still to be done."""
        with self._changed:
            for number, (offset, term) in batch.ends.items():
                known = self._partitions.get(number)
                if known is not None and known.term == term:
                    known.stored = max(known.stored, offset)
                    known.settle()
            self._under_way = {}
            self._changed.notify_all()

    def close(self) -> None:
        """Wake whoever waits; nothing is given any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _taken(self, size: BulkSize, now_secs: float) -> list[Taken]:
        taken = self._pace.due(now_secs, size.docs)
        taken_bytes = sum(document.nbytes for document, _ in taken)
        while self._queue and len(taken) < size.docs and taken_bytes < size.nbytes:
            each = self._queue.popleft()
            self._nbytes -= each[0].nbytes
            if not self._pace.holds(each, now_secs):
                taken.append(each)
                taken_bytes += each[0].nbytes
        return taken

    def _stored(self, number: int, known: _Partition) -> int:
        """Give the offset up to which all is stored: what waits, or is under way, may stand before what is stored already."""
        waiting = (self._pace.floor(number), self._under_way.get(number))
        return min([known.stored, *(offset for offset in waiting if offset is not None)])

    def _is_enough(self, size: BulkSize) -> bool:
        return len(self._queue) >= size.docs or self._nbytes >= size.nbytes
