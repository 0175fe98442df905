"""The stream of log files: what it gives, from which cursor, and what it leaves behind."""

import asyncio
import gzip
import os
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.webgateway.files import HEARTBEAT_SECS, FilesCursor
from connectors.webgateway.options import FilesConfig
from wellhead import PermanentError
from wellhead.testing.clock import FakeClock


def lines(begin, end):
    return [b"%d %s" % (number, b"x" * 60) for number in range(begin, end)]


def write(path, *numbers):
    with path.open("ab") as log:
        log.write(b"".join(line + b"\n" for line in lines(*numbers)))


def held_open(folder):
    """Give what of a folder this process has open."""
    held = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held.append(str(entry.readlink()))
    return [path for path in held if path.startswith(str(folder))]


async def drained(bench, cursor=None, **options):
    """Poll once until caught up; gives each batch's lines and cursor."""
    task = bench.task(follow=False, **options)
    return [([row["line"] for row in batch.table], batch.cursor) async for batch in task.poll(cursor)]


def given(batches):
    return [line for rows, _ in batches for line in rows]


async def test_resuming_from_every_cursor_gives_exactly_the_rest(files_bench, tmp_path):
    """What was committed with a cursor and what is polled from it are together everything once, over several files."""
    write(tmp_path / "a.log", 0, 200)
    write(tmp_path / "b.log", 200, 300)
    (tmp_path / "c.log.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines(300, 500))))
    options = {"paths": [str(tmp_path / "*.log*")], "chunk_bytes": 4096}
    whole = await drained(files_bench, **options)
    assert len(whole) > 5
    assert sorted(given(whole)) == sorted(lines(0, 500))
    for at, (_, cursor) in enumerate(whole):
        stored = FilesCursor.model_validate_json(cursor.model_dump_json())
        rest = await drained(files_bench, stored, **options)
        assert sorted(given(whole[: at + 1]) + given(rest)) == sorted(lines(0, 500))


async def test_what_stands_there_is_skipped_where_only_new_lines_are_wanted(files_bench, tmp_path):
    """With `start` at the end the first cursor stands behind everything, archives too, and a line half written is passed over whole."""
    write(tmp_path / "a.log", 0, 50)
    with (tmp_path / "a.log").open("ab") as log:
        log.write(b"half a li")
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(b"old\n" * 1_000))
    options = {"paths": [str(tmp_path / "*.log*")], "start": "end"}
    first = await drained(files_bench, **options)
    assert given(first) == []
    with (tmp_path / "a.log").open("ab") as log:
        log.write(b"ne\n")
    write(tmp_path / "a.log", 50, 52)
    write(tmp_path / "later.log", 52, 53)
    assert sorted(given(await drained(files_bench, first[-1][1], **options))) == lines(50, 53)


async def test_a_line_waits_for_its_end_and_is_never_cut_within_a_letter(files_bench, tmp_path):
    """Bytes written one at a time, in the middle of letters too, come as whole lines."""
    text = "größe ü 1\nzweite Zeile €\n".encode()
    cursor, got = None, []
    for byte in text:
        with (tmp_path / "a.log").open("ab") as log:
            log.write(bytes([byte]))
        batches = await drained(files_bench, cursor, paths=[str(tmp_path / "a.log")])
        got += given(batches)
        cursor = batches[-1][1] if batches else cursor
    assert got == text.splitlines()


async def test_a_line_too_long_is_a_letter_and_its_neighbours_are_read(files_bench, tmp_path):
    """Of a line beyond `chunk_bytes` the beginning is kept as a dead letter, once, and the lines around it are records."""
    (tmp_path / "a.log").write_bytes(b"before\n" + b"y" * 30_000 + b"\nbehind\n")
    task = files_bench.task(follow=False, paths=[str(tmp_path / "a.log")], chunk_bytes=4096)
    batches = [batch async for batch in task.poll(None)]
    assert [row["line"] for batch in batches for row in batch.table] == [b"before", b"behind"]
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert reject.cut
    assert reject.raw == b"y" * 4096


async def test_the_header_in_force_goes_along(files_bench, tmp_path):
    """A line is told with the header line above it, also after a restart, a rotation, and a truncation behind which none is written."""
    log = tmp_path / "access.log"
    options = {"paths": [str(tmp_path / "access.log*")], "chunk_bytes": 4096}
    log.write_bytes(b"#time_stamp src_ip\n" + b"a" * 2_000 + b"\n")
    cursor = (await drained(files_bench, **options))[-1][1]
    with log.open("ab") as more:
        more.write(b"b\n")
    log.rename(tmp_path / "access.log.1")
    os.link(tmp_path / "access.log.1", tmp_path / "access.log.same")
    task = files_bench.task(follow=False, **options)
    rows = [(row["about"], row["line"]) async for batch in task.poll(cursor) for row in batch.table]
    assert rows == [(b"#time_stamp src_ip", b"b")]
    (tmp_path / "access.log.1").write_bytes(b"c\n")  # truncated, and its copy is nowhere
    rows = [(row["about"], row["line"]) async for batch in task.poll(cursor) for row in batch.table]
    assert rows == [(b"#time_stamp src_ip", b"c")]


