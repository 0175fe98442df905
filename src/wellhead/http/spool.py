"""Takes a body chunk by chunk, gives a file that is gone when its user is, never fills the disk or blocks the event loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from wellhead.errors import PermanentError, TemporaryError

T = TypeVar("T")

CHUNK_BYTES = 256 * 1024
FREE_CHECK_BYTES = 16 * 1024 * 1024  # how much is written between two looks at the disk
PREFIX, SUFFIX = "wellhead-spool-", ".part"


class Spool:
    """One download's file; made by `open_spool`."""

    def __init__(self, descriptor: int, path: Path, min_free_bytes: int, free_bytes: Callable[[Path], int]) -> None:
        self.path = path
        self.size_bytes = 0
        self._descriptor = descriptor
        self._free_bytes = free_bytes
        self._min_free_bytes = min_free_bytes
        self._checked_at_bytes = 0

    async def require_space(self, expected_bytes: int = 0) -> None:
        """Raise `TemporaryError` unless the disk holds `expected_bytes` more and keeps its reserve."""
        await off_loop(self._require_space, expected_bytes)

    async def fill(self, chunks: AsyncIterator[bytes], *, max_bytes: int | None = None) -> bool:
        """Write `chunks` until they end (gives True) or `max_bytes` are passed (gives False, the rest is not read)."""
        buffer = bytearray()
        async for chunk in chunks:
            buffer += chunk
            if len(buffer) >= CHUNK_BYTES:
                await off_loop(self._write, buffer)
                buffer = bytearray()
            if max_bytes is not None and self.size_bytes + len(buffer) > max_bytes:
                await off_loop(self._write, buffer)
                return False
        await off_loop(self._write, buffer)
        return True

    async def reset(self) -> None:
        """Empty the file for another attempt."""
        await off_loop(self._reset)

    def _reset(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.size_bytes = self._checked_at_bytes = 0

    def _write(self, chunk: bytearray) -> None:
        if self.size_bytes - self._checked_at_bytes >= FREE_CHECK_BYTES:
            self._require_space(0)
            self._checked_at_bytes = self.size_bytes
        view = memoryview(chunk)
        try:
            while view:
                written = os.write(self._descriptor, view)
                self.size_bytes += written
                view = view[written:]
        except OSError as error:
            raise TemporaryError(
                f"spool {self.path.parent}: {error.strerror} after {self.size_bytes:,} bytes; free or mend that disk, "
                "or point spool.dir to another"
            ) from error

    def _require_space(self, expected_bytes: int) -> None:
        free = self._free_bytes(self.path.parent)
        if free - expected_bytes < self._min_free_bytes:
            coming = f" and the body is {expected_bytes:,} bytes long" if expected_bytes else ""
            raise TemporaryError(
                f"spool {self.path.parent}: {free:,} bytes are free{coming}, {self._min_free_bytes:,} must stay free; "
                "free space there, point spool.dir to a larger disk, or lower http.min.free.bytes"
            )


def free_bytes_of(folder: Path) -> int:
    """Give the bytes this process may still write on the disk of `folder`."""
    return shutil.disk_usage(folder).free


@asynccontextmanager
async def open_spool(
    into: Path, min_free_bytes: int, *, free_bytes: Callable[[Path], int] = free_bytes_of
) -> AsyncIterator[Spool]:
    """Give a new, locked file in the folder `into` (made when missing); it is deleted on the way out, whatever the reason."""
    # Making and deleting stay on the loop: both are short, and a cancelled task must not leave a file that nobody holds.
    descriptor, path = _create(into)
    try:
        yield Spool(descriptor, path, min_free_bytes, free_bytes)
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(spool_dir: Path) -> int:
    """Delete the files that killed processes left in `spool_dir` and give their number.

    Files of living processes are locked and stay, so several workers may share a folder.
    """
    swept = 0
    for path in spool_dir.glob(f"{PREFIX}*{SUFFIX}"):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            if _lock(descriptor):
                path.unlink(missing_ok=True)
                swept += 1
        finally:
            os.close(descriptor)
    return swept


async def off_loop(work: Callable[..., T], *args: object) -> T:
    """Run file work in a thread; a cancelled caller still waits for it, so that nobody closes a file in use."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # looked at, so that asyncio does not report it: the cancellation says enough
        raise


def _create(into: Path) -> tuple[int, Path]:
    try:
        into.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor, name = tempfile.mkstemp(SUFFIX, PREFIX, into)
            if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                return descriptor, Path(name)
            os.close(descriptor)  # a sweep took it in the instant before the lock
    except OSError as error:
        raise PermanentError(f"spool {into}: {error.strerror}; point spool.dir to a folder this process may write") from error


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
