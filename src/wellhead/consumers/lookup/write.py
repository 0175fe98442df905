"""Takes a state and a mapping, gives the lookup file and its manifest on disk; rewrites nothing that would be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from wellhead.consumers.lookup import manifest as manifests
from wellhead.consumers.lookup.durable import disk_trouble, publish, sha256_of, sync_folder, temporary
from wellhead.consumers.lookup.manifest import Manifest, Part, Source
from wellhead.consumers.lookup.mappings import LoadedMapping
from wellhead.consumers.lookup.mend import Mended, Touched, can_mend, mend
from wellhead.consumers.lookup.select import Select, Since, literal
from wellhead.consumers.lookup.split import cut
from wellhead.errors import PermanentError, TemporaryError, WellheadError

Step = Callable[[str], None]

MEND_RATIO = 0.2
"""Share of a file's rows up to which it is mended; above it, it is as quick to write all of them."""


class Memory(Protocol):
    """What a state remembers: which files were made of it, and since when it knows what went."""

    def note(self, name: str) -> dict[str, Any] | None: ...
    def write_note(self, name: str, value: dict[str, Any] | None) -> None: ...
    def floor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """What a file is made of and when: the state's place in the topic, and the clock."""

    source: Source
    now_ms: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be written: by which mapping, of what, the bytes above which it is split (None = never), and the parts it had at most."""

    loaded: LoadedMapping
    at: Moment
    limit: int | None
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Written:
    """A lookup file on disk, and whether its rows are other ones than before."""

    manifest: Manifest
    changed: bool


class FileWriter:
    """Writes the files of one lookup into one folder.

    Args:
        connection: The state's; only read.
        folder: Where files and manifests go.
        step: Called at the named points where a crash must do no harm.
        memory: The state itself: with it a file of which little changed is mended, where without it all of it is made anew.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, step: Step, *, memory: Memory | None = None
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._step = step
        self._memory = memory

    def write(self, wanted: Wanted, *, trust: bool) -> Written:
        """Have the file of a mapping stand as the state has it at a moment.

        Args:
            wanted: The file.
            trust: Take files of the right size for the right ones; else their digests are looked at.

        Raises:
            TemporaryError: The disk is full or failing; the former file stands.
            PermanentError: The rights are missing, or a row is larger than the limit.
        """
        name = wanted.loaded.mapping.file
        with disk_trouble(f"write {self._folder / name}"):
            former = manifests.read(self._folder, name)
            if former is not None and _still_right(former, wanted) and self._stands(former, trust=trust):
                return Written(former, changed=False)
            whole = temporary(self._folder, f"{name}.whole")
            try:
                return self._renew(wanted, whole, former, trust=trust)
            finally:
                whole.unlink(missing_ok=True)

    def _stands(self, former: Manifest, *, trust: bool) -> bool:
        if not former.stands(self._folder):
            return False
        return trust or all(sha256_of(file.path) == file.sha256 for file in former.files(self._folder))

    def _renew(self, wanted: Wanted, whole: Path, former: Manifest | None, *, trust: bool) -> Written:
        mapping = wanted.loaded.mapping
        mended = self._mend(wanted, whole, former) if former is not None else None
        rows, digest = (mended.rows, mended.sha256) if mended is not None else (self._copy(wanted, whole), sha256_of(whole))
        self._step("rows_written")
        single = Part(file=mapping.file, rows=rows, bytes=whole.stat().st_size, sha256=digest)
        shape = (single.sha256, wanted.limit, tuple(mapping.columns))
        is_same = former is not None and (former.sha256, former.limit, former.columns) == shape
        kept = former if is_same and former is not None and self._stands(former, trust=trust) else None
        parts = kept.parts if kept is not None else self._place(wanted, whole, single, former)
        self._step("file_named")
        written_at = kept.written_at if kept is not None else manifests.as_text(wanted.at.now_ms)
        made = self._manifest(wanted, parts, single.sha256, written_at)
        manifests.write(self._folder, made)
        self._step("manifest_written")
        if self._memory is not None:
            self._memory.write_note(_note(made.file), _origin(made, wanted.loaded))
        return Written(made, changed=kept is None)

    def _mend(self, wanted: Wanted, into: Path, former: Manifest) -> Mended | None:
        """Write the file as the former one with what changed since; None where that cannot be, or would be no quicker.

        The state must know the former file for its own: one of another state, or of a copy that was put back, lacks other rows.
        """
        memory, at, loaded = self._memory, wanted.at, wanted.loaded
        if memory is None or not can_mend(loaded.mapping) or former.mapping_digest != loaded.digest:
            return None
        if (
            memory.note(_note(former.file)) != _origin(former, loaded)
            or not memory.floor() <= former.source.seq <= at.source.seq
        ):
            return None
        if manifests.as_text(at.now_ms) < former.checked_at or not former.stands(self._folder):
            return None
        select, fresh = Select(loaded.mapping, loaded.types), into.with_suffix(".fresh.tmp")
        since = Since(former.source.seq, former.valid_until_ms)
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {select.touched(since, at.now_ms)}")
            keys = self._connection.sql("FROM touched ORDER BY ALL").to_arrow_table().column(0).cast(pa.binary())
            if len(keys) > former.rows * MEND_RATIO:
                return None
            self._copy_rows(wanted, fresh, among="touched")
            return mend(former, self._folder, Touched(keys.to_pylist(), fresh), into)
        except duckdb.Error as error:
            raise _refused(error, into, loaded.mapping.file) from error
        finally:
            fresh.unlink(missing_ok=True)
            with suppress(duckdb.Error):
                self._connection.execute("DROP TABLE IF EXISTS touched")

    def _copy(self, wanted: Wanted, into: Path) -> int:
        """Write the whole file under a temporary name, and give its rows."""
        try:
            return self._copy_rows(wanted, into, among=None)
        except duckdb.Error as error:
            raise _refused(error, into, wanted.loaded.mapping.file) from error

    def _copy_rows(self, wanted: Wanted, into: Path, *, among: str | None) -> int:
        force = ", FORCE_QUOTE *" if wanted.loaded.mapping.quote == "all" else ""
        query = Select(wanted.loaded.mapping, wanted.loaded.types).rows(wanted.at.now_ms, among)
        header = "false" if among is not None else "true"
        options = f"FORMAT csv, HEADER {header}, DELIMITER ',', QUOTE '\"', ESCAPE '\"', USE_TMP_FILE false{force}"
        found = self._connection.execute(f"COPY ({query}) TO {literal(str(into))} ({options})").fetchone()
        return int(found[0]) if found is not None else 0

    def _place(self, wanted: Wanted, whole: Path, single: Part, former: Manifest | None) -> tuple[Part, ...]:
        """Give the file, or its parts, their names; the manifest, which comes after, tells which of them count."""
        name, limit = wanted.loaded.mapping.file, wanted.limit
        before = max(wanted.parts, len(former.parts) if former is not None else 1)
        if before == 1 and (limit is None or single.bytes <= limit):
            publish(whole, self._folder / name)
            return (single,)
        parts = cut(whole, name, limit=limit or single.bytes, at_least=before, folder=self._folder)
        for part in parts:
            publish(temporary(self._folder, part.file), self._folder / part.file)
        sync_folder(self._folder)
        return tuple(parts)

    def _manifest(self, wanted: Wanted, parts: tuple[Part, ...], digest: str, written_at: str) -> Manifest:
        loaded, at = wanted.loaded, wanted.at
        summary = self._connection.execute(Select(loaded.mapping, loaded.types).summary(at.now_ms)).fetchone()
        assert summary is not None
        records, valid_until_ms, newest_ms = summary
        mapping = loaded.mapping
        return Manifest(
            file=mapping.file,
            mapping=loaded.name,
            mapping_digest=loaded.digest,
            rows=sum(part.rows for part in parts),
            bytes=sum(part.bytes for part in parts),
            sha256=digest,
            columns=tuple(mapping.columns),
            key=mapping.key,
            records=records,
            source=at.source,
            newest_ms=newest_ms,
            valid_until_ms=valid_until_ms,
            written_at=written_at,
            checked_at=manifests.as_text(at.now_ms),
            parts=parts,
            limit=wanted.limit,
        )


