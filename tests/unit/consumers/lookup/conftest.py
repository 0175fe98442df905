"""A state filled by hand, a mapping of it, and a target that does as it is told."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from wellhead.api import Config
from wellhead.avro import schema as schemas
from wellhead.consumers.lookup.build import columns_of
from wellhead.consumers.lookup.changes import Changes
from wellhead.consumers.lookup.manifest import Source
from wellhead.consumers.lookup.mappings import LoadedMapping, load_mapping
from wellhead.consumers.lookup.state import Layout, LookupState
from wellhead.consumers.lookup.write import Moment
from wellhead.consumers.position import Position
from wellhead.errors import TemporaryError
from wellhead.targets import LookupFile, LookupTarget, RowChanges, ThreadClock
from wellhead.testing.clock import FakeClock

RECORD = "threatstream.indicator"
FAR_MS = 253_402_214_400_000
NOW_MS = 1_767_225_600_000


def indicator(number: int, value: str, **more: Any) -> dict[str, Any]:
    """Give a record of the topic; what is not named is null."""
    known = {"id": number, "update_id": number, "value": value, "ioc_type": "ip", "type": "ip", "expiration_ts": FAR_MS}
    return {**dict.fromkeys(schemas.load(RECORD).arrow.names), **known, **more}


class Rig:
    """A state for some mappings, and what a test puts into it."""

    def __init__(self, folder: Path, *mappings: LoadedMapping) -> None:
        self.folder = folder
        self.mappings = mappings
        self.clock = FakeClock(NOW_MS)
        self.columns = columns_of(mappings)
        layout = Layout(self.columns, "update_id", "integer")
        self.state = LookupState.open(folder / "state.duckdb", layout, clock=self.clock)
        self._offset = 0

    def put(self, *records: dict[str, Any], gone: tuple[int, ...] = ()) -> None:
        """Merge records, then tombstones."""
        keys = [*(str(record["id"]).encode() for record in records), *(str(number).encode() for number in gone)]
        live = np.array([True] * len(records) + [False] * len(gone), np.bool_)
        schema = schemas.load(RECORD).arrow
        rows = pa.RecordBatch.from_pylist(list(records), schema=schema).select(self.columns.names) if records else None
        self._offset += len(keys)
        self.state.apply(
            Changes(pa.array(keys, pa.binary()), live, rows), Position("topic-id", {0: self._offset}, NOW_MS, complete=True)
        )

    def moment(self) -> Moment:
        """Give the state's present, at the clock's time."""
        source = Source(
            topic="t", topic_id="topic-id", offsets={0: self._offset}, seq=self.state.seq(), records=self.state.rows()
        )
        return Moment(source, self.clock.now_ms())


class Options(Config):
    """None."""


class FakeTarget(LookupTarget[Options]):
    """Keeps files in memory; fails, is slow or takes rows as told."""

    name: ClassVar[str] = "fake"
    title: ClassVar[str] = "A fake"
    config = Options

    def __init__(self) -> None:
        super().__init__(Options(), ThreadClock())
        self.files: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.failing: Exception | None = None

    def size_of(self, name: str) -> int | None:
        self.calls.append(f"size {name}")
        return len(self.files[name]) if name in self.files else None

    def put(self, file: LookupFile) -> None:
        self.calls.append(f"put {file.name}")
        if self.failing is not None:
            raise self.failing
        self.require_fit(file)
        self.files[file.name] = file.path.read_bytes()

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(self.files[name].decode().splitlines()))


class PatchingTarget(FakeTarget):
    """Takes single rows, too."""

    def patch(self, name: str, changes: RowChanges) -> bool:
        self.calls.append(f"patch {name}")
        if self.failing is not None:
            raise self.failing
        rows = {tuple(row[key] for key in changes.key_columns): row for row in self.rows(name)}
        changed = list(csv.DictReader(changes.path.read_text().splitlines()))
        assert len(changed) == changes.rows
        rows |= {tuple(row[key] for key in changes.key_columns): row for row in changed}
        header = list(changed[0])
        lines = [",".join(f'"{row[column]}"' for column in header) for row in rows.values()]
        self.files[name] = "\n".join([",".join(f'"{column}"' for column in header), *lines, ""]).encode()
        return True


def away() -> TemporaryError:
    return TemporaryError("the target is away")


@pytest.fixture
def ip() -> LoadedMapping:
    return load_mapping("threatstream/ip")


@pytest.fixture
def rig(tmp_path: Path, ip: LoadedMapping) -> Any:
    made = Rig(tmp_path, ip)
    yield made
    made.state.close()


@pytest.fixture
def known() -> Any:
    """The names above, for tests: modules of tests cannot import each other."""
    return type(
        "Known",
        (),
        {
            "Rig": Rig,
            "FakeTarget": FakeTarget,
            "PatchingTarget": PatchingTarget,
            "indicator": staticmethod(indicator),
            "away": staticmethod(away),
            "NOW_MS": NOW_MS,
            "FAR_MS": FAR_MS,
        },
    )
