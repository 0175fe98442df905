"""Takes a dead letter of a pushed event, gives the record it is by now, or the same letter again; asks nobody."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.push.board import PushCursor
from connectors.push.events import Arrived
from connectors.push.jsonevents import add
from connectors.push.options import ONLY_CHANNEL, PushConfig
from wellhead import Batch, Reject


def context_of(channel: str, source: str, received_ms: int) -> bytes:
    """Give what reading an event again needs beside its bytes."""
    return orjson.dumps({"channel": channel, "source": source, "received_ms": received_ms})


def read_again(config: PushConfig, _stream: str, reject: Reject) -> Batch[PushCursor]:
    """Read one event again, as it was kept; its number in the channel is not known any more. See `Stream.redrive`."""
    from connectors.push.decode import Facts, table_of  # noqa: PLC0415 - pyarrow takes a while to import

    if reject.cut:
        return Batch([], PushCursor(), rejects=[reject])
    arrived = Arrived()
    add(arrived, reject.raw, config)
    if not arrived.events:
        rejects = [Reject(again.raw, again.reason, context=reject.context) for again in arrived.rejects]
        return Batch([], PushCursor(), rejects=rejects)
    told = _told(reject.context)
    facts = Facts(
        channel=str(told.get("channel", ONLY_CHANNEL)),
        source=str(told.get("source", "")),
        received_ms=int(told.get("received_ms", 0)),
        first_sequence=0,
        after_gap=False,
        time_field=config.time_field,
        key_field=config.key_field,
    )
    return Batch(table_of([(arrived.events, facts)]), PushCursor())


def _told(context: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(context)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
