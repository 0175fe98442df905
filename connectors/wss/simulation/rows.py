"""Takes row numbers of a tenant, gives their lines as logged and the truth about them, always the same for the same seed."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.wss.simulation.fields import DEFAULT_FIELDS, invent_row, quoted, value_of
from connectors.wss.simulation.quirks import (
    BROKEN_ROW_FAULTS,
    LONG_LINE_BYTES,
    NEW_FIELD,
    Layout,
    Quirks,
    shaped_line,
)
from connectors.wss.simulation.settings import Settings
from connectors.wss.simulation.timeline import SLICE_MS, SLICES_PER_HOUR, Timeline
from wellhead.testing.faults import FaultSpec
from wellhead.testing.truth import TruthRecord

STREAM = "access_log"
BLOCK_ROWS = 4_096
SLICES_PER_LOOK = 4_096
STAMPS_KEPT = 50_000
MS_PER_SEC = 1_000
SLICE_SECS = SLICE_MS // MS_PER_SEC
LATE_STEPS = 65_536


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of one member, in the order they are logged: their numbers, times and which invented row each is."""

    hour: int
    appliance: int
    numbers: NDArray[np.int64]
    secs: list[int]
    kinds: list[int]


class Rows:
    """All rows of one tenant."""

    def __init__(self, settings: Settings, tenant: str, timeline: Timeline, content: Mapping[str, FaultSpec]) -> None:
        digest = hashlib.sha256(f"{settings.seed}/{tenant}".encode()).digest()
        self._settings = settings
        self._timeline = timeline
        self._tenant = tenant
        self._salt = int.from_bytes(digest[:8], "big")
        self._number = 18_000 + digest[8]
        chance = random.Random(self._salt)  # noqa: S311 - data that must repeat
        self._invented = [invent_row(chance, self._number) for _ in range(settings.distinct_rows)]
        middle = DEFAULT_FIELDS[4:-1]
        self._middles = [" ".join(row[field] for field in middle).encode() for row in self._invented]
        self._stamps: dict[int, bytes] = {}
        self._days: dict[int, tuple[str, str]] = {}
        members = [m for m in range(settings.hours * settings.appliances) if self.count(*divmod(m, settings.appliances))]
        self.quirks = Quirks(content, timeline.rows, members, self._salt)

    def cloud_name(self, appliance: int) -> str:
        """Give the instance number that stands in the names of an appliance's members."""
        return str(self._number * 100 + appliance)

    def layout(self, hour: int, appliance: int) -> Layout:
        return self.quirks.layout(hour * self._settings.appliances + appliance)

    def count(self, hour: int, appliance: int, begin: int = 0, end: int | None = None) -> int:
        """Count an appliance's rows in one hour, between two positions."""
        return sum(int((last - first).sum()) for _, first, last in self._spans(hour, appliance, begin, end))

    def blocks(self, hour: int, appliance: int, begin: int = 0, end: int | None = None) -> Iterator[Block]:
        """Give an appliance's rows of one hour, between two positions, a bounded number at a time."""
        for slices, first, last in self._spans(hour, appliance, begin, end):
            counts = last - first
            ends = np.cumsum(counts)
            total = int(ends[-1]) if len(ends) else 0
            for start in range(0, total, BLOCK_ROWS):
                places = np.arange(start, min(start + BLOCK_ROWS, total), dtype=np.int64)
                which = np.searchsorted(ends, places, side="right")
                numbers = first[which] + places - (ends[which] - counts[which])
                yield self._block(hour, appliance, numbers, slices[which])

    def _spans(
        self, hour: int, appliance: int, begin: int, end: int | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Give slices with the first row of the appliance in each and the one after its last."""
        low = max(begin, hour * SLICES_PER_HOUR)
        high = (hour + 1) * SLICES_PER_HOUR if end is None else min(end, (hour + 1) * SLICES_PER_HOUR)
        if low >= high:
            return
        slices = np.arange(low, high, dtype=np.int64)
        rows = self._timeline.first_rows(np.arange(low, high + 1, dtype=np.int64))
        counts = np.diff(rows)
        among = self._settings.appliances
        turn = slices % among  # so that a slice of one row is not always the last appliance's
        yield slices, rows[:-1] + (counts * appliance + turn) // among, rows[:-1] + (counts * (appliance + 1) + turn) // among

    def _block(self, hour: int, appliance: int, numbers: NDArray[np.int64], slices: NDArray[np.int64]) -> Block:
        dice = self._dice(numbers)
        secs = self._timeline.start_ms // MS_PER_SEC + slices * SLICE_SECS + (dice % np.uint64(SLICE_SECS)).astype(np.int64)
        late = (dice >> np.uint64(8)) % np.uint64(LATE_STEPS) < np.uint64(self._settings.late_ratio * LATE_STEPS)
        lateness = (dice >> np.uint64(24)) % np.uint64(self._settings.late_max_secs) + np.uint64(1)
        secs -= np.where(late, lateness.astype(np.int64), 0)
        kinds = (dice >> np.uint64(40)) % np.uint64(len(self._invented))
        return Block(hour, appliance, numbers, secs.tolist(), kinds.tolist())

    def _dice(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Throw 64 bits for each row number (splitmix64)."""
        with np.errstate(over="ignore"):
            bits = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self._salt)
            bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return np.asarray(bits ^ (bits >> np.uint64(31)), np.uint64)

    def lines(self, block: Block) -> list[bytes]:
        """Write a block's rows, without line ends."""
        layout = self.layout(block.hour, block.appliance)
        struck = self.quirks.of_rows(block.numbers)
        if layout.fields is not DEFAULT_FIELDS:
            return [self._shaped(block, place, layout, struck.get(place, ""))[1] for place in range(len(block.secs))]
        name = quoted(_appliance_name(block.appliance)).encode()
        template = b"%d %%b %b %%b %b-%%016x-%%016x" % (self._number, name, self._uid(block.appliance))
        middles, stamp = self._middles, self._stamp
        lines = [
            template % (stamp(secs), middles[kind], number, secs)
            for number, secs, kind in zip(block.numbers.tolist(), block.secs, block.kinds, strict=True)
        ]
        for place, fault in struck.items():
            lines[place] = self._shaped(block, place, layout, fault)[1]
        return lines

    def identities(self, block: Block) -> list[tuple[str, ...]]:
        """Name a block's readable rows; what `truth` says, without the rest, at the speed of a big archive."""
        if self.layout(block.hour, block.appliance).fault == "no_fields":
            return []
        struck = self.quirks.of_rows(block.numbers)
        template = self._uid(block.appliance).decode() + "-%016x-%016x"
        day_and_time = self._day_and_time
        named: list[tuple[str, ...]] = [
            (*day_and_time(secs), template % (number, secs))
            for number, secs in zip(block.numbers.tolist(), block.secs, strict=True)
        ]
        return [name for place, name in enumerate(named) if struck.get(place) not in BROKEN_ROW_FAULTS] if struck else named

    def truth(self, block: Block, *, values: bool) -> Iterator[TruthRecord]:
        """Tell what a careful reader must make of a block's rows."""
        layout = self.layout(block.hour, block.appliance)
        struck = self.quirks.of_rows(block.numbers)
        uid = self._uid(block.appliance).decode()
        for place, (number, secs) in enumerate(zip(block.numbers.tolist(), block.secs, strict=True)):
            fault = struck.get(place, "")
            unreadable = fault in BROKEN_ROW_FAULTS or layout.fault == "no_fields"
            if not (values or unreadable or fault):
                identity = (*self._day_and_time(secs), f"{uid}-{number:016x}-{secs:016x}")
                yield TruthRecord(STREAM, self._tenant, "record", identity, quirk=layout.fault)
                continue
            row, line = self._shaped(block, place, layout, fault)
            quirk = fault or layout.fault
            if unreadable:
                yield TruthRecord(STREAM, self._tenant, "broken", raw=line, quirk=quirk)
                continue
            identity = (row["date"], row["time"], row["x-bluecoat-transaction-uuid"])
            told = {field: value_of(row[field]) for field in layout.fields} if values else {}
            yield TruthRecord(STREAM, self._tenant, "record", identity, told, line if fault else None, quirk)

    def _shaped(self, block: Block, place: int, layout: Layout, fault: str) -> tuple[dict[str, str], bytes]:
        number, secs = int(block.numbers[place]), block.secs[place]
        row = dict(self._invented[block.kinds[place]])
        row["date"], row["time"] = self._day_and_time(secs)
        row["x-bluecoat-appliance-name"] = quoted(_appliance_name(block.appliance))
        row["x-bluecoat-transaction-uuid"] = f"{self._uid(block.appliance).decode()}-{number:016x}-{secs:016x}"
        if layout.fault == "new_field":
            row[NEW_FIELD] = f"new-{number}"
        if fault == "non_utf8":
            row["cs-userdn"] = "EXAMPLE\\josé.peña"
        if fault == "long_line":
            row["cs-uri-query"] = "?pad="
            short = LONG_LINE_BYTES - len(shaped_line("", row, layout.fields))
            row["cs-uri-query"] += "x" * short
        return row, shaped_line(fault, row, layout.fields)

    def _uid(self, appliance: int) -> bytes:
        return b"%016x" % ((self._salt + appliance) % 2**64)

    def _stamp(self, secs: int) -> bytes:
        stamp = self._stamps.get(secs)
        if stamp is None:
            if len(self._stamps) > STAMPS_KEPT:
                self._stamps.clear()
            stamp = self._stamps[secs] = " ".join(self._day_and_time(secs)).encode()
        return stamp

    def _day_and_time(self, secs: int) -> tuple[str, str]:
        both = self._days.get(secs)
        if both is None:
            if len(self._days) > STAMPS_KEPT:
                self._days.clear()
            moment = time.gmtime(secs)
            both = self._days[secs] = time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M:%S", moment)
        return both


def _appliance_name(appliance: int) -> str:
    return f"DP{appliance + 1}-EXMPL3_proxysg{appliance + 1}"
