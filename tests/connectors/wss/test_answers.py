"""Takes answers no simulator gives, scripted byte by byte, proves that each leads where it must."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.wss.archive import broken
from connectors.wss.position import BrokenArchiveError
from connectors.wss.source import AccessLogTask, WssConfig, WssCursor
from wellhead import Batch, CursorExpired, PermanentError, TemporaryError
from wellhead.api import TaskContext
from wellhead.http import Download, HttpClient
from wellhead.testing.clock import FakeClock

HEADER = b"#Fields: date time c-ip x-bluecoat-transaction-uuid\n"
TOKEN = "9f" * 34


def packed(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def rows(count: int, first: int = 0) -> bytes:
    return b"".join(b"2026-01-01 00:00:%02d 192.0.2.1 id-%d\n" % (i % 60, i) for i in range(first, first + count))


def archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return out.getvalue()


def body(status: str, members: Mapping[str, bytes] | None = None, token: str = TOKEN, **how: int) -> tuple[int, bytes]:
    return 200, (
        archive(members, **how) if members is not None else b""
    ) + f"X-sync-token: {token}\r\nX-sync-status: {status}\r\n".encode()


class Script:
    """An HTTP client that gives the scripted answers in turn."""

    def __init__(self, answers: list[tuple[int, bytes]]) -> None:
        self.answers = answers

    @asynccontextmanager
    async def download(self, url: str, *, params: Any, headers: Any, into: Path) -> AsyncIterator[Download]:
        status, content = self.answers.pop(0)
        path = into / "body"
        path.write_bytes(content)
        yield Download(status=status, headers={}, call="GET portal.example/sync", path=path, size_bytes=len(content))


class Played:
    """A task that polled a script once: its batches, reports and error."""

    def __init__(
        self, tmp_path: Path, answers: list[tuple[int, bytes]], cursor: WssCursor | None = None, **options: Any
    ) -> None:
        self.batches: list[Batch[WssCursor]] = []
        self.reports: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.clock = FakeClock()
        config = WssConfig.model_validate({"username": "u", "password": "p", "chunk_bytes": 1 << 16, **options})
        http = cast("HttpClient", Script(answers))
        context = TaskContext(
            http, self.clock, tmp_path, lambda event, message, **fields: self.reports.append((event, message))
        )
        self.task = AccessLogTask(config, "access_log", context)
        asyncio.run(self._poll(cursor))

    async def _poll(self, cursor: WssCursor | None) -> None:
        try:
            async with aclosing(self.task.poll(cursor)) as polled:  # type: ignore[type-var]
                async for batch in polled:
                    self.batches.append(batch)
        except (TemporaryError, PermanentError, CursorExpired) as error:
            self.error = error

    @property
    def cursor(self) -> WssCursor:
        return self.batches[-1].cursor

    @property
    def ids(self) -> list[str]:
        tables: list[Any] = [batch.table for batch in self.batches if len(batch.table)]
        return [name for table in tables for name in table.column("x_bluecoat_transaction_uuid").to_pylist()]


def cursor_at(**changes: Any) -> WssCursor:
    return WssCursor(start_ms=1_767_222_000_000, token="0a" * 34, **changes)


@pytest.mark.parametrize(
    ("members", "method"),
    [
        ({"cloud_1_20260101000000.gz": packed(HEADER + rows(3))}, zipfile.ZIP_DEFLATED),
        ({"cloud_1_20260101000000.log": HEADER + rows(3)}, zipfile.ZIP_STORED),
        ({"folder/a.log.gz": packed(HEADER + rows(2)) + packed(rows(1, 2)), "folder/": b""}, zipfile.ZIP_STORED),
        ({"a.gz": packed(HEADER), "b.gz": b"", "c.gz": packed(HEADER + rows(3))}, zipfile.ZIP_STORED),
    ],
    ids=["deflated", "plain", "nested", "empty"],
)
def test_members_are_read_however_they_are_packed(tmp_path: Path, members: dict[str, bytes], method: int) -> None:
    """Deflated, plain, nested and doubly compressed members, empty ones and folders: the records come once each."""
    played = Played(tmp_path, [body("done", members, method=method)])
    assert played.error is None
    assert played.ids == ["id-0", "id-1", "id-2"]
    assert played.cursor.token == TOKEN


@pytest.mark.parametrize(
    "spoilt",
    [
        packed(HEADER + rows(3000))[:-300],
        packed(HEADER + rows(3000))[:-8] + b"\0" * 8,
        b"no gzip at all",
        packed(HEADER + rows(3000))[:5],
    ],
    ids=["cut", "checksum", "no-gzip", "stub"],
)
def test_a_damaged_member_moves_nothing_past_it(tmp_path: Path, spoilt: bytes) -> None:
    """A member cut short or with a wrong checksum keeps the token; what was read before it is not read again."""
    good = packed(HEADER + rows(3))
    played = Played(tmp_path, [body("more", {"a.gz": good, "b.gz": spoilt})], cursor_at())
    assert isinstance(played.error, TemporaryError)
    assert "b.gz" in str(played.error)
    assert (played.cursor.token, played.cursor.member_index, played.cursor.broken) == ("0a" * 34, played.cursor.member_index, 1)
    healed = Played(tmp_path, [body("done", {"a.gz": good, "b.gz": packed(HEADER + rows(3000, 3))})], played.cursor)
    assert isinstance(healed.error, CursorExpired) or healed.ids[-1] == "id-3002"


def test_what_stands_before_damage_is_read_once(tmp_path: Path) -> None:
    """The finished member is skipped when the archive comes again whole."""
    good, second = packed(HEADER + rows(3)), packed(HEADER + rows(3, 3))
    cut = Played(tmp_path, [body("more", {"a.gz": good, "b.gz": second[:-9]})], cursor_at())
    whole = Played(tmp_path, [body("done", {"a.gz": good, "b.gz": second})], cut.cursor)
    assert whole.error is None
    assert cut.ids + whole.ids == [f"id-{i}" for i in range(6)]
    assert (whole.cursor.broken, whole.cursor.status) == (0, "done")


def test_a_header_before_the_cut_holds_behind_it(tmp_path: Path) -> None:
    """Resumed inside a member, the lines are read by the header that stands in the part passed over."""
    member = {
        "a.gz": packed(
            b"\xef\xbb\xbf#Version: 1\n"
            + HEADER
            + rows(4000)
            + b"#Fields: date time x-bluecoat-transaction-uuid c-ip\n"
            + b"2026-01-01 00:00:01 id-x 192.0.2.7\n" * 4000
        )
    }
    whole = Played(tmp_path, [body("done", member)])
    assert len(whole.ids) == 8000
    read = 0
    for batch in whole.batches[:-1]:
        read += len(batch.table)
        rest = Played(tmp_path, [body("done", member)], batch.cursor.model_copy(update={"quiet_until_ms": None}))
        assert rest.error is None
        assert rest.ids == whole.ids[read:]


def test_an_archive_that_grew_is_read_on(tmp_path: Path) -> None:
    """Further members behind those read, and more lines in the one being read, are the rest."""
    small = Played(tmp_path, [body("done", {"a.gz": packed(HEADER + rows(3))})])
    inside = small.batches[1].cursor.model_copy(update={"quiet_until_ms": None})
    grown = {"a.gz": packed(HEADER + rows(5)), "b.gz": packed(HEADER + rows(1, 5))}
    assert Played(tmp_path, [body("done", grown)], inside).ids == ["id-3", "id-4", "id-5"]


def test_a_line_longer_than_a_chunk_is_one_reject(tmp_path: Path) -> None:
    """A monstrous line costs no memory and no neighbour; its beginning is kept, and a resume passes over it."""
    monster = b"2026-01-01 00:00:00 " + b"x" * 300_000
    member = {"a.gz": packed(HEADER + rows(2) + monster + b"\n" + rows(2, 2) + monster)}
    played = Played(tmp_path, [body("done", member)], max_line_bytes=2048)
    assert played.ids == ["id-0", "id-1", "id-2", "id-3"]
    assert [reject.raw for batch in played.batches for reject in batch.rejects] == [monster[:2048]] * 2
    for at, batch in enumerate(played.batches[:-1]):
        rest = Played(
            tmp_path, [body("done", member)], batch.cursor.model_copy(update={"quiet_until_ms": None}), max_line_bytes=2048
        )
        assert rest.ids == [
            name
            for later in played.batches[at + 1 :]
            if len(later.table)
            for name in cast("Any", later.table).column("x_bluecoat_transaction_uuid").to_pylist()
        ]


def test_no_zip_with_a_good_trailer_counts_as_broken(tmp_path: Path) -> None:
    """The 203-byte body of the field: a ZIP's beginning, then a trailer. The fifth in a row gives the token up."""
    answer = (200, b"PK\x03\x04" + bytes(94) + body("more")[1])
    cursor = cursor_at(hour_ms=1_767_225_600_000)
    for count in range(1, 6):
        played = Played(tmp_path, [answer], cursor)
        assert isinstance(played.error, TemporaryError if count < 5 else CursorExpired)
        cursor = played.cursor
        assert (cursor.broken, cursor.token) == (count, "0a" * 34)
    assert isinstance(played.error, CursorExpired)
    restart = cast("WssCursor", played.error.restart)
    assert (restart.token, restart.start_ms, restart.broken) == ("none", 1_767_222_000_000, 0)


