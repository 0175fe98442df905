"""Takes one tenant's SyncAPI, gives its access log as Arrow batches; never moves the token past what the vendor sent whole."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from connectors.wss.answer import check_status, whole_trailer
from connectors.wss.position import BrokenArchiveError, Position, RebuiltError
from connectors.wss.probe import ask_list
from connectors.wss.rival import Rival
from connectors.wss.trailer import Trailer
from wellhead import (
    Batch,
    Config,
    Cursor,
    CursorExpired,
    PermanentError,
    Reject,
    SourceConnector,
    SourceTask,
    Stream,
    TemporaryError,
    in_thread,
)
from wellhead.http import Download

if TYPE_CHECKING:
    from connectors.wss.reading import Piece, Reading
    from wellhead.api import TaskContext

HOUR_MS = 3_600_000
NO_TOKEN = "none"  # noqa: S105 - the vendor's word for having none
SYNC_PATH = "/reportpod/logs/sync"
BROKEN_ARCHIVES_MAX = 5
LATE_MS = HOUR_MS
"""How much later than it happened a row may arrive: a bounded reading goes on for so long."""


class WssConfig(Config):
    """Options of the WSS connector."""

    url: str = Field(
        default="https://portal.threatpulse.com" + SYNC_PATH,
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="Address of the SyncAPI; its usual path is added when there is none.",
    )
    username: str = Field(min_length=1, description="API user name, made in the portal with access to Reporting Access Logs.")
    password: SecretStr = Field(min_length=1, description="Password of the API user.")
    start: datetime | None = Field(
        default=None,
        description="From when to read on the first run, UTC, cut to the whole hour; default one hour before the first run. "
        "A later one also wins over the stored cursor while that has no token yet.",
    )
    quiet_secs: float = Field(
        default=60, ge=0, description="Seconds to leave the vendor alone after it said `done`; it wants at least 60."
    )
    restart_lookback_hours: int = Field(
        default=1,
        ge=0,
        le=24,
        description="Hours to read again before the last complete hour when the vendor forgot the position.",
    )
    chunk_bytes: int = Field(
        default=4 << 20, ge=1 << 16, le=64 << 20, description="Bytes of log text decoded at a time; memory grows with it."
    )
    max_line_bytes: int = Field(
        default=1 << 20, ge=1 << 10, description="Longest log line in bytes; a longer one becomes a dead letter."
    )
    fallback_encoding: str = Field(default="iso-8859-15", description="Encoding of the lines that are not UTF-8.")

    @field_validator("start")
    @classmethod
    def _utc(cls, start: datetime | None) -> datetime | None:
        return start.replace(tzinfo=UTC) if start is not None and start.tzinfo is None else start

    @field_validator("fallback_encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return codecs.lookup(name).name
        except LookupError:
            raise ValueError("no encoding of that name is known; latin-1 and iso-8859-15 are") from None

    @field_validator("url")
    @classmethod
    def _with_path(cls, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else url.rstrip("/") + SYNC_PATH


class WssCursor(Cursor):
    """Where a tenant's reading stands: a token, and a place inside the archive that is asked for with it."""

    token: str = Field(default=NO_TOKEN, description="The last token whose archive is finished; `none` before the first.")
    start_ms: int = Field(description="Start of the session, epoch ms, a whole hour; sent with every request.")
    status: Literal["more", "done"] = Field(default="more", description="What the vendor said with that token.")
    quiet_until_ms: int | None = Field(default=None, description="Epoch ms before which the vendor must be left alone.")
    hour_ms: int | None = Field(
        default=None, description="Newest hour of records that was complete, epoch ms; a restart begins there."
    )
    seen_hour_ms: int | None = Field(
        default=None, description="Newest hour a member was stamped with, complete or not, epoch ms."
    )
    member: str = Field(default="", description="Member of the next archive that is being read.")
    member_index: int = Field(default=0, description="How many members of that archive are finished.")
    members_crc: int = Field(default=0, description="CRC-32 over the ZIP directory's entries of those members.")
    offset: int = Field(default=0, description="Bytes of the member's text that are finished.")
    crc: int = Field(default=0, description="CRC-32 of those bytes.")
    broken: int = Field(default=0, description="How many archives in a row could not be read with this token.")
    replay_from: int | None = Field(default=None, description="Epoch ms of event time from which records are read again.")
    end_ms: int | None = Field(
        default=None, description="End of a bounded reading, a backfill's, epoch ms, a whole hour; none in normal reading."
    )

    def replay_from_ms(self) -> int | None:
        return self.replay_from

    def not_before_ms(self) -> int | None:
        return self.quiet_until_ms

    @property
    def position(self) -> Position:
        """The place inside the archive."""
        return Position(self.member, self.member_index, self.members_crc, self.offset, self.crc)

    def at(self, position: Position, **changes: object) -> WssCursor:
        """Give the cursor at another place, with other changes."""
        place = {name: getattr(position, name) for name in Position.__dataclass_fields__}
        return self.model_copy(update={**place, **changes})


