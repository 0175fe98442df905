"""Takes a batch and the rows a predicate selects, gives the batch without them; never changes a value or the order."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.transforms.columns import Rows


class Filter:
    """Leaves out rows."""

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give the rows that are not selected."""
        if rows is None:
            return table.slice(0, 0)
        kept: Rows = pc.invert(rows)
        return table.filter(kept) if pc.any(rows).as_py() else table