def test_without_a_token_there_is_none_to_give_up(tmp_path: Path) -> None:
    """Broken archives before the first token fail the task with the way on: starting anew would ask the same for ever."""
    answers = [body("abort", {"a.gz": b""})]
    once = Played(tmp_path, [*answers], WssCursor(start_ms=0, broken=3))
    assert isinstance(once.error, TemporaryError)
    again = Played(tmp_path, [*answers], WssCursor(start_ms=0, broken=4))
    assert isinstance(again.error, PermanentError)
    assert "set the option `start` to a later hour" in str(again.error)
    assert again.cursor.broken == 5


def test_a_later_start_wins_while_there_is_no_token(tmp_path: Path) -> None:
    """The option that the errors name has its effect on a stored cursor, and none once there is a token."""
    stuck = WssCursor(start_ms=0, broken=9)
    moved = Played(tmp_path, [body("done", token="none")], stuck, start="2026-01-01T00:00Z")
    assert (moved.cursor.start_ms, moved.cursor.broken) == (1_767_225_600_000, 0)
    under_way = Played(tmp_path, [body("done", token="0a" * 34)], cursor_at(), start="2026-01-01T00:00Z")
    assert under_way.cursor.start_ms == cursor_at().start_ms


def test_done_with_the_same_token_is_nothing_new(tmp_path: Path) -> None:
    """An archive whose token is the one it was asked for with is not published, at this poll or the next; it is reported."""
    answer = body("done", {"a.gz": packed(HEADER + rows(2))}, token="0a" * 34)
    played = Played(tmp_path, [answer], cursor_at())
    assert played.ids == []
    assert played.error is None
    assert (played.cursor.token, played.cursor.status) == ("0a" * 34, "done")
    assert [event for event, _ in played.reports] == ["same_token"]