class AccessLogTask(SourceTask[WssConfig, WssCursor]):
    """Reads the access log by token; one archive a request, one chunk of text a batch."""

    def __init__(self, config: WssConfig, stream: str, context: TaskContext) -> None:
        super().__init__(config, stream, context)
        self._rival = Rival(context.report, context.clock)

    async def poll(self, cursor: WssCursor | None) -> AsyncIterator[Batch[WssCursor]]:
        """Yield batches until the vendor says `done`; see `SourceTask.poll`."""
        if cursor is None:
            cursor = self._first()
            # Kept before the vendor is asked: a first run that fails for hours must not begin hours later.
            yield Batch([], cursor)
        cursor = self._not_before_start(cursor)
        self._keep_quiet(cursor)
        while True:
            async with self._download(cursor) as body:
                self._rival.watch_status(body.status, cursor.status, cursor.quiet_until_ms, self.config.quiet_secs)
                if body.status == HTTPStatus.GONE:
                    raise self._gone(body, cursor)
                check_status(body, cursor.start_ms)
                async with aclosing(self._answered(body, cursor)) as batches:
                    async for batch in batches:
                        cursor = batch.cursor
                        yield batch
            if cursor.status == "done":
                return

    async def probe(self) -> str:
        """Ask for the name of one hourly file: the list counts neither as a download nor as the tenant's `done`."""
        return await ask_list(self.http, self.config.url, self._headers())

    def _headers(self) -> dict[str, str]:
        # Headers, not the query the vendor also takes: a query lands in the logs of every proxy on the way (I6).
        return {"X-APIUsername": self.config.username, "X-APIPassword": self.config.password.get_secret_value()}

    def _first(self) -> WssCursor:
        """The cursor of a first run: no token, from the configured start on."""
        start = self.config.start
        start_ms = self.clock.now_ms() - HOUR_MS if start is None else int(start.timestamp() * 1000)
        return WssCursor(start_ms=whole_hour_ms(start_ms))

    def _not_before_start(self, cursor: WssCursor) -> WssCursor:
        """Let an option `start` that lies later win while there is no token: the way out where older logs are gone or damaged."""
        start = self.config.start
        start_ms = 0 if start is None else whole_hour_ms(int(start.timestamp() * 1000))
        if cursor.token != NO_TOKEN or start_ms <= cursor.start_ms or cursor.end_ms is not None:
            return cursor
        return cursor.model_copy(update={"start_ms": start_ms, "broken": 0})

    def _quiet_after(self, cursor: WssCursor) -> WssCursor:
        quiet_until_ms = self.clock.now_ms() + int(self.config.quiet_secs * 1000)
        return cursor.model_copy(update={"quiet_until_ms": quiet_until_ms})

    def _keep_quiet(self, cursor: WssCursor) -> None:
        # More than the quiet itself was written by a clock that ran ahead.
        wait_ms = min((cursor.quiet_until_ms or 0) - self.clock.now_ms(), int(self.config.quiet_secs * 1000))
        if wait_ms > 0:
            raise TemporaryError("the vendor said done; it wants to be left alone for a while", after_secs=wait_ms / 1000)

    def _download(self, cursor: WssCursor) -> AbstractAsyncContextManager[Download]:
        params = {"startDate": str(cursor.start_ms), "endDate": str(self._end_ms(cursor)), "token": cursor.token}
        return self.http.download(self.config.url, params=params, headers=self._headers(), into=self.spool_dir)

    def _end_ms(self, cursor: WssCursor) -> int:
        """The end to ask for; 0 is open. The hour behind a bounded reading is asked for as far as it has passed: late rows stand in it.

        Raises:
            TemporaryError: The last hour that must be read is not over, and the vendor takes no end in the future.
        """
        if cursor.end_ms is None:
            return 0
        now_ms = self.clock.now_ms()
        missing_ms = cursor.end_ms - LATE_MS - whole_hour_ms(now_ms)
        if missing_ms > 0:
            wait_secs = (cursor.end_ms - LATE_MS - now_ms) / 1000
            raise TemporaryError(
                "the vendor gives whole hours, and the last one asked for is not over yet", after_secs=wait_secs
            )
        return min(cursor.end_ms, whole_hour_ms(now_ms))

    async def _answered(self, body: Download, cursor: WssCursor) -> AsyncGenerator[Batch[WssCursor]]:
        """Yield the answer's records, then the cursor that stands after it."""
        done = False
        try:
            trailer = whole_trailer(body)
            self._rival.watch_trailer(trailer, cursor.token, cursor.status)
            if done := trailer.status == "done":
                # Every cursor from here on knows of the quiet the vendor wants, also one inside the archive.
                cursor = self._quiet_after(cursor)
            async with aclosing(self._whole(body, trailer, cursor)) as batches:
                async for batch in batches:
                    cursor = batch.cursor
                    yield batch
        except RebuiltError as changed:
            raise self._expired(f"{body.call}: the archive is not the one that was being read: {changed}", cursor) from None
        except BrokenArchiveError as error:
            flaw = f"{body.call}: {error}"
        else:
            return
        # Counted in the cursor, because some answers never heal with the token they are asked for with.
        cursor = cursor.model_copy(update={"broken": cursor.broken + 1})
        yield Batch([], cursor)
        raise self._broken(flaw, cursor, after_secs=self.config.quiet_secs if done else None)

    async def _whole(self, body: Download, trailer: Trailer, cursor: WssCursor) -> AsyncGenerator[Batch[WssCursor]]:
        """Yield what an answer with a trailer holds.

        Raises:
            BrokenArchiveError: It cannot be used.
        """
        if trailer.status == "abort":
            raise BrokenArchiveError("the vendor aborted while building the archive")
        same = trailer.token == cursor.token
        if trailer.archive_bytes and same and trailer.status == "more":
            raise BrokenArchiveError("the vendor sent an archive but no new token")
        if trailer.archive_bytes and not same:
            async with aclosing(self._archive(body.path, trailer, cursor)) as batches:
                async for batch in batches:
                    yield batch
            return
        if trailer.archive_bytes:
            # By the vendor's words the same token says that nothing is new: to publish it would be to publish it at every poll.
            self.report("same_token", "The vendor said done and sent an archive, but no new token; it was passed over.")
        yield Batch([], self._after_nothing(body, trailer, cursor))

    async def _archive(self, path: Path, trailer: Trailer, cursor: WssCursor) -> AsyncGenerator[Batch[WssCursor]]:
        reading = await in_thread(self._open, path, cursor.position)
        try:
            compared = reading.compare()
            while await in_thread(next, compared, None) is not None:
                pass
            seen_ms = self._seen_hour_ms(reading.hours_ms, cursor)
            while (piece := await in_thread(reading.next_piece)) is not None:
                if piece.unknown:
                    self._report_unknown(piece)
                cursor = cursor.at(piece.position)
                yield Batch(piece.table if piece.table is not None else [], cursor, piece.rejects, piece.filtered)
            yield Batch([], self._after(trailer, cursor.model_copy(update={"seen_hour_ms": seen_ms, "token": trailer.token})))
        finally:
            reading.close()

    def _open(self, path: Path, position: Position) -> Reading:
        from connectors.wss.reading import Limits, Reading  # noqa: PLC0415 - polars takes half a second to import

        config = self.config
        limits = Limits(config.chunk_bytes, min(config.max_line_bytes, config.chunk_bytes), config.fallback_encoding)
        return Reading(path, position, limits)

    def _report_unknown(self, piece: Piece) -> None:
        message = (
            f"The archive holds {piece.unknown!r}, which is neither .gz nor .log; it was passed over and counted. "
            "If it holds access logs, ask for it to be supported."
        )
        self.report("unknown_member", message, member=piece.unknown)

    def _after(self, trailer: Trailer, cursor: WssCursor) -> WssCursor:
        """The cursor behind a finished answer."""
        if trailer.status == "more":
            return cursor.at(Position(), status="more", broken=0, quiet_until_ms=None)
        hour_ms = cursor.hour_ms if cursor.seen_hour_ms is None else cursor.seen_hour_ms
        return cursor.at(Position(), status="done", broken=0, hour_ms=hour_ms, replay_from=None)

    def _after_nothing(self, body: Download, trailer: Trailer, cursor: WssCursor) -> WssCursor:
        """The cursor behind a body without an archive, which never moves the token."""
        if cursor.position != Position():
            raise self._expired(f"{body.call}: the archive that was being read is no longer there", cursor)
        if trailer.status == "more":
            raise TemporaryError(f"{body.call}: the vendor says more but sent nothing")
        return self._after(trailer, cursor)

    def _seen_hour_ms(self, hours_ms: list[int], cursor: WssCursor) -> int | None:
        """The newest hour stamped so far; a stamp from the future would ask the vendor for data that cannot be."""
        now_ms = self.clock.now_ms()
        known = [hour_ms for hour_ms in (*hours_ms, cursor.seen_hour_ms) if hour_ms is not None and hour_ms <= now_ms]
        return max(known, default=None)

    def _gone(self, body: Download, cursor: WssCursor) -> CursorExpired | PermanentError:
        if cursor.token == NO_TOKEN:
            instead = "Set the option `start` to a later time." if cursor.end_ms is None else "Begin the backfill later."
            return PermanentError(f"{body.call}: 410: nothing is kept from the start date on. {instead}")
        return self._expired(f"{body.call}: 410: the vendor forgot the token", cursor)

    def _broken(self, flaw: str, cursor: WssCursor, *, after_secs: float | None) -> Exception:
        if cursor.broken < BROKEN_ARCHIVES_MAX:
            message = f"{flaw}, {cursor.broken} times in a row; it is discarded and asked for again"
            return TemporaryError(message, after_secs=after_secs)
        if cursor.token != NO_TOKEN:
            return self._expired(f"{flaw}, {cursor.broken} times in a row with one token", cursor)
        start = datetime.fromtimestamp(cursor.start_ms / 1000, UTC).isoformat(timespec="minutes")
        return PermanentError(
            f"{flaw}, {cursor.broken} times in a row from {start} on. If it stays so, that hour is damaged at the vendor's: set the "
            "option `start` to a later hour to go on behind it, and ask the vendor for the hours between."
        )

    def _expired(self, message: str, cursor: WssCursor) -> CursorExpired:
        """Start again at the last complete hour, less the look-back: what was read since comes again and is de-duplicated."""
        lookback_ms = self.config.restart_lookback_hours * HOUR_MS
        start_ms = cursor.start_ms if cursor.hour_ms is None else max(cursor.start_ms, cursor.hour_ms - lookback_ms)
        # A member may hold records from shortly before the hour it is stamped with.
        replay_from = min(start_ms - HOUR_MS, start_ms if cursor.replay_from is None else cursor.replay_from)
        restart = WssCursor(
            start_ms=start_ms,
            hour_ms=cursor.hour_ms,
            quiet_until_ms=cursor.quiet_until_ms,
            replay_from=replay_from,
            end_ms=cursor.end_ms,
        )
        start = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat(timespec="minutes")
        return CursorExpired(
            f"{message}. Reading again from {start} without a token; records already published are left out.", restart=restart
        )


