"""Takes packed log lines, publishes them one row at a time: csv, dict, fastavro, produce; the plain way, kept to compare with.

Run as `python -m benchmarks.rows FILE TOPIC SERVERS ROWS`. Exactly once like the others: one transaction each half second.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import fastavro
from isal import igzip

from benchmarks.corpus import FIELDS
from benchmarks.rowpath import publish
from connectors.wss.fields import column_name

_NUMBERS = {"sc_status": "int", "cs_uri_port": "int", "time_taken": "long", "sc_bytes": "long", "cs_bytes": "long"}
_COLUMNS = [column_name(name) for name in FIELDS.split()]
_DATE, _TIME = _COLUMNS.index("date"), _COLUMNS.index("time")


def schema() -> Any:
    """Give the schema of the 25 fields, all of them nullable."""
    time_type = {"type": "long", "logicalType": "timestamp-millis"}
    fields: list[dict[str, Any]] = [{"name": "time", "type": ["null", time_type]}]
    fields += [
        {"name": name, "type": ["null", _NUMBERS.get(name, "string")]} for name in _COLUMNS if name not in {"date", "time"}
    ]
    return fastavro.parse_schema({"type": "record", "name": "access_log", "fields": fields})


def records(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Parse and type every line that is not a directive."""
    fields = [(at, name, name in _NUMBERS) for at, name in enumerate(_COLUMNS) if name not in {"date", "time"}]
    for row in csv.reader((line for line in lines if not line.startswith("#")), delimiter=" "):
        record: dict[str, Any] = {"time": datetime.fromisoformat(f"{row[_DATE]}T{row[_TIME]}").replace(tzinfo=UTC)}
        for at, name, is_number in fields:
            value = row[at]
            record[name] = None if value == "-" else int(value) if is_number else value
        yield record


def main(file: str, topic: str, servers: str, rows: int) -> None:
    """Publish the first `rows` rows."""
    with igzip.open(file, "rt", encoding="utf-8", newline="\n") as text:  # type: ignore[no-untyped-call]
        publish(islice(records(text), rows), schema(), topic, servers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
