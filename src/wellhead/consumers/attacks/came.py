"""Takes when hits reached Kafka and in which traces, gives the headers by which both go on to the documents made of them; reads no hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wellhead.kafka.messages import Headers
from wellhead.telemetry.onward import Going
from wellhead.telemetry.spans import TRACEPARENT

HIT_MS: Final = "hit_ms"
"""Header of a document: when the hit it was made of reached Kafka, the last one of an attack (epoch ms)."""


@dataclass(frozen=True, slots=True)
class Came:
    """How the records of one partition came, aligned.

    Attributes:
        times_ms: When each reached Kafka (epoch ms).
        parents: The `traceparent` of each; none at all when nothing is traced.
    """

    times_ms: Sequence[int]
    parents: Sequence[bytes | None]

    def onward(self, going: Going) -> list[Headers]:
        """Give the headers of what `going` makes of each."""
        times = {at_ms: (HIT_MS, str(at_ms).encode()) for at_ms in set(self.times_ms)}
        onward = {parent: going.onward(parent) for parent in set(self.parents)}
        traces = {parent: [(TRACEPARENT, held)] if held is not None else [] for parent, held in onward.items()}
        if not any(traces.values()):
            return [[times[at_ms]] for at_ms in self.times_ms]
        return [[times[at_ms], *traces[parent]] for at_ms, parent in zip(self.times_ms, self.parents, strict=True)]
