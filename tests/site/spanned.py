"""A span of a WSS tenant's history: what it holds, and what Kafka holds of it, live and by a backfill."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import fastavro
import readback
from deployed import SCHEMA, Deployed

_HOUR_MS = 3_600_000
_HEADER = "wellhead.backfill"


class Span:
    """From ten past an hour to twenty past a later one, so that neither end is one of the vendor's.

    Attributes:
        since: Its first moment as the command line takes it.
        until: The first moment that is left out.
    """

    def __init__(self, base: Deployed, *, hours: int = 1) -> None:
        self._base = base
        first_ms = min(_time_ms(record.identity) for record in base.simulator.truth(values=False) if record.kind == "record")
        self.from_ms = first_ms // _HOUR_MS * _HOUR_MS + 600_000
        self.to_ms = self.from_ms + hours * _HOUR_MS + 600_000
        self.since, self.until = (datetime.fromtimestamp(at_ms / 1000, UTC).isoformat() for at_ms in (self.from_ms, self.to_ms))

    def held(self) -> Counter[Any]:
        """Give the records of the span that the vendor holds."""
        truth = self._base.simulator.truth(values=False)
        named = [record.identity for record in truth if record.kind == "record"]
        return Counter(identity for identity in named if self.from_ms <= _time_ms(identity) < self.to_ms)

    def published(self) -> dict[str, Counter[Any]]:
        """Give the records that Kafka holds by the backfill that its header names; the live ones by an empty one."""
        parsed = fastavro.parse_schema(json.loads(SCHEMA.read_text()))
        found: dict[str, Counter[Any]] = {}
        for message in readback.messages(self._base.bootstrap, f"{self._base.prefix}wss.access_log"):
            record = fastavro.schemaless_reader(io.BytesIO((message.value() or b"")[5:]), parsed, None)
            assert isinstance(record, dict)
            named = dict(message.headers() or ()).get(_HEADER, b"")
            assert isinstance(named, bytes)
            found.setdefault(named.decode(), Counter())[self._base.simulator.identity_of(record)] += 1
        return found


def _time_ms(identity: tuple[str, ...]) -> int:
    return int(datetime.fromisoformat(f"{identity[0]}T{identity[1]}+00:00").timestamp() * 1000)
