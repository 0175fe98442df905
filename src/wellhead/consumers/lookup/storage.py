"""Takes a path, gives the DuckDB file there, open for one process; never throws away what it cannot tell to be ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from wellhead.errors import PermanentError, TemporaryError

DAMAGED = ".damaged"
_TOO_SMALL = "memory limit"
_IN_USE = "Could not set lock"
_FULL = ("No space left", "max_temp_directory_size")
_DAMAGES = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes",
    "Cannot open database",
    "Failed to load metadata",
    "version number",
    "WAL file",
    "Trying to read a database file",
)
_BROKEN = (duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException)


class StateDamaged(TemporaryError):  # noqa: N818 - the name says the state
    """The file cannot be read; it has been moved aside. Open the state again: it is read anew from the topic, at no API call."""


class Storage:
    """One DuckDB file and what belongs to it.

    Args:
        path: The file; beside it lie `<name>.wal` and the folder `<name>.spill`.
        memory_limit: What DuckDB may hold in memory, such as 256MB; beyond it, it spills to disk.
        threads: How many threads a statement may use.

    Raises:
        StateDamaged: The file cannot be read; it has been moved aside.
        TemporaryError: Another process has it open, or the disk is full.
        PermanentError: The folder or file cannot be written.
    """

    def __init__(self, path: Path, memory_limit: str, threads: int) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PermanentError(
                f"lookup state {path}: its folder cannot be made: {error}. Set another state folder."
            ) from error
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()  # A process that died while it made the file left no more than its name.
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": f"{path}.spill",
        }
        self._open: duckdb.DuckDBPyConnection | None = None
        self._reader: duckdb.DuckDBPyConnection | None = None
        with self.guarded():
            self._open = duckdb.connect(path, config=settings)
            self._reader = self._open.cursor()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection that writes, until `close`."""
        assert self._open is not None, "closed"
        return self._open

    @property
    def reader(self) -> duckdb.DuckDBPyConnection:
        """A second connection to the same file: a result that nobody fetched to its end would stop the writing one."""
        assert self._reader is not None, "closed"
        return self._reader

    def close(self) -> None:
        """Close the file; everything committed is in it or its write-ahead log."""
        connections, self._open, self._reader = (self._reader, self._open), None, None
        for connection in connections:
            if connection is not None:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give the connection inside a transaction that ends with the block: committed, or after an error as if it had not been."""
        with self.guarded():
            self.connection.begin()
            try:
                yield self.connection
                self.connection.commit()
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what DuckDB raises in the block into the error whose type is the recovery; move a damaged file aside."""
        try:
            yield
        except duckdb.Error as error:
            raise self._recovery(error) from error

    def _roll_back(self) -> None:
        try:
            self.connection.rollback()
        except duckdb.Error:
            # The transaction is gone with the database; what broke it is on its way.
            return

    def _recovery(self, error: duckdb.Error) -> Exception:
        what, said = f"lookup state {self.path}", str(error).splitlines()[0]
        if _IN_USE in said:
            return TemporaryError(f"{what}: another process has it open: {said.removeprefix('IO Error: ')}")
        if any(sign in said for sign in _FULL):
            return TemporaryError(f"{what}: no room left on its disk: {said}. Free some; nothing is lost.")
        if isinstance(error, duckdb.OutOfMemoryException) or _TOO_SMALL in str(error):
            return PermanentError(f"{what}: not enough memory: {said}. Raise the state's memory limit.")
        if isinstance(error, _BROKEN) or any(sign in said for sign in _DAMAGES):
            aside = self._move_aside()
            return StateDamaged(f"{what}: cannot be read ({said}); moved to {aside}. It is built again from the topic.")
        if isinstance(error, duckdb.IOException):
            return PermanentError(f"{what}: {said}. Check the folder's rights and its disk.")
        return error

    def _move_aside(self) -> Path:
        with suppress(duckdb.Error):  # It may be too broken to be closed; this process no longer uses it either way.
            self.close()
        aside = self.path.with_name(self.path.name + DAMAGED)
        self.path.replace(aside)
        Path(f"{self.path}.wal").unlink(missing_ok=True)
        return aside