def test_the_first_start_is_kept_before_the_vendor_is_asked(tmp_path: Path) -> None:
    """A first run whose vendor is away leaves its start behind, so that it does not move on with the clock."""
    played = Played(tmp_path, [(500, b"")])
    assert isinstance(played.error, TemporaryError)
    assert [batch.cursor.token for batch in played.batches] == ["none"]


def test_what_this_machine_fails_to_read_is_not_the_vendors_fault(tmp_path: Path) -> None:
    """A local error of the disk is temporary and does not count as a broken archive."""
    with pytest.raises(TemporaryError, match=r"spool\.dir"), broken("a.gz"):
        raise OSError(errno.EMFILE, "Too many open files")
    with pytest.raises(BrokenArchiveError), broken("a.gz"):
        raise gzip.BadGzipFile("CRC check failed")


def test_the_last_archive_of_a_replay_ends_it(tmp_path: Path) -> None:
    """The mark of a replay stays through `more` and inside the last archive, and goes with the cursor behind `done`."""
    replaying = WssCursor(start_ms=0, replay_from=5)
    one, two = {"a.gz": packed(HEADER + rows(2))}, {"b.gz": packed(HEADER + rows(2, 2))}
    played = Played(tmp_path, [body("more", one), body("done", two, token="1b" * 34)], replaying)
    assert [batch.cursor.replay_from for batch in played.batches] == [5, 5, 5, None]


@pytest.mark.parametrize(
    ("stamps", "hour_ms"),
    [
        (["20251231220000", "20251231230000"], 1_767_222_000_000),
        (["20251231230000", "20251399000000", "no-stamp"], 1_767_222_000_000),
        (["20990101000000"], 7),
        (["x"], 7),
    ],
)
def test_only_readable_stamps_of_the_past_move_the_hour(tmp_path: Path, stamps: list[str], hour_ms: int) -> None:
    """The restart hour is the newest stamp up to now; one that cannot be read or lies ahead changes nothing."""
    members = {f"cloud_1_{stamp}.log.gz": packed(HEADER + rows(1)) for stamp in stamps}
    assert Played(tmp_path, [body("done", members)], cursor_at(hour_ms=7)).cursor.hour_ms == hour_ms