async def test_a_broken_archive_is_said_and_what_it_gave_is_kept(files_bench, tmp_path):
    """Damage in an archive is one dead letter that names the file; the lines before it are records, and it is not read again."""
    whole = gzip.compress(b"".join(line + b"\n" for line in lines(0, 2_000)) + b"half a li")
    (tmp_path / "a.log.gz").write_bytes(whole + b"\x1f\x8b\x08\0" + b"\xff" * 64)
    task = files_bench.task(follow=False, paths=[str(tmp_path / "*")])
    batches = [batch async for batch in task.poll(None)]
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert [(reject.raw, reject.cut) for reject in rejects] == [(f"{tmp_path}/a.log.gz: half a li".encode(), True)]
    assert [row["line"] for batch in batches for row in batch.table] == lines(0, 2_000)
    assert [batch async for batch in task.poll(batches[-1].cursor)] == []


async def test_an_archive_that_ends_in_the_middle_is_said(files_bench, tmp_path):
    """Of an archive that stopped growing before its end, what is whole is records, and one dead letter says that the rest is missing; once."""
    whole = gzip.compress(b"".join(line + b"\n" for line in lines(0, 2_000)))
    log = tmp_path / "a.log.gz"
    log.write_bytes(whole[: len(whole) // 2])
    options = {"follow": False, "paths": [str(log)], "last_line_secs": 3600}
    first = [batch async for batch in files_bench.task(**options).poll(None)]
    assert [reject for batch in first for reject in batch.rejects] == []
    os.utime(log, (1, 1))
    rest = [batch async for batch in files_bench.task(**options).poll(first[-1].cursor)]
    (reject,) = [reject for batch in rest for reject in batch.rejects]
    assert "ends in the middle" in reject.reason
    assert reject.cut
    got = [row["line"] for batch in (*first, *rest) for row in batch.table]
    assert 0 < len(got) < 2_000
    assert got == lines(0, len(got))
    assert [batch async for batch in files_bench.task(**options).poll(rest[-1].cursor)] == []


async def test_following_gives_what_comes_and_says_now_and_then_that_it_is_well(files_bench, tmp_path):
    """A live poll gives lines as they are written, an empty batch with the same cursor in silence, and closes its files when it is closed."""
    files_bench.clock = FakeClock(auto=True)
    async with files_bench.polling(paths=[str(tmp_path / "*.log")]) as polled:
        await polled.until(lambda: len(polled.batches) >= 3)
        assert len({batch.cursor for batch in polled.batches}) == 1
        write(tmp_path / "a.log", 0, 3)
        await polled.until(lambda: polled.lines() == lines(0, 3))
        assert max(files_bench.clock.sleeps) < HEARTBEAT_SECS
    assert held_open(tmp_path) == []
    assert [event for event, *_ in files_bench.reports] == ["no_files"]


async def test_a_cursor_that_somebody_broke_names_itself(files_bench):
    """A cursor that is no list of files fails the task with what to do; it is never read as an empty one, which would read all again."""
    with pytest.raises(PermanentError, match=r"`files`.*offsets undo"):
        await drained(files_bench, FilesCursor(files='{"headers":[],"files":[[1]]}'))


def test_a_relative_path_is_refused():
    """A pattern that depends on where the worker was started is a mistake."""
    with pytest.raises(ValidationError, match="is relative"):
        FilesConfig(paths=["access.log"])


async def test_closing_waits_for_the_thread_that_reads(files_bench, tmp_path):
    """Closing a poll at any point ends without an error and without a file left open."""
    write(tmp_path / "a.log", 0, 5_000)
    for turns in range(6):
        source = files_bench.task(paths=[str(tmp_path / "a.log")], chunk_bytes=4096).poll(None)
        for _ in range(turns):
            await anext(source)
        reading = asyncio.ensure_future(anext(source))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await source.aclose()
    assert held_open(tmp_path) == []


@pytest.mark.parametrize("before", [b"", b"line\n"])
async def test_a_header_behind_a_byte_order_mark_is_one(files_bench, tmp_path, before):
    """A gateway may write one at the beginning of each log, and logs may be written one behind another: what is in force stays so."""
    log = tmp_path / "access.log"
    log.write_bytes(before + b"\xef\xbb\xbf#time_stamp src_ip\na\n")
    options = {"paths": [str(log)]}
    cursor = (await drained(files_bench, **options))[-1][1]
    with log.open("ab") as more:
        more.write(b"b\n")
    task = files_bench.task(follow=False, **options)
    rows = [(row["about"], row["line"]) async for batch in task.poll(cursor) for row in batch.table]
    assert rows == [(b"#time_stamp src_ip", b"b")]


@pytest.mark.parametrize("start", ["beginning", "end"])
async def test_a_comment_is_no_header(files_bench, tmp_path, start):
    """A line that begins with # and declares nothing leaves the header above it in force, whatever it says."""
    log = tmp_path / "access.log"
    header = b'#time_stamp "auth_user" src_ip status_code "req_line"'
    log.write_bytes(header + b"\n# the time_stamp below is local\n#Gap-Time: 2026-02-03\n#restarted\n")
    options = {"paths": [str(log)], "start": start, "last_line_secs": 1e9}
    cursor = (await drained(files_bench, **options))[-1][1]
    with log.open("ab") as more:
        more.write(b"a\n")
    task = files_bench.task(follow=False, **options)
    rows = [(row["about"], row["line"]) async for batch in task.poll(cursor) for row in batch.table]
    assert rows[-1] == (header, b"a")
