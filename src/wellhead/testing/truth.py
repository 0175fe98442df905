"""Takes what a simulator knows it holds, gives a truth file to compare a topic with, never looks at what was served."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PARQUET_ROWS_PER_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class TruthRecord:
    """One event the vendor holds.

    Attributes:
        stream: The stream it belongs to.
        tenant: The tenant it belongs to.
        kind: `record` must be published once; `broken` must be dead-lettered once, with exactly `raw`.
        identity: What names a record, as text, in the order of the stream's identity; empty for a broken one.
        values: The vendor's fields by the vendor's names, None where the vendor sent an empty value; empty when not asked for.
        raw: The bytes as sent, without line end; None for a record whose bytes do not matter.
        quirk: The fault that shaped it, or "" for a plain one.
    """

    stream: str
    tenant: str
    kind: Literal["record", "broken"]
    identity: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    quirk: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give a JSON object; bytes stand in it as base64 under `raw_base64`."""
        line: dict[str, Any] = {
            "stream": self.stream,
            "tenant": self.tenant,
            "kind": self.kind,
            "identity": list(self.identity),
        }
        if self.values:
            line["values"] = dict(self.values)
        if self.raw is not None:
            line["raw_base64"] = base64.b64encode(self.raw).decode()
        if self.quirk:
            line["quirk"] = self.quirk
        return line


def write_truth(records: Iterable[TruthRecord], path: Path) -> Counter[str]:
    """Write a truth file, Parquet when the name ends in `.parquet`, else one JSON object a line; count records by kind."""
    counts: Counter[str] = Counter()
    counted = _counting(records, counts)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever reads the file while it is written again still finds the former one whole.
    partial = path.with_name(f".{path.name}.partial")
    if path.suffix == ".parquet":
        _write_parquet(counted, partial)
    else:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(record.as_json(), ensure_ascii=False) + "\n" for record in counted)
    partial.replace(path)
    return counts


def _counting(records: Iterable[TruthRecord], counts: Counter[str]) -> Iterator[TruthRecord]:
    for record in records:
        counts[record.kind] += 1
        yield record


def _write_parquet(records: Iterator[TruthRecord], path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only this format needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema(
        [
            ("stream", pa.string()),
            ("tenant", pa.string()),
            ("kind", pa.string()),
            ("identity", pa.list_(pa.string())),
            ("values", pa.string()),
            ("raw", pa.binary()),
            ("quirk", pa.string()),
        ],
        metadata={"values": "JSON object of the vendor's fields"},
    )
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(itertools.islice(records, PARQUET_ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist([_parquet_row(record) for record in group], schema=schema))


def _parquet_row(record: TruthRecord) -> dict[str, Any]:
    return {
        "stream": record.stream,
        "tenant": record.tenant,
        "kind": record.kind,
        "identity": list(record.identity),
        "values": json.dumps(dict(record.values), ensure_ascii=False),
        "raw": record.raw,
        "quirk": record.quirk,
    }
