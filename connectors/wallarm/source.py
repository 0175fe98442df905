"""Takes the API of one Wallarm cloud, gives the hits and attacks of its clients; never leaves a second behind in which one may still come late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import model_validator

from connectors.wallarm.asking import Asking
from connectors.wallarm.options import DAY_S, PullConfig
from connectors.wallarm.passes import Passing, Rules, begin, first, join, restarted
from connectors.wallarm.position import WallarmCursor
from connectors.wallarm.webhook import WebhookConfig, webhook_stream
from wellhead import (
    Batch,
    CursorExpired,
    PermanentError,
    Reject,
    SourceConnector,
    SourceTask,
    Stream,
    TemporaryError,
)

if TYPE_CHECKING:
    from connectors.wallarm.details import Details
    from connectors.wallarm.pieces import Piece
    from wellhead.api import TaskContext

STEP_S = DAY_S
"""So many quiet seconds a pass goes over before it says how far it has come."""


class WallarmConfig(WebhookConfig, PullConfig):
    """Options of the Wallarm connector."""

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if not (self.hits_enabled or self.attacks_enabled or self.webhook_port):
            raise ValueError("nothing to read: set hits_enabled or attacks_enabled, or webhook_port")
        return self


class Reader(Protocol):
    """One way to read a client."""

    def pieces(self, client: int, from_s: int, to_s: int) -> AsyncIterator[Piece]:
        """Yield what the vendor has from one second to another, both included."""


class WallarmTask(SourceTask[WallarmConfig, WallarmCursor]):
    """Reads hits, or attacks, of all clients, one after the other; each poll is one pass over what is not settled."""

    def __init__(self, config: WallarmConfig, stream: str, context: TaskContext) -> None:
        super().__init__(config, stream, context)
        self._asking = Asking(context.http, config.url, config.token, config.uuid, config.secret)
        self._rules = Rules(config.late_secs, config.lookback_interval_secs, config.known_hits)
        if stream == HIT.name and config.webhook_port is not None:
            # What was pushed stands in the topic, and nowhere else.
            self._rules = Rules(config.late_secs, deep_interval_s=0, most=0)
        self._kept_details: Details | None = None

    async def poll(self, cursor: WallarmCursor | None) -> AsyncIterator[Batch[WallarmCursor]]:
        """Yield batches until all that can be read now has been; see `SourceTask.poll`."""
        if cursor is None:
            cursor = first(self._start_s(), self.config.clients)
            # Kept before the vendor is asked: a first run that fails for hours must not begin hours later.
            yield Batch([], cursor)
        if cursor.end_s is not None and cursor.front_s >= cursor.end_s:
            return
        resumed = cursor.under_way
        if not resumed:
            self._check_retention(cursor)
            if set(self.config.clients) - cursor.client_ids and cursor.end_s is None:
                # What the topic holds of them is looked up as a run begins, so this one ends here.
                yield Batch([], join(cursor, self._start_s()))
                return
            cursor = begin(cursor, self._to_s(cursor))
        async for batch in self._passed(cursor):
            cursor = batch.cursor
            yield batch
        if resumed and not cursor.deep and cursor.end_s is None:
            async for batch in self._passed(begin(cursor, self._to_s(cursor))):
                yield batch

    async def probe(self) -> str:
        """Ask for the last second of the first client."""
        client, now_s = self.config.clients[0], self._now_s()
        async for _ in self._reader().pieces(client, now_s - 1, now_s):
            break
        return f"{self.stream}s of client {client}"

    def _start_s(self) -> int:
        start, now_s = self.config.start, self._now_s()
        oldest_s = self._oldest_s()
        start_s = now_s - DAY_S if start is None else int(start.timestamp())
        if start_s < oldest_s:
            message = f"The option `start` lies before what the vendor keeps; reading from {_moment(oldest_s)} on."
            self.report("start_too_old", message, start_s=oldest_s)
        return max(start_s, oldest_s)

    def _now_s(self) -> int:
        return self.clock.now_ms() // 1000

    def _oldest_s(self) -> int:
        return self._now_s() - self.config.retention_days * DAY_S

    def _to_s(self, cursor: WallarmCursor) -> int:
        """Give the last second of a pass that begins now.

        Raises:
            TemporaryError: A bounded reading ends so late that records may still come.
        """
        if cursor.end_s is None:
            return self._now_s()
        wait_s = cursor.end_s + self.config.late_secs + 1 - self._now_s()
        if wait_s > 0:
            raise TemporaryError("records of the last seconds asked for may still come late", after_secs=wait_s)
        return cursor.end_s

    def _check_retention(self, cursor: WallarmCursor) -> None:
        """Raise where what comes next is no longer there."""
        oldest_s = self._oldest_s()
        if cursor.front_s + 1 >= oldest_s:
            return
        gone = f"everything from {_moment(cursor.front_s + 1)} until {_moment(oldest_s)} is gone"
        kept = f"the vendor keeps {self.config.retention_days} days (option `retention_days`)"
        if cursor.end_s is not None:
            raise PermanentError(f"{self.stream}: {kept}: {gone}. Begin the backfill at {_moment(oldest_s + DAY_S)} or later.")
        raise CursorExpired(
            f"{self.stream}: {kept}: {gone} and will not be read. Going on from there.", restart=restarted(cursor, oldest_s)
        )

    async def _passed(self, cursor: WallarmCursor) -> AsyncIterator[Batch[WallarmCursor]]:
        """Yield what a pass, or the rest of one, gives; the last batch says that it is over."""
        clients = cursor.client_ids if cursor.end_s is not None else self.config.clients
        passing = Passing(cursor, self._rules, clients)
        reader, details = self._reader(), self._details()
        details.begin()
        for client, pos_s in passing.to_read():
            passing.enter(client, pos_s)
            told_s = pos_s
            async for piece in reader.pieces(client, pos_s, passing.to_s):
                batch = await self._batch(piece, passing, details)
                if len(batch.table) or batch.rejects or batch.filtered or piece.pos_s - told_s >= STEP_S:
                    told_s = piece.pos_s
                    yield batch
            passing.leave(client)
        if details.missed:
            message = f"{details.missed:,} hits were published without what only their details tell: the vendor refused, or the calls ran out."
            self.report(
                "details_missed", f"{message} Raise the option `details_calls`, or set `details` to never.", hits=details.missed
            )
        yield Batch([], passing.over())

    async def _batch(self, piece: Piece, passing: Passing, details: Details) -> Batch[WallarmCursor]:
        """Give what of a piece is published, with the cursor behind it."""
        import pyarrow as pa  # noqa: PLC0415 - an idle worker should not hold pyarrow

        decoded = piece.decoded
        if decoded is None:
            return Batch([], passing.at(piece.pos_s))
        fresh = passing.fresh(decoded.names, decoded.seconds)
        names = [f"reject {reject.raw!r}" for reject in decoded.rejects]
        kept = passing.fresh(names, decoded.reject_seconds(passing.to_s))
        table = decoded.table if all(fresh) else decoded.table.filter(pa.array(fresh, pa.bool_()))
        if self.stream == "hit":
            table = await details.fill(table)
        rejects = [reject for reject, new in zip(decoded.rejects, kept, strict=True) if new]
        again = len(fresh) + len(kept) - table.num_rows - len(rejects)
        return Batch(table, passing.at(piece.pos_s), rejects, {"duplicate": again} if again else {})

    def _reader(self) -> Reader:
        from connectors.wallarm.aggregated import Aggregated  # noqa: PLC0415 - pyarrow takes a while to import
        from connectors.wallarm.decode import decode  # noqa: PLC0415
        from connectors.wallarm.grouped import decode_attacks  # noqa: PLC0415
        from connectors.wallarm.legacy import Kind, Legacy  # noqa: PLC0415

        config = self.config
        if config.api == "aggregation":
            return Aggregated(self._asking, "hit" if self.stream == "hit" else "attack", config.window_secs)
        kind = Kind("hit", "time", decode) if self.stream == "hit" else Kind("attack", "last_time", decode_attacks)
        return Legacy(self._asking, kind, config.paging, config.page_size, config.window_secs)

    def _details(self) -> Details:
        from connectors.wallarm.details import Details  # noqa: PLC0415 - pyarrow takes a while to import

        if self._kept_details is None:
            when = self.config.details if self.config.api == "legacy" and self.stream == "hit" else "never"
            self._kept_details = Details(self._asking, when, self.config.details_calls)
        return self._kept_details


def read_again(config: WallarmConfig, stream: str, reject: Reject) -> Batch[WallarmCursor]:
    """Read one object again, as the API gave it; see `Stream.redrive`."""
    from connectors.wallarm.reread import decoded  # noqa: PLC0415 - pyarrow takes a while to import

    found = decoded(config.clients, stream, reject)
    return Batch(found.table, first(0, ()), found.rejects)


def bounded(config: WallarmConfig, from_ms: int, to_ms: int) -> WallarmCursor:
    """Give the cursor of a reading of what happened from one time until another; see `Stream.since`."""
    return first(from_ms // 1000, config.clients).model_copy(update={"end_s": (to_ms + 999) // 1000})


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="minutes")


HIT = Stream(
    name="hit",
    task=WallarmTask,
    cursor=WallarmCursor,
    subject="wallarm.hit",
    description="One record per hit, keyed by its client, so that the hits of a client stay in order.",
    key=("client_id",),
    identity=("id",),
    time="time",
    interval_secs=10,
    redrive=read_again,
    since=bounded,
)
ATTACK = Stream(
    name="attack",
    task=WallarmTask,
    cursor=WallarmCursor,
    subject="wallarm.attack",
    description="One record per state of an attack as the vendor groups hits, keyed by the attack.",
    key=("id",),
    identity=("id", "state_hash"),
    time="last_time",
    interval_secs=30,
    redrive=read_again,
)


def _streams(config: WallarmConfig) -> tuple[Stream, ...]:
    pulled = [stream for stream, wanted in ((HIT, config.hits_enabled), (ATTACK, config.attacks_enabled)) if wanted]
    return (*pulled, webhook_stream) if config.webhook_port is not None else tuple(pulled)


connector = SourceConnector(
    name="wallarm",
    title="Wallarm hits and attacks, by API",
    config=WallarmConfig,
    streams=_streams,
    defaults={"freshness.target.secs": 120},
)
