"""Takes the sample pages, proves that they still decode to the records and rejects written beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.wallarm.answer import Page
from connectors.wallarm.decode import Decoded, decode
from connectors.wallarm.grouped import decode_attacks
from connectors.wallarm.vectors import decode_vectors
from wellhead.avro.conform import conform
from wellhead.avro.schema import load

SAMPLES = Path(__file__).parents[3] / "connectors" / "wallarm" / "samples"
PAGES = sorted(path.stem for path in SAMPLES.glob("*.page.json"))
# The vendor's answer is told by the beginning of a sample's name.
READS: dict[str, tuple[Callable[[Page, int], Decoded], str, str]] = {
    "hits": (decode, "body", "wallarm.hit"),
    "vectors": (decode_vectors, "data", "wallarm.hit"),
    "attacks": (decode_attacks, "body", "wallarm.attack"),
    "rows": (decode_attacks, "data", "wallarm.attack"),
}


def decoded(case: str) -> dict[str, Any]:
    """The sample as JSON: nulls left out, times in ISO 8601."""
    read, name, subject = READS[case.split(".", maxsplit=1)[0].split("-", maxsplit=1)[0]]
    content = (SAMPLES / f"{case}.json").read_bytes()
    found = read(Page(json.loads(content)[name], name, None, content), 4242)
    records, bad = conform(found.table, load(subject))
    assert not bad
    return {
        "records": [shown(row) for row in records.to_pylist(maps_as_pydicts="strict")],
        "rejects": [
            {"reason": r.reason, "field": r.field, "raw": r.raw.decode(), "context": r.context.decode()} for r in found.rejects
        ],
        "names": found.names,
        "seconds": found.seconds,
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items() if value is not None
    }


@pytest.mark.parametrize("case", PAGES)
def test_golden_samples_decode_as_written(case: str) -> None:
    """Each sample page gives exactly the records and rejects of its expected file; `make golden` rewrites that file."""
    expected = SAMPLES / f"{case}.expected.json"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        expected.write_text(json.dumps(decoded(case), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert decoded(case) == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("subject", ["wallarm.hit", "wallarm.attack"])
def test_golden_samples_cover_the_schema(subject: str) -> None:
    """Every column of each schema stands in some expected record."""
    cases = [case for case in PAGES if READS[case.split(".")[0].split("-")[0]][2] == subject]
    written = {name for case in cases for record in decoded(case)["records"] for name in record}
    assert set(load(subject).names) - written == set()
