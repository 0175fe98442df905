"""Takes the sample logs, proves that they still give the records and rejects written beside them."""

import json
import os
from pathlib import Path

import pytest

from connectors.webgateway.decode import FormatSpec, open_format
from wellhead.avro.conform import conform
from wellhead.avro.schema import load

SAMPLES = Path(__file__).parents[3] / "connectors" / "webgateway" / "samples"


def decoded(case):
    """The sample as JSON."""
    found = open_format(FormatSpec()).decode((SAMPLES / case).read_bytes())
    records, bad = conform(found.table, load("webgateway.access_log"))
    assert not bad
    return {
        "records": [
            {
                name: str(value) if name == "time" else dict(value) if name == "extensions" else value
                for name, value in row.items()
                if value is not None
            }
            for row in records.to_pylist()
        ],
        "rejects": [{"raw": reject.raw.decode("latin-1"), "reason": reject.reason} for reject in found.rejects],
    }


@pytest.mark.parametrize("case", sorted(path.name for path in SAMPLES.glob("*.log")))
def test_golden(case):
    """A sample log gives the records and rejects beside it; `make golden` writes them anew."""
    path = SAMPLES / f"{case.removesuffix('.log')}.expected.json"
    found = json.dumps(decoded(case), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found
