"""Takes a batch, gives it changed where a predicate selects it; never more rows, another order or another schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from wellhead.errors import PermanentError
from wellhead.transforms.columns import Rows
from wellhead.transforms.predicates import Condition


class Change(Protocol):
    """What a transform does to the rows it is for."""

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give `table` with its `rows` (a boolean column without nulls; None means all) changed, or left out."""
        ...


@dataclass(frozen=True, slots=True)
class Transform:
    """One configured transform.

    Attributes:
        name: Its alias; what it leaves out is counted under it.
        change: What it does.
        condition: What selects its rows; None selects all.
    """

    name: str
    change: Change
    condition: Condition | None = None

    def apply(self, table: pa.RecordBatch) -> pa.RecordBatch:
        """Give the batch as it goes on.

        Raises:
            PermanentError: Arrow cannot do it.
        """
        if not table.num_rows:
            return table
        try:
            return self.change.apply(table, None if self.condition is None else self.condition.test(table))
        except pa.ArrowException as error:
            msg = (
                f"transform {self.name} cannot be applied to a batch ({type(error).__name__}); nothing of it is published. "
                "Mend or remove its options under transforms"
            )
            raise PermanentError(msg) from error
