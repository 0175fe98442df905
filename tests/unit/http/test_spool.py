"""A spooled body never outlives its user, fills the disk, or loses a sibling to a sweep."""

import asyncio
import contextlib
import resource
import signal
import threading

import pytest

from wellhead import PermanentError, TemporaryError
from wellhead.http import sweep
from wellhead.http.spool import CHUNK_BYTES, FREE_CHECK_BYTES, PREFIX, SUFFIX, off_loop, open_spool


async def pieces(*parts: bytes):
    for part in parts:
        yield part


async def endless(piece):
    while True:
        yield piece


def test_the_bytes_arrive_in_order_and_the_file_goes(tmp_path):
    """Pieces of any size are written in order; afterwards the folder is empty."""
    parts = [b"a", b"b" * CHUNK_BYTES, b"", b"c" * 10]

    async def scene():
        async with open_spool(tmp_path, 0) as spool:
            assert await spool.fill(pieces(*parts)) is True
            assert spool.path.read_bytes() == b"".join(parts)
            return spool.size_bytes

    assert asyncio.run(scene()) == CHUNK_BYTES + 11
    assert list(tmp_path.iterdir()) == []


def test_a_reset_file_starts_again(tmp_path):
    """After reset() nothing of the first attempt is left."""

    async def scene():
        async with open_spool(tmp_path, 0) as spool:
            await spool.fill(pieces(b"a long first answer"))
            await spool.reset()
            await spool.fill(pieces(b"second"))
            return spool.path.read_bytes(), spool.size_bytes

    assert asyncio.run(scene()) == (b"second", 6)


def test_a_limit_stops_the_reading(tmp_path):
    """Past max_bytes the rest is not asked for, and fill() says so."""

    async def scene():
        async with open_spool(tmp_path, 0) as spool:
            return await spool.fill(endless(b"x" * 1000), max_bytes=5000), spool.size_bytes

    assert asyncio.run(scene()) == (False, 6000)


def test_a_disk_that_fills_up_stops_the_writing(tmp_path):
    """While bytes come the disk is looked at again and again; its reserve is not touched."""
    disk = iter([100 * FREE_CHECK_BYTES, 2 * FREE_CHECK_BYTES, FREE_CHECK_BYTES])

    async def scene():
        async with open_spool(tmp_path, FREE_CHECK_BYTES + 1, free_bytes=lambda _: next(disk)) as spool:
            await spool.require_space(1000)
            try:
                await spool.fill(endless(b"x" * CHUNK_BYTES))
            except TemporaryError as error:
                return str(error), spool.size_bytes

    message, size_bytes = asyncio.run(scene())
    assert size_bytes == 2 * FREE_CHECK_BYTES
    assert message.startswith(f"spool {tmp_path}: 16,777,216 bytes are free, 16,777,217 must stay free; free space there")
    assert list(tmp_path.iterdir()) == []


def test_a_write_the_system_refuses_is_temporary(tmp_path):
    """A full disk (here: a file size limit) raises TemporaryError with the system's reason, and the file goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def scene():
        async with open_spool(tmp_path, 0) as spool:
            await spool.fill(endless(b"x" * CHUNK_BYTES))

    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * CHUNK_BYTES + 100, hard))
    try:
        with pytest.raises(TemporaryError, match="File too large after 524,388 bytes; free or mend that disk"):
            asyncio.run(scene())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_permanent(tmp_path):
    """A file where the folder should be raises PermanentError that names spool.dir."""
    (tmp_path / "file").touch()

    async def scene():
        async with open_spool(tmp_path / "file" / "spool", 0):
            pytest.fail("there is no such folder")

    with pytest.raises(PermanentError, match=r"Not a directory; point spool\.dir to a folder"):
        asyncio.run(scene())


def test_a_sweep_takes_what_the_dead_left_and_spares_the_living(tmp_path):
    """Leftovers go, a file in use and a stranger's file stay, and a missing folder is no error."""
    leftover, stranger = tmp_path / f"{PREFIX}dead{SUFFIX}", tmp_path / "cursor.json"
    leftover.touch()
    stranger.touch()

    async def scene():
        async with open_spool(tmp_path, 0) as spool:
            swept = sweep(tmp_path)
            return swept, spool.path.exists()

    assert asyncio.run(scene()) == (1, True)
    assert list(tmp_path.iterdir()) == [stranger]
    assert sweep(tmp_path / "missing") == 0


def test_file_work_is_finished_before_a_cancel_goes_on(tmp_path):
    """A cancelled caller waits for its thread, so that no descriptor is closed under a write."""
    entered, leave, done = threading.Event(), threading.Event(), threading.Event()

    def work():
        entered.set()
        leave.wait(5)
        done.set()

    async def scene():
        task = asyncio.create_task(off_loop(work))
        await asyncio.to_thread(entered.wait, 5)
        task.cancel()
        await asyncio.sleep(0)
        early = task.done()
        leave.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return early, task.cancelled(), done.is_set()

    assert asyncio.run(scene()) == (False, True, True)
