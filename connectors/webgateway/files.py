"""Takes glob patterns, gives what is written to the log files they match; never a line twice, whatever rotates, restarts or dies.

The cursor after each batch holds every file's place, so that alone decides what comes next.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pydantic import Field

from wellhead import Batch, Cursor, PermanentError, Reject, SourceTask, in_thread

if TYPE_CHECKING:  # an idle worker should not hold pyarrow
    from connectors.webgateway.files_tail import Tail

HEARTBEAT_SECS = 30.0


class FilesCursor(Cursor):
    """How far each log file was read."""

    files: str = Field(
        default="",
        description="The files as JSON: inode, bytes read, digests of their first bytes and of the last that were read, header line, flags, since when gone.",
    )
    read_bytes: int = Field(default=0, ge=0, description="Bytes of log text read since the stream began.")


class FilesTask(SourceTask[Any, FilesCursor]):
    """Follows log files while it is polled."""

    async def poll(self, cursor: FilesCursor | None) -> AsyncIterator[Batch[FilesCursor]]:
        """Yield batches of what was written; without `follow` until caught up."""
        tail = await in_thread(self._tail, cursor)
        try:
            if cursor is None:
                cursor = await in_thread(self._first, tail)
                # Kept before anything is read: what `start` skips must not be more after a first run that fails.
                yield Batch([], cursor)
            told_secs = self.clock.monotonic_secs()
            while True:
                async with aclosing(self._written(tail, cursor)) as batches:
                    async for batch in batches:
                        cursor, told_secs = batch.cursor, self.clock.monotonic_secs()
                        yield batch
                if not self.config.follow:
                    return
                if self.clock.monotonic_secs() - told_secs >= HEARTBEAT_SECS:
                    told_secs = self.clock.monotonic_secs()
                    yield Batch([], cursor)
                await self.clock.sleep(self.config.scan_secs)
        finally:
            await in_thread(tail.close)

    async def _written(self, tail: Tail, cursor: FilesCursor) -> AsyncGenerator[Batch[FilesCursor]]:
        """Yield what is there to read now; looks for rotated files in between."""
        looked_secs = float("-inf")
        while True:
            if tail.unsettled or self.clock.monotonic_secs() - looked_secs >= self.config.scan_secs:
                await in_thread(tail.scan)
                looked_secs = self.clock.monotonic_secs()
            batch = await in_thread(self._next, tail, cursor)
            if batch is not None:
                cursor = batch.cursor
                yield batch
            elif not tail.unsettled:
                return

    def _tail(self, cursor: FilesCursor | None) -> Tail:
        from connectors.webgateway.files_place import loaded  # noqa: PLC0415 - isal and pyarrow only where files are read
        from connectors.webgateway.files_tail import Limits, Tail  # noqa: PLC0415

        config = self.config
        try:
            places = loaded(cursor.files) if cursor is not None else []
        except ValueError as error:
            raise PermanentError(
                f"{self.stream}: the cursor's field `files` cannot be read: {error}. Undo the change with 'wellhead offsets undo'"
            ) from None
        limits = Limits(config.chunk_bytes, config.max_files, config.forget_secs, config.last_line_secs)
        return Tail(config.paths, places, limits, self.report, self.clock.now_ms)

    def _first(self, tail: Tail) -> FilesCursor:
        if self.config.start == "end":
            tail.scan()
            tail.skip_to_end()
        return _standing(tail, 0)

    def _next(self, tail: Tail, cursor: FilesCursor) -> Batch[FilesCursor] | None:
        pieces = tail.read()
        if not pieces:
            return None
        after = _standing(tail, cursor.read_bytes + sum(piece.nbytes for piece in pieces))
        table, refused, filtered = self._decoded([(piece.header, piece.lines) for piece in pieces])
        rejects = [reject for piece in pieces for reject in piece.rejects]
        return Batch(table, after, [*rejects, *refused], filtered)

    def _decoded(self, texts: Sequence[tuple[bytes, bytes]]) -> tuple[Any, list[Reject], Mapping[str, int]]:
        """Give lines as records; each text with the header line in force before it."""
        from connectors.webgateway.text import decoded  # noqa: PLC0415

        own = (self.config.header or "").encode()
        found = decoded(self.config, [(header or own, lines, {}) for header, lines in texts])
        return found.table, found.rejects, found.filtered


def _standing(tail: Tail, read_bytes: int) -> FilesCursor:
    from connectors.webgateway.files_place import dumped  # noqa: PLC0415

    return FilesCursor(files=dumped(tail.places()), read_bytes=read_bytes)
