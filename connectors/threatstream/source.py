"""Takes one tenant's intelligence API, gives each indicator's newest state and a tombstone when it ends; never reads a type twice at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from connectors.threatstream.answer import check, page_in
from connectors.threatstream.marks import Mark, Marks
from connectors.threatstream.paging import ORDER, Asked, Step, step
from connectors.threatstream.passes import ACTIVE, ENDED, SKEW_MS, Pass, Run, past
from wellhead import Batch, Config, Cursor, Reject, SourceConnector, SourceTask, Stream, TemporaryError, in_thread

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.threatstream.decode import Decoded

Kind = Literal["ip", "domain", "hash", "url", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PATH = "/api/v2/intelligence/"
DELETES_PER_BATCH = 50_000


class ThreatStreamConfig(Config):
    """Options of the ThreatStream connector."""

    url: str = Field(
        default="https://api.threatstream.com" + PATH,
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="Address of the intelligence API; its usual path is added when there is none.",
    )
    user: str = Field(min_length=1, description="User name of the API user, usually an e-mail address.")
    api_key: SecretStr = Field(min_length=1, description="API key of that user.")
    types: tuple[Kind, ...] = Field(
        default=KINDS, min_length=1, description="Types of indicators to read, each a stream of its own with its own cursor."
    )
    page_limit: int = Field(default=1000, ge=1, le=1000, description="Indicators a call; the vendor allows 1,000.")
    lookback_secs: int = Field(
        default=3900,
        ge=0,
        description="Seconds that an indicator may become visible late: so far back a run reads again first. 0 never looks back.",
    )
    lookback_interval_secs: int = Field(
        default=1800, ge=0, description="Seconds between two look-backs at least; polls further apart than that each look back."
    )
    stability_delay_secs: int = Field(
        default=60,
        ge=0,
        description="Seconds an indicator must be unchanged before it is read, so that the vendor is done with it.",
    )
    deletions_enabled: bool = Field(
        default=True, description="Whether to ask for indicators that turned inactive or false positive, and end them."
    )
    deletions_interval_secs: int = Field(default=21_600, ge=0, description="Seconds between two rounds of asking for them.")
    max_age_days: int | None = Field(
        default=None,
        ge=1,
        description="Days after its last change that an indicator ends, whatever the vendor says; default never.",
    )
    sweep_interval_secs: int = Field(
        default=21_600, ge=0, description="Seconds between two sweeps of the topic for indicators that have expired meanwhile."
    )

    @field_validator("url")
    @classmethod
    def _with_path(cls, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATH

    @field_validator("types", mode="before")
    @classmethod
    def _listed(cls, types: Any) -> Any:
        return [name.strip() for name in types.split(",")] if isinstance(types, str) else types


class IndicatorCursor(Cursor):
    """Where the reading of one type stands."""

    update_id: int = Field(default=0, description="Every active indicator up to this update_id has been read; never goes back.")
    began_ms: int = Field(description="When reading from update_id 0 began, epoch ms.")
    whole: bool = Field(default=False, description="Whether that reading came to its end.")
    swept_ms: int = Field(description="When the topic was last swept for what has ended, epoch ms.")
    stood_ms: int | None = Field(
        default=None,
        description="When the newest of what stood in the topic as that reading began was published, epoch ms; None where nothing did.",
    )
    turn: Literal["", "active", "ended"] = Field(
        default="",
        description="What comes first in the next run where this one ends here; empty for a sweep, where one is due.",
    )
    vanished: bool = Field(
        default=False, description="Whether the next sweep also ends what a whole reading did not publish again."
    )
    caught_up_ms: int | None = Field(default=None, description="When nothing was left to read last, epoch ms.")
    marks: str = Field(default="", description="Positions to look back to, as pairs of epoch ms and update_id.")
    lookback_id: int | None = Field(default=None, description="How far the look-back has come; None where none is due.")
    lookback_from_ms: int | None = Field(default=None, description="Epoch ms since when the records it reads were published.")
    lookback_began_ms: int | None = Field(default=None, description="When this look-back began, epoch ms.")
    looked_back_ms: int | None = Field(default=None, description="When the last finished look-back began, epoch ms.")
    ending: Literal["", "inactive", "falsepos"] = Field(
        default="", description="Which kind of ended indicators is being read; empty between two rounds."
    )
    ended_ms: int | None = Field(default=None, description="When the last round of reading ended indicators began, epoch ms.")
    inactive_id: int = Field(default=0, description="Every inactive indicator up to this update_id has been ended.")
    inactive_marks: str = Field(default="", description="Like `marks`, for inactive indicators.")
    falsepos_id: int = Field(default=0, description="Every false positive up to this update_id has been ended.")
    falsepos_marks: str = Field(default="", description="Like `marks`, for false positives.")

    def replay_from_ms(self) -> int | None:
        return self.lookback_from_ms


class IndicatorTask(SourceTask[ThreatStreamConfig, IndicatorCursor]):
    """Reads one type: sweeps the topic when due, then asks for what is active, then for what no longer is."""

    async def poll(self, cursor: IndicatorCursor | None) -> AsyncIterator[Batch[IndicatorCursor]]:
        """Yield batches until the vendor has no more; see `SourceTask.poll`."""
        run = Run(self.stream, self.config, self.clock.now_ms())
        cursor = past(cursor or self._first(run, await self._stood()), run.now_ms)
        unknown: Counter[str] = Counter()
        try:
            if not cursor.turn and self._sweep_is_due(cursor, run):
                for batch in _swept(await self._over(cursor, run), cursor, run.now_ms):
                    cursor = batch.cursor
                    yield batch
            ended_first = cursor.turn == "ended"
            for part in (*ENDED, ACTIVE) if ended_first else (ACTIVE, *ENDED):
                begun, passed = part.begin(cursor, run), frozenset[int]()
                while begun is not None:
                    decoded, then = await self._page(part, replace(part.asked(begun, run), passed=passed))
                    cursor, passed = part.after(begun, decoded, then, run), frozenset(decoded.numbers)
                    cursor = self._behind(cursor, part, run, more=then.more, ended_first=ended_first)
                    begun = cursor if then.more else None
                    unknown += decoded.unknown
                    yield Batch(decoded.table, cursor, decoded.rejects, decoded.filtered, decoded.ended)
                    if then.stuck:
                        self._tell_stuck(then)
                        return
        finally:
            self._tell_unknown(unknown)

    def _first(self, run: Run, stood_ms: int | None = None) -> IndicatorCursor:
        """The cursor of a first run, and after a reset: everything is read, whatever the topic holds."""
        marks = Marks().add(Mark(run.now_ms - run.lookback_ms, 0))
        return IndicatorCursor(began_ms=run.now_ms, swept_ms=run.now_ms, stood_ms=stood_ms, marks=str(marks))

    async def _stood(self) -> int | None:
        """Give when the newest of what stands in the topic was published: what is published from now on comes behind it."""
        from connectors.threatstream.sweep import Newest  # noqa: PLC0415 - pyarrow takes a while to import

        newest = Newest(self.stream)
        await self.published(("stream",), newest)
        return newest.published_ms

    def _sweep_is_due(self, cursor: IndicatorCursor, run: Run) -> bool:
        return cursor.vanished or run.now_ms - cursor.swept_ms >= self.config.sweep_interval_secs * 1000

    def _behind(self, cursor: IndicatorCursor, part: Pass, run: Run, *, more: bool, ended_first: bool) -> IndicatorCursor:
        """Give the cursor behind a page with what is to come next: a run may be told to end after any batch, even each after one."""
        done = part is ACTIVE and not more and not ended_first and not cursor.vanished
        turn = "ended" if done and any(each.begin(cursor, run) is not None for each in ENDED) else ""
        return past(cursor.model_copy(update={"turn": turn}), self.clock.now_ms())

    async def _page(self, part: Pass, asked: Asked) -> tuple[Decoded, Step]:
        """Ask for one page.

        Raises:
            TemporaryError: No whole page came.
            PermanentError: The request is refused.
        """
        params = {
            "limit": str(self.config.page_limit),
            "order_by": ORDER,
            "update_id__gt": str(asked.position),
            "status": part.status,
            "type": self.stream,
            "modified_ts__lt": timestamp(asked.now_ms - self.config.stability_delay_secs * 1000),
        }
        if asked.since_ms is not None:
            params["modified_ts__gt"] = timestamp(asked.since_ms)
        answer = await self.http.get(self.config.url, params=params, headers=self._headers())
        check(answer)
        try:
            page = await in_thread(page_in, answer.content)
        except ValueError as error:
            raise TemporaryError(f"{answer.call}: {error}; the page is asked for again") from None
        decoded = await in_thread(part.decode, page, asked)
        limit, far = self.config.page_limit, decoded.far
        return decoded, step(asked.position, decoded.newest, decoded.objects, page.link, limit=limit, far=far)

    async def probe(self) -> str:
        """Ask for one indicator."""
        answer = await self.http.get(self.config.url, params={"limit": "1", "type": self.stream}, headers=self._headers())
        check(answer)
        return f"one indicator of type {self.stream}"

    def _headers(self) -> dict[str, str]:
        # A header, not the query the vendor also takes: a query lands in the logs of every proxy on the way (I6).
        return {"Authorization": f"apikey {self.config.user}:{self.config.api_key.get_secret_value()}"}

    async def _over(self, cursor: IndicatorCursor, run: Run) -> pa.RecordBatch:
        """Give the `id` of what stands in the topic and has expired, grown too old, or vanished from the vendor."""
        from connectors.threatstream.sweep import COLUMNS, Over  # noqa: PLC0415 - pyarrow takes a while to import

        vanished_ms = None
        if cursor.vanished and cursor.stood_ms is not None:
            # Two bounds of one moment, told by two clocks: what the reading itself has published must lie behind it.
            vanished_ms = min(cursor.began_ms - SKEW_MS, cursor.stood_ms + 1)
        return await self.published(COLUMNS, Over(self.stream, run.now_ms, run.oldest_ms, vanished_ms))

    def _tell_stuck(self, then: Step) -> None:
        message = (
            f"Reading {self.stream} ended early: {then.stuck}. The next run goes on from update_id {then.position}. "
            "If it stays so, the vendor does not keep to its paging: tell its support."
        )
        self.report("paging_stuck", message, position=then.position)

    def _tell_unknown(self, unknown: Counter[str]) -> None:
        if unknown:
            most = ", ".join(f"{name} ({count})" for name, count in unknown.most_common(10))
            message = f"{unknown.total()} indicators have a type the vendor does not document: {most}. They are published all the same."
            self.report("unknown_itype", message, indicators=unknown.total())


def _swept(gone: pa.RecordBatch, cursor: IndicatorCursor, now_ms: int) -> Iterator[Batch[IndicatorCursor]]:
    """Give what has ended in batches; only the last one says that the sweep is done."""
    for start in range(0, gone.num_rows - DELETES_PER_BATCH, DELETES_PER_BATCH):
        yield Batch([], cursor, deletes=gone.slice(start, DELETES_PER_BATCH))
    rest = max(0, gone.num_rows - 1) // DELETES_PER_BATCH * DELETES_PER_BATCH
    # Before the next sweep a page is read, or runs of one batch each would do nothing but sweep.
    done = cursor.model_copy(update={"swept_ms": now_ms, "vanished": False, "turn": "active"})
    if cursor.vanished and gone.num_rows:
        # What has vanished may come back as it was; a look-back in this run would take it for published, as it was when the run began.
        done = done.model_copy(update={"lookback_id": None, "lookback_from_ms": None, "lookback_began_ms": None})
    yield Batch([], done, deletes=gone.slice(rest))


def read_again(config: ThreatStreamConfig, stream: str, reject: Reject) -> Batch[IndicatorCursor]:  # noqa: ARG001 - the contract's three
    """Read one object again: as an indicator, or as the end of one; see `Stream.redrive`.

    One that has expired or grown too old since is published all the same, and ended by the next sweep.
    """
    from connectors.threatstream.decode import decode, decode_ended  # noqa: PLC0415 - pyarrow takes a while to import

    cursor = IndicatorCursor(began_ms=0, swept_ms=0)
    try:
        page = page_in(b'{"objects":[' + reject.raw + b"]}")
    except ValueError:
        return Batch([], cursor, [replace(reject, reason="it is no JSON value")])
    nowhere = Asked(stream, position=-1, known=-1, now_ms=0, oldest_ms=None, recent_ms=0)
    over = any(type(thing) is dict and thing.get("status") in {part.status for part in ENDED} for thing in page.objects)
    decoded = decode_ended(page, nowhere) if over else decode(page, nowhere)
    return Batch(decoded.table, cursor, decoded.rejects, decoded.filtered, decoded.ended)


def timestamp(time_ms: int) -> str:
    """Give a time as the vendor writes it.

    >>> timestamp(1_767_225_600_001)
    '2026-01-01T00:00:00.001Z'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def _streams(config: ThreatStreamConfig) -> tuple[Stream, ...]:
    return tuple(
        Stream(
            name=kind,
            task=IndicatorTask,
            cursor=IndicatorCursor,
            subject="threatstream.indicator",
            description=f"One record per state of an active indicator of type {kind}; a tombstone ends it.",
            key=("id",),
            identity=("id", "update_id"),
            time="modified_ts",
            cleanup="compact",
            interval_secs=3600,
            redrive=read_again,
        )
        for kind in KINDS
        if kind in config.types
    )


connector = SourceConnector(
    name="threatstream",
    title="Anomali ThreatStream indicators, by type",
    config=ThreatStreamConfig,
    streams=_streams,
    defaults={
        "poll.cron": "0 0/1 * * *",
        "run.max.batches": 500,
        "run.max.secs": 7200,
        "freshness.target.secs": 10_800,
        "http.interval.secs": 2,
        "http.budget.calls.per.day": 6000,
        "http.budget.reserve": 100,
    },
)
