"""Takes the records of one partition in order, gives the findings of the gateways in it and what is known of each; knows no Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.consumers.floods.findings import Finding, Source

KEPT_MS = 86_400_000
"""A finding that closed is kept so long for those who ask for it."""
KEPT_CLOSED = 50
"""So many of them of one gateway."""
FORGOTTEN_MS = 7 * 86_400_000
"""A gateway that sent nothing for so long is forgotten."""
GATEWAY = "gateway"


class Detects(Protocol):
    """What finds floods in the records of one gateway."""

    def take(self, batch: pa.RecordBatch, source: Source) -> list[Finding]:
        """Take records, and give the findings that changed."""
        ...

    def tick(self, now_ms: int) -> list[Finding]:
        """Let time go on without records, and give the findings that changed."""
        ...

    @property
    def totals(self) -> Mapping[Source, Mapping[str, int]]:
        """Connections by source, and by what they are."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Give all that is known, for JSON."""
        ...

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Know what a snapshot says; ValueError where it is of another gateway or version."""
        ...


@dataclass(slots=True)
class Watched:
    """A gateway of the partition.

    Attributes:
        detector: What finds floods in its records.
        last_ms: Kafka's time of its last record.
        heard_secs: When that came here, in monotonic time.
        findings: Those open and those lately closed, by id.
        changed: Whether something of it is not written yet.
        parts: Records of the state topic that hold what the detector knows.
    """

    detector: Detects
    last_ms: int = 0
    heard_secs: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)
    changed: bool = False
    parts: int = 0

    def note(self, found: Sequence[Finding]) -> None:
        """Keep findings that changed, and forget closed ones that are old or too many."""
        self.findings |= {each.id: each for each in found}
        closed = sorted((each for each in self.findings.values() if each.kind == "closed"), key=lambda each: each.time_ms)
        since_ms = max(each.time_ms for each in found) - KEPT_MS
        old = [each for each in closed if each.time_ms < since_ms]
        for each in [*old, *closed[len(old) : max(len(old), len(closed) - KEPT_CLOSED)]]:
            del self.findings[each.id]

    @property
    def open(self) -> list[Finding]:
        """The findings that are open."""
        return [each for each in self.findings.values() if each.kind != "closed"]


class PartitionWatch:
    """What is known of one partition. One thread uses it.

    Args:
        source: What the records are.
        detector_of: Makes the detector of a gateway.
        next_offset: Of the first record that is not in it.

    Attributes:
        source: What the records are.
        next: Offset of the next record.
        watermark_ms: The newest of Kafka's times before it.
        gateways: What is known of each gateway.
        pending: Findings that are not written yet, in order.
        gone: Gateways that were forgotten, and whose state is not taken out of the topic yet, with how many parts it has.
    """

    def __init__(self, source: Source, detector_of: Callable[[str], Detects], next_offset: int) -> None:
        self.source: Source = source
        self._detector_of = detector_of
        self.next = next_offset
        self.watermark_ms = 0
        self.gateways: dict[str, Watched] = {}
        self.pending: list[Finding] = []
        self.gone: dict[str, int] = {}
        self.moved = False

    def take(self, batch: pa.RecordBatch, kafka_ms: Sequence[int], next_offset: int, now_secs: float) -> None:
        """Take records in their order.

        Args:
            batch: The records.
            kafka_ms: Kafka's time of each.
            next_offset: Of the record after them, and after those beside them that could not be read.
            now_secs: Monotonic time.
        """
        self.watermark_ms = max(self.watermark_ms, *kafka_ms, 0)
        for gateway, part, last_ms in _by_gateway(batch, kafka_ms):
            watched = self._watched(gateway)
            watched.last_ms, watched.heard_secs = last_ms, now_secs
            self._found(watched, watched.detector.take(part, self.source))
            watched.changed = True
        self.next = next_offset
        self.moved = True

    def idle(self, now_secs: float, now_ms: int) -> None:
        """Let time go on for gateways that send nothing; only at the end of the partition, where nothing is unread.

        It goes on from the last record of each gateway as it does here since that came: a source that is behind, or a gateway whose clock
        is wrong, is not taken for one that is silent.

        Args:
            now_secs: Monotonic time.
            now_ms: The time.
        """
        for watched in self.gateways.values():
            quiet_ms = int((now_secs - watched.heard_secs) * 1000)
            self._found(watched, watched.detector.tick(watched.last_ms + quiet_ms))
        old = [name for name, each in self.gateways.items() if each.last_ms < now_ms - FORGOTTEN_MS and not each.open]
        for name in old:
            self.gone[name] = self.gateways.pop(name).parts

    def written(self) -> None:
        """Take what stands here for written."""
        self.pending.clear()
        self.gone.clear()
        self.moved = False
        for watched in self.gateways.values():
            watched.changed = False

    @property
    def is_news(self) -> bool:
        """Whether there is something to be written at once."""
        return bool(self.pending or self.gone)

    def _found(self, watched: Watched, found: Sequence[Finding]) -> None:
        if found:
            watched.note(found)
            watched.changed = True
            self.pending += found

    def _watched(self, gateway: str) -> Watched:
        if gateway not in self.gateways:
            self.gateways[gateway] = Watched(self._detector_of(gateway), parts=self.gone.pop(gateway, 0))
        return self.gateways[gateway]

    def restore(self, gateway: str, state: Mapping[str, Any], detector: Mapping[str, Any], now_secs: float) -> None:
        """Know of a gateway what was written of it; ValueError where the detector cannot."""
        watched = self._watched(gateway)
        watched.detector.restore(detector)
        watched.last_ms, watched.heard_secs = state["last_ms"], now_secs
        watched.findings = {each["id"]: Finding.read(each) for each in state["findings"]}


def _by_gateway(batch: pa.RecordBatch, kafka_ms: Sequence[int]) -> Iterator[tuple[str, pa.RecordBatch, int]]:
    """Give the records of each gateway in their order, and the time of the last; those that name none are of one without a name."""
    if batch.num_rows == 0:
        return
    column = batch.column(GATEWAY) if GATEWAY in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
    names = column.unique().to_pylist()
    if len(names) == 1:
        yield str(names[0] or ""), batch, kafka_ms[-1]
        return
    times = pa.array(kafka_ms, pa.int64())
    for name in names:
        mine = pc.is_null(column) if name is None else pc.equal(column, pa.scalar(name, column.type))
        yield str(name or ""), batch.filter(mine), times.filter(mine)[-1].as_py()
