"""Tests that a kept table of the kernel's still gives the sockets and rejects written beside it."""

import json
import os
from pathlib import Path

import pytest

from connectors.sockets.proc import decode

SAMPLES = Path(__file__).parents[3] / "connectors" / "sockets" / "samples"


def decoded(case):
    """The sample as JSON."""
    found, rejects = decode((SAMPLES / f"{case}.log").read_bytes())
    return {
        "records": [{name: value for name, value in row.items() if value is not None} for row in found.to_dicts()],
        "rejects": [{"raw": reject.raw.decode("latin-1"), "reason": reject.reason} for reject in rejects],
    }


@pytest.mark.parametrize("case", sorted(path.stem for path in SAMPLES.glob("*.log")))
def test_golden(case):
    """A table gives the sockets and rejects beside it; `make golden` writes them anew."""
    path = SAMPLES / f"{case}.expected.json"
    found = json.dumps(decoded(case), indent=2) + "\n"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found