def _note(file: str) -> str:
    return f"written:{file}"


def _origin(manifest: Manifest, loaded: LoadedMapping) -> dict[str, Any]:
    """Tell what a file was made of and how: a mended one would go on with what another version had written."""
    how = hashlib.sha256((duckdb.__version__ + Select(loaded.mapping, loaded.types).rows(0)).encode()).hexdigest()
    return {"sha256": manifest.sha256, "seq": manifest.source.seq, "how": how[:16]}


def _still_right(known: Manifest, wanted: Wanted) -> bool:
    """Tell whether a file needs no new look: nothing changed in the state, nothing expired, and the mapping is the same."""
    at, loaded = wanted.at, wanted.loaded
    expired = known.valid_until_ms is not None and known.valid_until_ms <= at.now_ms
    return (
        known.source.same_rows(at.source)
        and (known.mapping, known.mapping_digest, known.limit) == (loaded.name, loaded.digest, wanted.limit)
        and not expired
    )


def _refused(error: duckdb.Error, into: Path, file: str) -> WellheadError:
    said = str(error).splitlines()[0]
    if isinstance(error, duckdb.IOException):
        return TemporaryError(f"cannot write {into}: {said}; the former file still stands, make room or mend the disk")
    if isinstance(error, duckdb.OutOfMemoryException):
        return PermanentError(f"{file} does not fit state.memory.max ({said}); raise it, or give the state's folder more room")
    return PermanentError(f"{file} cannot be made by its mapping: {said}")


def header_bytes(manifest: Manifest) -> int:
    """Give the size of a file without rows, as it would be with every field quoted."""
    return len(",".join(f'"{column}"' for column in manifest.columns).encode()) + 1