def read_again(config: WssConfig, stream: str, reject: Reject) -> Batch[WssCursor]:  # noqa: ARG001 - the contract's three; there is one stream
    """Read one line again, under the `#Fields` line it stood under; see `Stream.redrive`."""
    from connectors.wss.decode import decode  # noqa: PLC0415 - pyarrow takes a while to import

    head = reject.context + b"\n" if reject.context else b""
    line_bytes = min(config.max_line_bytes, config.chunk_bytes)
    decoded = decode(head + reject.raw + b"\n", None, fallback=config.fallback_encoding, max_line_bytes=line_bytes)
    return Batch(decoded.table, WssCursor(start_ms=0), decoded.rejects)


def bounded(config: WssConfig, from_ms: int, to_ms: int) -> WssCursor:  # noqa: ARG001 - the contract's three
    """Give the cursor that reads the hours in which rows of that time arrive, the late ones too; see `Stream.since`."""
    return WssCursor(start_ms=whole_hour_ms(from_ms), end_ms=whole_hour_ms(to_ms + HOUR_MS - 1) + LATE_MS)


def whole_hour_ms(time_ms: int) -> int:
    """Cut a time to the hour it is in.

    >>> whole_hour_ms(7_199_999)
    3600000
    """
    return time_ms // HOUR_MS * HOUR_MS


connector = SourceConnector(
    name="wss",
    title="Symantec Web Security Service (Cloud SWG) access logs by SyncAPI",
    config=WssConfig,
    streams=(
        Stream(
            name="access_log",
            task=AccessLogTask,
            cursor=WssCursor,
            subject="wss.access_log",
            description="One record per web request of the tenant.",
            identity=("time", "x_bluecoat_transaction_uuid"),
            time="time",
            redrive=read_again,
            since=bounded,
        ),
    ),
)
