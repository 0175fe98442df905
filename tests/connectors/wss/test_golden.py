"""Takes the sample logs, proves that they still decode to the records and rejects written beside them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from connectors.wss.decode import decode
from connectors.wss.fields import known_columns

SAMPLES = Path(__file__).parents[3] / "connectors" / "wss" / "samples"
LOGS = sorted(path.stem for path in SAMPLES.glob("*.log"))


def decoded(case: str) -> dict[str, Any]:
    """The sample as JSON: nulls left out, times in ISO 8601, raw bytes as Latin-1."""
    found = decode((SAMPLES / f"{case}.log").read_bytes(), None)
    records = []
    for row in found.table.to_pylist():
        record = {name: value for name, value in row.items() if value is not None}
        record["time"] = row["time"].isoformat()
        if "extensions" in record:
            record["extensions"] = dict(record["extensions"])
        records.append(record)
    rejects = [{"reason": r.reason, "field": r.field, "raw": r.raw.decode("latin-1")} for r in found.rejects]
    return {"records": records, "rejects": rejects}


@pytest.mark.parametrize("case", LOGS)
def test_golden_samples_decode_as_written(case: str) -> None:
    """Each sample log gives exactly the records and rejects of its expected file; `make golden` rewrites that file."""
    expected = SAMPLES / f"{case}.expected.json"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        expected.write_text(json.dumps(decoded(case), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert decoded(case) == json.loads(expected.read_text(encoding="utf-8"))


def test_golden_samples_cover_the_schema() -> None:
    """The default sample's header names every column of the schema, so that none is known only by name."""
    header = next(line for line in (SAMPLES / "default.log").read_bytes().splitlines() if line.startswith(b"#Fields"))
    found = decode(header + b"\n", None)
    assert found.layout is not None
    assert {name for _, name in found.layout.columns} == set(known_columns())
    assert found.layout.extras == ()
    assert len(known_columns()) == 74