def test_an_hour_is_complete_only_at_done(tmp_path: Path) -> None:
    """While the vendor says `more`, older hours may still come: the restart hour waits for `done`."""
    late = {"cloud_1_20251231230000.gz": packed(HEADER + rows(1))}
    played = Played(tmp_path, [body("more", late), body("done", None, token=TOKEN)], cursor_at(hour_ms=7))
    assert [batch.cursor.hour_ms for batch in played.batches] == [7, 7, 1_767_222_000_000]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (body("more"), "says more but sent nothing"),
        (body("more", {"a.gz": packed(HEADER)}, token="0a" * 34), "no new token"),
        ((200, b"<html>please log in</html>"), "without a sync trailer"),
        ((200, b""), "without a sync trailer"),
        (body("perhaps", {"a.gz": b""}), "neither more, done nor abort"),
        ((429, b"slow down\r\nretry-after: 17\r\n"), "429"),
    ],
    ids=["empty-more", "same-token", "html", "nothing", "status", "429"],
)
def test_an_answer_that_makes_no_sense_is_asked_for_again(tmp_path: Path, answer: tuple[int, bytes], said: str) -> None:
    """Answers that would loop, lose data or mean nothing are temporary, and move no token; those that may never heal are counted."""
    played = Played(tmp_path, [answer], cursor_at())
    assert isinstance(played.error, TemporaryError)
    assert said in str(played.error)
    assert [(batch.cursor.token, batch.cursor.broken) for batch in played.batches] in ([], [(cursor_at().token, 1)])


@pytest.mark.parametrize(("status", "said"), [(410, "start"), (204, "200 was expected"), (302, "")])
def test_an_answer_only_a_person_can_change_is_permanent(tmp_path: Path, status: int, said: str) -> None:
    """410 without a token, and statuses that are none of the API's, end the task."""
    played = Played(tmp_path, [(status, b"")])
    assert isinstance(played.error, PermanentError)
    assert said in str(played.error)


def test_a_place_in_an_archive_that_is_gone_starts_again(tmp_path: Path) -> None:
    """Asked again in the middle of an archive, a vendor that has none must not pass for caught up."""
    played = Played(tmp_path, [body("done", token="0a" * 34)], cursor_at(member="a.gz", offset=10, crc=1))
    assert isinstance(played.error, CursorExpired)


def test_an_empty_done_after_more_names_a_second_client(tmp_path: Path) -> None:
    """Promised more and given nothing: someone else was told done. The token stays."""
    played = Played(tmp_path, [body("done", token="0a" * 34)], cursor_at(status="more"))
    assert [event for event, _ in played.reports] == ["second_client"]
    assert played.cursor.token == "0a" * 34
    quiet = Played(tmp_path, [body("done", token="0a" * 34)], cursor_at(status="done"))
    assert quiet.reports == []


def test_what_follows_a_kept_member_may_be_unknown(tmp_path: Path) -> None:
    """Members that are no logs are passed over by position too: resuming behind one compares it."""
    members = {"a.gz": packed(HEADER + rows(1)), "manifest.txt": b"?", "b.gz": packed(HEADER + rows(1, 1))}
    played = Played(tmp_path, [body("done", members)])
    behind = played.batches[2].cursor.model_copy(update={"quiet_until_ms": None})
    assert played.batches[2].filtered == {"unknown_member": 1}
    assert Played(tmp_path, [body("done", members)], behind).ids == ["id-1"]
    members["manifest.txt"] = b"!"
    assert isinstance(Played(tmp_path, [body("done", members)], behind).error, CursorExpired)


def test_a_token_without_data_is_not_taken(tmp_path: Path) -> None:
    """An answer without an archive may come with another client's token; ours stays, so that nothing before it is skipped."""
    played = Played(tmp_path, [body("done", token="ee" * 34)], cursor_at(status="done"))
    assert played.cursor.token == "0a" * 34
    assert [event for event, _ in played.reports] == ["second_client"]


def test_an_encrypted_member_is_reported_not_read(tmp_path: Path) -> None:
    """A member that nobody can open is named and counted like any unknown one, and its neighbour is read."""
    status, sound = body("done", {"a.gz": packed(HEADER + rows(1)), "b.gz": packed(HEADER + rows(1, 1))})
    place = sound.index(b"PK\x01\x02") + 8
    played = Played(tmp_path, [(status, sound[:place] + b"\x01" + sound[place + 1 :])])
    assert played.error is None
    assert played.ids == ["id-1"]
    assert [event for event, _ in played.reports] == ["unknown_member"]
