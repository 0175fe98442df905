"""Takes changes in their order, gives for each key what is left of it: a record, or nothing; never looks at the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhead.consumers.lookup.changes import Changes

Indexes = np.ndarray[Any, np.dtype[np.int64]]
NONE = -1


@dataclass(frozen=True, slots=True)
class Winners:
    """Of each key, once, what the changes make of it.

    Attributes:
        keys: The keys.
        records: Index of the record that counts in the changes' table, NONE where the key is gone.
        reset: A tombstone stood before the record (or in its place), so what was known of the key before does not count.
    """

    keys: pa.Array[Any]
    records: Indexes
    reset: np.ndarray[Any, np.dtype[np.bool_]]


def winners(changes: Changes, order: str | None) -> Winners:
    """Find of each key the record of the highest `order` behind its last tombstone; on equal order, or without one, the last.

    A record whose order is null counts less than any other.
    """
    encoded: Any = pc.dictionary_encode(changes.keys)
    keys, codes = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    live = changes.live
    if len(keys) == len(codes):
        return Winners(keys, np.where(live, np.cumsum(live) - 1, NONE), ~live)
    ended = np.full(len(keys), NONE, np.int64)
    np.maximum.at(ended, codes[~live], np.flatnonzero(~live))
    mine = codes[live]
    valid = np.flatnonzero(np.flatnonzero(live) > ended[mine])
    if order is not None and changes.table is not None:
        column: Any = changes.table.column(order)
        valid = valid[_rising(column.take(valid))]
    best = np.full(len(keys), NONE, np.int64)
    np.maximum.at(best, mine[valid], np.arange(len(valid)))
    records = np.full(len(keys), NONE, np.int64)
    records[best != NONE] = valid[best[best != NONE]]
    return Winners(keys, records, ended != NONE)


def _rising(order: Any) -> Indexes:
    """Give the places of `order` from the lowest to the highest; equal ones as they come, nulls first."""
    places: Any = pc.array_sort_indices(order, order="ascending", null_placement="at_start")
    found: Indexes = places.to_numpy().astype(np.int64)
    return found
