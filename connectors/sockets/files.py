"""Takes a path, gives its bytes; never waits for a writer longer than a moment, and never past a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from pathlib import Path

from wellhead import TemporaryError, in_thread

_PATIENCE_SECS = 30.0
_PIECE_BYTES = 1 << 20


async def read(path: Path) -> bytes:
    """Give what a file or a pipe holds.

    Raises:
        FileNotFoundError: There is none.
        TemporaryError: It cannot be read now, or it is a pipe and nothing comes.
    """
    try:
        held = await in_thread(_file, path)
        if held is not None:
            return held
        async with asyncio.timeout(_PATIENCE_SECS):
            return await _piped(path)
    except FileNotFoundError:
        raise
    except TimeoutError as error:
        raise TemporaryError(
            f"{path} is a pipe into which nobody wrote for {_PATIENCE_SECS:g} s. Check `proc_root`; it is tried again"
        ) from error
    except OSError as error:
        raise TemporaryError(f"{path} cannot be read: {error.strerror}. Check `proc_root`; it is tried again") from error


def _file(path: Path) -> bytes | None:
    """Give what a file holds; None if it is a pipe, on which a thread could hang."""
    return None if stat.S_ISFIFO(path.stat().st_mode) else path.read_bytes()


async def _piped(path: Path) -> bytes:
    """Give what is written into a pipe until its writers are gone."""
    loop = asyncio.get_running_loop()
    pieces: list[bytes] = []
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    ready = asyncio.Event()
    loop.add_reader(pipe, ready.set)
    try:
        while True:
            await ready.wait()
            ready.clear()
            with contextlib.suppress(BlockingIOError):
                piece = os.read(pipe, _PIECE_BYTES)
                if not piece:
                    return b"".join(pieces)
                pieces.append(piece)
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)
