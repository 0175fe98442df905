"""Takes the sample bodies, proves that they still give the records and rejects written beside them."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from pushed_http import ScriptedHttp, answered

from connectors.push import long_poll, ndjson, sse
from connectors.push.batches import batch_of
from connectors.push.board import Board
from connectors.push.door import Door
from connectors.push.options import PushConfig
from wellhead.avro.conform import conform
from wellhead.avro.schema import load

SAMPLES = Path(__file__).parents[3] / "connectors" / "push" / "samples"
JSON = {"id_field": "id", "event_field": "kind"}
READS = {
    "sse.log": (sse, "text/event-stream", {}),
    "ndjson.log": (ndjson, "application/x-ndjson", {"protocol": "ndjson", **JSON}),
    "long_poll.page.json": (
        long_poll,
        "application/json",
        {"protocol": "long_poll", "items_field": "events", "position_field": "next", **JSON},
    ),
}
RECEIVED_MS = 1_770_109_502_000


def decoded(case):
    """The sample as JSON."""
    way, kind, options = READS[case]
    config = PushConfig(url="https://push.example/events", time_field="time", **options)
    http = ScriptedHttp(answered((SAMPLES / case).read_bytes(), kind=kind), answered(status=204, kind=None))

    async def read():
        arrivals = [("default", each) async for each in way.receive(Door(http, config, "default"), "")]
        board = Board(["default"], None, 16)
        taken = board.take(arrivals)
        return await batch_of(taken, board.cursor(since_ms=None), config, RECEIVED_MS)

    batch = asyncio.run(read())
    records, bad = conform(batch.table, load("push.event"))
    assert not bad
    return {
        "records": [
            {name: str(value) if name in {"received_at", "time"} else value for name, value in row.items() if value is not None}
            for row in records.to_pylist()
        ],
        "rejects": [{"raw": reject.raw.decode("latin-1"), "reason": reject.reason} for reject in batch.rejects],
        "cursor": batch.cursor.model_dump(exclude_defaults=True),
    }


@pytest.mark.parametrize("case", sorted(READS))
def test_golden(case):
    """A sample body gives the records, rejects and cursor beside it; `make golden` writes them anew."""
    path = SAMPLES / f"{case.removesuffix('.json').removesuffix('.log')}.expected.json"
    found = json.dumps(decoded(case), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("WELLHEAD_GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found
