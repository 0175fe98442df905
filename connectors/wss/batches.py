"""Takes columns and record batches, gives them as one, unknown fields as the `extensions` map; never looks at a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

TIME = pa.timestamp("ms", tz="UTC")


def batch_of(columns: Mapping[str, Any], extras: Mapping[str, Any]) -> pa.RecordBatch:
    """Give columns as one record batch; `extras` are text columns by their key in `extensions`."""
    named = {**columns, "extensions": _map(extras)} if extras else dict(columns)
    return pa.RecordBatch.from_arrays(list(named.values()), list(named))


def join(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Give several batches as one; a column only some of them have is null in the others."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return pa.RecordBatch.from_pydict({"time": pa.array([], TIME)})
    table = pa.concat_tables([pa.Table.from_batches([batch]) for batch in batches], promote_options="default").combine_chunks()
    return table.to_batches()[0] if table.num_rows else join([])


def _map(extras: Mapping[str, Any]) -> Any:
    """Lay the columns row by row into one map column; a row with no value gets null."""
    columns = list(extras.values())
    held = np.stack([np.asarray(column.is_valid()) for column in columns], axis=1)
    row, field = np.nonzero(held)
    kind: Any = pa.array(field)
    keys = pa.array(list(extras)).take(kind)
    place: Any = pa.array(field * len(held) + row)
    items = pa.concat_arrays(columns).take(place)
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int32))
    empty: Any = pa.array(~np.asarray(held.any(axis=1)))
    return pa.MapArray.from_arrays(offsets, keys, items, mask=empty)
