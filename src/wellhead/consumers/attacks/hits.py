"""Takes a decoded batch of one partition, gives its hits as the grouping step wants them and says which cannot be grouped; groups nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from wellhead.consumers.attacks.rules import RuleSet

KEY_BYTES = 12
LAST_MS = 253_402_300_800_000
"""The year 10,000: from there on no calendar, and no store, knows a time."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of one partition, in order.

    Attributes:
        columns: They, by column.
        kept: Index in the batch of each.
        bad: What is wrong, by the index of those that cannot be grouped.
    """

    columns: Mapping[str, Any]
    kept: Sequence[int]
    bad: Mapping[int, str]


NONE = Hits({"o": [], "k": []}, (), {})
"""For a step without hits."""


def key_text(label: str, client: Any, values: tuple[Any, ...]) -> str:
    """Give the name of what hits are grouped by: the rule with its version, the client, the values; short, and equal everywhere."""
    told = orjson.dumps([label, client, *values])
    return hashlib.blake2b(told, digest_size=KEY_BYTES).hexdigest()


class HitReader:
    """Reads batches for one set of rules.

    Args:
        rules: What hits are grouped by.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._fields = rules.base.fields
        self._shown = rules.shown

    @property
    def columns(self) -> tuple[str, ...]:
        """The record's columns that grouping needs."""
        fields = self._fields
        roles = (fields.id, fields.client, fields.time, fields.ip, fields.country, fields.status, fields.block)
        return tuple(dict.fromkeys((*roles, *self._rules.base.by, *self._shown)))

    def read(self, batch: pa.RecordBatch, offsets: Sequence[int], kafka_ms: Sequence[int]) -> Hits:
        """Give the batch's hits.

        Args:
            batch: The records, with at least `columns`.
            offsets: Where each stands.
            kafka_ms: Kafka's time of each.
        """
        fields = self._fields
        held = {name: _values(batch.column(name)) for name in self.columns}
        bad = self._bad(held, batch.num_rows)
        kept = [row for row in range(batch.num_rows) if row not in bad] if bad else range(batch.num_rows)
        if bad:
            held = {name: [values[row] for row in kept] for name, values in held.items()}
        keys, key_of = self._keys(held)
        rows, row_of, looked_at = self._rows(held)
        senders = held[fields.ip]
        columns = {
            "o": [offsets[row] for row in kept],
            "k": [kafka_ms[row] for row in kept],
            "t": held[fields.time],
            "g": key_of,
            "keys": keys,
            "r": row_of,
            "rows": rows,
            "p": senders,
            "c": held[fields.country],
            "s": held[fields.status],
            "b": held[fields.block],
            "x": [int(looked_at[row - 1] and ip is not None) for row, ip in zip(row_of, senders, strict=True)],
        }
        return Hits(columns, kept, bad)

    def _bad(self, held: Mapping[str, Sequence[Any]], count: int) -> dict[int, str]:
        bad: dict[int, str] = {}
        for role in ("id", "client", "time"):
            column = getattr(self._fields, role)
            if None in held[column]:
                bad |= {
                    row: f"{column} is missing, so it cannot be grouped" for row in range(count) if held[column][row] is None
                }
        column, times = self._fields.time, held[self._fields.time]
        far = [row for row, time_ms in enumerate(times) if time_ms is not None and not 0 <= time_ms < LAST_MS]
        return bad | dict.fromkeys(far, f"{column} is no time from 1970 to 9999, so it cannot be grouped")

    def _keys(self, held: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int]]:
        base, known = self._rules.base, dict[tuple[Any, ...], int]()
        found = zip(held[self._fields.client], *(held[column] for column in base.by), strict=True)
        key_of = [known.setdefault(values, len(known) + 1) for values in found]
        return [key_text(base.label, values[0], values[1:]) for values in known], key_of

    def _rows(self, held: Mapping[str, Sequence[Any]]) -> tuple[list[tuple[Any, ...]], list[int], list[bool]]:
        """Give the distinct rows of what is shown, the one of each hit, and of each whether the burst rule looks at it."""
        known = dict[tuple[Any, ...], int]()
        # As text: a number of more than 14 digits would not come back from Redis as it went.
        clients = map(str, held[self._fields.client])
        found = zip(clients, *(held[column] for column in self._shown), strict=True)
        row_of = [known.setdefault(values, len(known) + 1) for values in found]
        burst = self._rules.burst
        if burst is None:
            return list(known), row_of, [False] * len(known)
        leaves = [(self._shown.index(column) + 1, set(values)) for column, values in burst.exceptions.items()]
        return list(known), row_of, [all(str(row[at]) not in out for at, out in leaves) for row in known]


def _values(column: pa.Array[Any]) -> list[Any]:
    """Give a column as plain values, times as epoch milliseconds."""
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("ms", column.type.tz)).view(pa.int64())
    return column.to_pylist()
