"""Takes the sample pages, proves that they still decode to the records, rejects and counts written beside them."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.threatstream.answer import page_in
from connectors.threatstream.decode import decode
from connectors.threatstream.fields import COLUMNS
from connectors.threatstream.paging import Asked
from wellhead.avro.conform import conform
from wellhead.avro.schema import load

SAMPLES = Path(__file__).parents[3] / "connectors" / "threatstream" / "samples"
PAGES = sorted(path.stem for path in SAMPLES.glob("*.page.json"))
NOW_MS = 1_770_195_600_000
SCHEMA = load("threatstream.indicator")


def decoded(case: str) -> dict[str, Any]:
    """The sample as JSON: nulls left out, times in ISO 8601."""
    page = page_in((SAMPLES / f"{case}.json").read_bytes())
    found = decode(page, Asked("ip", 0, 0, NOW_MS, None, NOW_MS))
    records, bad = conform(found.table, SCHEMA)
    assert not bad
    return {
        "records": [shown(row) for row in records.to_pylist(maps_as_pydicts="strict")],
        "rejects": [{"reason": r.reason, "field": r.field, "raw": r.raw.decode()} for r in found.rejects],
        "ended": found.ended.column("id").to_pylist(),
        "filtered": found.filtered,
        "newest": found.newest,
        "unknown_itypes": dict(found.unknown),
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items() if value is not None
    }


@pytest.mark.parametrize("case", PAGES)
def test_golden_samples_decode_as_written(case: str) -> None:
    """Each sample page gives exactly the records, rejects and counts of its expected file; `make golden` rewrites that file."""
    expected = SAMPLES / f"{case}.expected.json"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        expected.write_text(json.dumps(decoded(case), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert decoded(case) == json.loads(expected.read_text(encoding="utf-8"))


def test_golden_samples_cover_the_schema() -> None:
    """Every column of the schema stands in some expected record, or is one the decoder fills from a field it knows."""
    written = {name for case in PAGES for record in decoded(case)["records"] for name in record}
    assert set(SCHEMA.names) - written <= set(COLUMNS) | {"workgroups", "locations", "source_locations"}
