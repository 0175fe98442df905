"""Takes the columns a state keeps, gives the tables that hold them and their name; never touches a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from wellhead.errors import PermanentError

KeyKind = Literal["integer", "bytes"]
OWN_COLUMNS = ("_key", "_seq", "_until")
FORMAT = 1
_KEY_TYPES: dict[str, Any] = {"integer": pa.int64(), "bytes": pa.binary()}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a state holds; a state opened with another layout than it was made with starts empty.

    Attributes:
        columns: The record columns that are kept, and their types, as the decoder gives them.
        order: The column by which the newest of a key is known, a whole number or a time; None = the last message counts.
        key: "integer" where every message key is a whole number in decimal (a single integer key column), which is quicker and smaller;
            else "bytes".

    Raises:
        PermanentError: `order` is not among the columns or has no order as numbers have, or a column has a name the state needs.
    """

    columns: pa.Schema
    order: str | None
    key: KeyKind = "bytes"

    def __post_init__(self) -> None:
        if taken := [name for name in self.columns.names if name in OWN_COLUMNS]:
            raise PermanentError(f"lookup state: columns {', '.join(taken)} have names the state needs itself. Leave them out.")
        if self.order is None:
            return
        if self.order not in self.columns.names:
            raise PermanentError(
                f"lookup state: order column {self.order} is not among {', '.join(self.columns.names)}. Add it."
            )
        kind = self.columns.field(self.order).type
        if not (pt.is_integer(kind) or pt.is_temporal(kind)):
            raise PermanentError(f"lookup state: order column {self.order} is {kind}. Order by a whole number or a time.")

    @property
    def text(self) -> str:
        """Everything that two states must share to be one."""
        columns = [[field.name, str(field.type)] for field in self.columns]
        return json.dumps({"format": FORMAT, "columns": columns, "order": self.order, "key": self.key})

    def key_array(self, keys: pa.Array[Any]) -> pa.Array[Any]:
        """Give binary message keys as the state's; what is that already stays as it is.

        Raises:
            PermanentError: They are to be whole numbers, and one is not.
        """
        if keys.type == _KEY_TYPES[self.key]:
            return keys
        try:
            numbers: pa.Array[Any] = keys.cast(pa.string()).cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise PermanentError(f"lookup state: a message key is no whole number: {error}. Use key 'bytes'.") from error
        if not pc.all(pc.equal(numbers.cast(pa.string()).cast(pa.binary()), keys)).as_py() and len(keys):
            raise PermanentError("lookup state: a message key is a whole number in another form than decimal. Use key 'bytes'.")
        return numbers

    def empty(self, *, until: bool) -> pa.Table:
        """Give the columns of `rows`, or with `until` of `former`, without a row."""
        own = [("_key", _KEY_TYPES[self.key]), ("_seq", pa.int64()), *([("_until", pa.int64())] if until else [])]
        return pa.schema([*(pa.field(name, kind) for name, kind in own), *self.stored]).empty_table()

    @property
    def stored(self) -> pa.Schema:
        """The record columns as the state holds them: times as plain TIMESTAMPs in UTC, for DuckDB needs an extension to read zones."""
        return pa.schema(
            [field.with_type(pa.timestamp("us")) if pt.is_timestamp(field.type) else field for field in self.columns]
        )
