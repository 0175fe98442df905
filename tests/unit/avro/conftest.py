"""Gives tests small schemas by hand and any number of them, with rows, from hypothesis."""

import datetime as dt
import decimal
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fastavro
import pytest
from hypothesis import strategies as st

from wellhead.avro.schema import Schema

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
TEXT = st.text(max_size=6)
ZONED = st.integers(0, 9_200_000_000_000_000).map(lambda micros: EPOCH + dt.timedelta(microseconds=micros))


def in_millis(moment: dt.datetime) -> dt.datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Case:
    """A schema and rows it takes."""

    schema: Schema
    rows: list[dict[str, Any]]

    def oracle(self, schema_id: int) -> list[bytes]:
        """Give what fastavro makes of the rows."""
        return [framed(self.schema, schema_id, row) for row in self.rows]


def framed(schema: Schema, schema_id: int, row: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, row)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def schema_of(*fields: Any, version: int = 1, **more: Any) -> Schema:
    parts = [field if isinstance(field, dict) else {"name": field[0], "type": field[1], "doc": "d"} for field in fields]
    return Schema("test.subject", version, json.dumps({"type": "record", "name": "Row", "fields": parts, **more}))


PLAIN: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("float", st.floats(width=32, allow_nan=False)),
    ("double", st.floats(allow_nan=False)),
    ("string", TEXT),
    ("bytes", st.binary(max_size=6)),
    ({"type": "string", "logicalType": "uuid"}, st.uuids().map(str)),
    ({"type": "int", "logicalType": "date"}, st.dates()),
    (
        {"type": "int", "logicalType": "time-millis"},
        st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
    ),
    ({"type": "long", "logicalType": "time-micros"}, st.times()),
    ({"type": "long", "logicalType": "timestamp-millis"}, ZONED.map(in_millis)),
    ({"type": "long", "logicalType": "timestamp-micros"}, ZONED),
    ({"type": "long", "logicalType": "local-timestamp-millis"}, ZONED.map(lambda t: in_millis(t).replace(tzinfo=None))),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, ZONED.map(lambda t: t.replace(tzinfo=None))),
]
ROW_BY_ROW: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, st.integers(-(10**9) + 1, 10**9 - 1)),
    ({"type": "fixed", "name": "", "size": 3}, st.binary(min_size=3, max_size=3)),
]


class Drawn:
    """Draws types, each with a strategy of its values; names are unique in a schema."""

    def __init__(self, data: st.DataObject, *, columnar: bool) -> None:
        self._data = data
        self._names = 0
        self._leaves = PLAIN if columnar else PLAIN + ROW_BY_ROW * 4

    def name(self) -> str:
        self._names += 1
        return f"name_{self._names}"

    def type(self, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        shapes = ["plain", "plain", "enum", "array", "map", "record", "union"] if depth else ["plain", "plain", "enum"]
        shape = self._data.draw(st.sampled_from(shapes))
        avro, values = getattr(self, f"_{shape}")(depth - 1)
        if shape == "union":
            return avro, values
        how = self._data.draw(st.sampled_from(["required", "null first", "null last"]))
        if how == "required":
            return avro, values
        return (["null", avro] if how == "null first" else [avro, "null"]), st.none() | values

    def _plain(self, _depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        avro, values = self._data.draw(st.sampled_from(self._leaves))
        if isinstance(avro, dict) and avro["type"] == "fixed":
            return {**avro, "name": self.name()}, values
        if isinstance(avro, dict) and avro["logicalType"] == "decimal":
            return avro, values.map(lambda number: decimal.Decimal(number).scaleb(-2))
        return avro, values

    def _enum(self, _depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        symbols = ["A", "B", "C"]
        return {"type": "enum", "name": self.name(), "symbols": symbols}, st.sampled_from(symbols)

    def _array(self, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        items, values = self.type(depth)
        return {"type": "array", "items": items}, st.lists(values, max_size=3)

    def _map(self, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        items, values = self.type(depth)
        return {"type": "map", "values": items}, st.dictionaries(TEXT, values, max_size=3)

    def _record(self, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        parts = {self.name(): self.type(depth) for _ in range(self._data.draw(st.integers(1, 3)))}
        fields = [{"name": name, "type": avro} for name, (avro, _) in parts.items()]
        avro = {"type": "record", "name": self.name(), "fields": fields}
        return avro, st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})

    def _union(self, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
        kinds: list[tuple[Any, st.SearchStrategy[Any]]] = [
            ("null", st.none()),
            ("boolean", st.booleans()),
            ("long", st.integers(-(2**63), 2**63 - 1)),
            ("string", TEXT),
            ("bytes", st.binary(min_size=1, max_size=4)),  # fastavro takes b"" for an empty array
            ({"type": "array", "items": "string"}, st.lists(TEXT, max_size=2)),
        ]
        branches = self._data.draw(st.lists(st.sampled_from(range(len(kinds))), min_size=3, max_size=5, unique=True))
        return [kinds[index][0] for index in branches], st.one_of(*(kinds[index][1] for index in branches))


def draw_case(data: st.DataObject, *, columnar: bool = True, max_rows: int = 6) -> Case:
    drawn = Drawn(data, columnar=columnar)
    parts = {drawn.name(): drawn.type(2) for _ in range(data.draw(st.integers(1, 4)))}
    for _ in range(data.draw(st.integers(0, 12))):
        parts[drawn.name()] = (data.draw(st.sampled_from([["null", "long"], ["string", "null"], "null"])), st.none())
    order = data.draw(st.permutations(list(parts)))
    schema = schema_of(*((name, parts[name][0]) for name in order))
    row = st.fixed_dictionaries({name: parts[name][1] for name in order})
    return Case(schema, data.draw(st.lists(row, min_size=1, max_size=max_rows)))


@pytest.fixture(scope="session")
def cases() -> Callable[..., Case]:
    """Draws a schema and rows it takes: `cases(data, columnar=True, max_rows=6)`."""
    return draw_case


@pytest.fixture(scope="session")
def schema() -> Callable[..., Schema]:
    """Makes a schema of (name, type) pairs or whole field dicts."""
    return schema_of


@pytest.fixture(scope="session")
def oracle() -> Callable[[Schema, int, dict[str, Any]], bytes]:
    """Frames and encodes one row with fastavro."""
    return framed
