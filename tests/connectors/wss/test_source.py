"""Takes a simulated portal and time that only the test moves, proves what the source does with each of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.wss.simulator import Settings, WssSimulator, create
from connectors.wss.source import AccessLogTask, WssConfig, WssCursor, bounded, connector
from wellhead import Batch, CursorExpired, PermanentError, TemporaryError
from wellhead.api import TaskContext
from wellhead.http import HttpClient, HttpSettings
from wellhead.testing.clock import FakeClock
from wellhead.testing.server import serve

HOUR_MS = 3_600_000
CHUNK_BYTES = 1 << 16


@dataclass
class Bench:
    """A simulated tenant and a task that reads it."""

    simulator: WssSimulator
    clock: FakeClock
    task: AccessLogTask
    reports: list[tuple[str, str, dict[str, Any]]]
    rejects: list[bytes] = field(default_factory=list)

    async def drain(self, cursor: WssCursor | None, into: list[Batch[WssCursor]] | None = None) -> list[Batch[WssCursor]]:
        """Poll until caught up; batches yielded before an error stand in `into`."""
        batches = [] if into is None else into
        async with aclosing(self.task.poll(cursor)) as polled:  # type: ignore[type-var]
            async for batch in polled:
                batches.append(batch)
        return batches

    async def read_all(self, cursor: WssCursor | None) -> list[Batch[WssCursor]]:
        """Drain as the runtime does: wait where asked, try again what is temporary, restart what expired."""
        batches: list[Batch[WssCursor]] = []
        while True:
            try:
                async with aclosing(self.task.poll(cursor)) as polled:  # type: ignore[type-var]
                    async for batch in polled:
                        batches.append(batch)
                        cursor = batch.cursor
            except TemporaryError as error:
                self.clock.advance(error.after_secs or 1)
            except CursorExpired as error:
                cursor = cast("WssCursor", error.restart)
            else:
                return batches
            self.wait(cursor)

    def wait(self, cursor: WssCursor | None) -> None:
        """Let the vendor's quiet pass."""
        if cursor is not None and (until_ms := cursor.not_before_ms()) is not None:
            self.clock.advance(max(0, until_ms - self.clock.now_ms()) / 1000)

    def truth(self) -> list[tuple[str, ...]]:
        return sorted(record.identity for record in self.simulator.truth(values=False) if record.kind == "record")


def identities(batches: list[Batch[WssCursor]]) -> list[tuple[str, ...]]:
    """The identity of every record, as text."""
    found: list[tuple[str, ...]] = []
    for batch in batches:
        if len(batch.table):
            table: Any = batch.table
            times = table.column("time").to_pylist()
            names = table.column("x_bluecoat_transaction_uuid").to_pylist()
            found += [(f"{time:%Y-%m-%d}", f"{time:%H:%M:%S}", name) for time, name in zip(times, names, strict=True)]
    return sorted(found)


@asynccontextmanager
async def bench(tmp_path: Path, settings: Settings | None = None, **options: Any) -> AsyncIterator[Bench]:
    clock = FakeClock()
    simulator = create(settings or Settings(rows=2_000), clock=clock)
    reports: list[tuple[str, str, dict[str, Any]]] = []
    with serve(simulator) as url:
        wanted = {"url": url, "username": "wss-user", "password": "wss-password", "start": "2025-12-31T00:00Z", **options}
        async with HttpClient(HttpSettings(retry_max_attempts=1), clock=clock) as http:
            report: Callable[..., None] = lambda event, message, **fields: reports.append((event, message, fields))  # noqa: E731
            context = TaskContext(http, clock, tmp_path, report)
            config = WssConfig.model_validate({"chunk_bytes": CHUNK_BYTES, **wanted})
            yield Bench(simulator, clock, AccessLogTask(config, "access_log", context), reports)


def run(story: Callable[[], Any]) -> None:
    asyncio.run(story())


def test_a_tenant_is_read_to_its_end(tmp_path: Path) -> None:
    """Draining gives every record the vendor holds once, ends at done, and remembers the quiet the vendor wants."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            batches = await b.drain(None)
            assert identities(batches) == b.truth()
            last = batches[-1].cursor
            assert last.status == "done"
            assert last.not_before_ms() == b.clock.now_ms() + 60_000
            assert last.hour_ms is not None
            assert last.hour_ms % HOUR_MS == 0

    run(story)


def test_resuming_from_any_cursor_gives_the_rest(tmp_path: Path) -> None:
    """Killed behind any batch, also inside a member, a fresh poll reads exactly what was not committed (I2)."""

    async def story(at: int) -> bool:
        async with bench(tmp_path) as b:
            before: list[Batch[WssCursor]] = []
            async with aclosing(b.task.poll(None)) as polled:  # type: ignore[type-var]
                async for batch in polled:
                    before.append(batch)
                    if len(before) > at:
                        break
            cursor = WssCursor.model_validate_json(before[-1].cursor.model_dump_json())
            b.wait(cursor)
            after = await b.read_all(cursor)
            assert identities(before + after) == b.truth()
            return cursor.offset > 0

    inside = [asyncio.run(story(at)) for at in range(0, 24, 3)]
    assert any(inside)
    assert not all(inside)


@pytest.mark.parametrize("fault", ["abort", "no_trailer", "half_trailer", "cut_body", "http_503", "http_423", "http_429"])
def test_a_passing_failure_keeps_the_cursor(tmp_path: Path, fault: str) -> None:
    """A body that is not whole and good gives no record and moves nothing; asked again, nothing is lost or doubled."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            b.simulator.arm(fault)
            with pytest.raises(TemporaryError) as caught:
                await b.drain(None)
            assert "127.0.0.1" in str(caught.value)
            b.simulator.arm(f"{fault}:3@1")
            assert identities(await b.read_all(None)) == b.truth()

    run(story)


@pytest.mark.parametrize(
    ("fault", "option"), [("http_401", "password"), ("http_403", "username"), ("http_400", "start"), ("http_404", "404")]
)
def test_what_a_person_must_change_is_named(tmp_path: Path, fault: str, option: str) -> None:
    """Refused credentials and dates end the task with the option to mend, and without the secret."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            b.simulator.arm(fault)
            with pytest.raises(PermanentError, match=option) as caught:
                await b.drain(None)
            assert "wss-password" not in str(caught.value)

    run(story)


@pytest.mark.parametrize("form", ["header", "trailer", "both"])
def test_the_wait_a_429_asks_for_is_kept_wherever_it_stands(tmp_path: Path, form: str) -> None:
    """Retry-After counts as a header and as a line of the body, with two seconds on top."""

    async def story() -> None:
        settings = Settings(rows=10, retry_after_secs=300, retry_after_form=form)  # type: ignore[arg-type]
        async with bench(tmp_path, settings) as b:
            b.simulator.arm("http_429")
            with pytest.raises(TemporaryError) as caught:
                await b.drain(None)
            assert caught.value.after_secs == 302

    run(story)


def test_a_blocked_api_is_left_alone_for_a_minute(tmp_path: Path) -> None:
    """423 waits 60 seconds even where the vendor names fewer."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            b.simulator.arm("http_423")
            with pytest.raises(TemporaryError) as caught:
                await b.drain(None)
            assert caught.value.after_secs == 60

    run(story)


def test_the_quiet_after_done_is_kept_across_restarts(tmp_path: Path) -> None:
    """A cursor behind `done` refuses to ask before its time and sends nothing."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=10)) as b:
            cursor = (await b.drain(None))[-1].cursor
            asked = len(b.simulator.requests)
            b.clock.advance(45)
            with pytest.raises(TemporaryError) as caught:
                await b.drain(cursor)
            assert caught.value.after_secs == 15
            assert len(b.simulator.requests) == asked
            b.clock.advance(15)
            (nothing,) = await b.drain(cursor)
            assert nothing.cursor.token == cursor.token
            assert nothing.cursor.not_before_ms() == b.clock.now_ms() + 60_000

    run(story)


def test_nothing_at_all_leaves_the_token_none(tmp_path: Path) -> None:
    """A tenant without logs answers 41 bytes; the cursor waits with the token it had."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=0)) as b:
            first, nothing = await b.drain(None)
            assert (first.cursor.token, first.cursor.quiet_until_ms) == ("none", None)
            assert (nothing.cursor.token, nothing.cursor.status, len(nothing.table)) == ("none", "done", 0)
            assert not b.reports

    run(story)


def test_a_forgotten_token_restarts_at_a_whole_hour(tmp_path: Path) -> None:
    """410 starts a session without a token from the last complete hour less the look-back, marked as replay until `done`."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=2_000, live_rows_per_hour=500)) as b:
            done = (await b.drain(None))[-1].cursor
            b.clock.advance(7200)
            b.simulator.arm("expire_tokens")
            with pytest.raises(CursorExpired, match="410") as caught:
                await b.drain(done)
            restart = caught.value.restart
            assert isinstance(restart, WssCursor)
            assert done.hour_ms is not None
            assert restart.token == "none"
            assert restart.start_ms == done.hour_ms - HOUR_MS
            replay_from = restart.replay_from_ms()
            assert replay_from is not None
            assert replay_from <= restart.start_ms
            b.clock.advance(2)  # the simulator expires what it issued up to this very second
            again = await b.drain(restart)
            assert [batch.cursor.replay_from for batch in again[:-1]] == [replay_from] * (len(again) - 1)
            assert again[-1].cursor.replay_from is None

    run(story)


def test_a_token_whose_archive_never_heals_is_given_up(tmp_path: Path) -> None:
    """The fifth broken ZIP in a row ends the token; each one before is counted in the cursor and tried again."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            b.simulator.arm("broken_zip:1@1")
            cursor: WssCursor | None = None
            for count in range(1, 6):
                seen: list[Batch[WssCursor]] = []
                with pytest.raises(TemporaryError if count < 5 else CursorExpired, match="abort"):
                    await b.drain(cursor, into=seen)
                cursor = seen[-1].cursor
                assert cursor.broken == count
                b.clock.advance(120)

    run(story)


def test_an_archive_built_anew_is_noticed(tmp_path: Path) -> None:
    """When the archive does not begin with what was read, whichever part differs, the session starts again and says so."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            batches = await b.drain(None)
            inside = next(batch.cursor for batch in batches if batch.cursor.offset and batch.cursor.member_index)
            for change in ({"crc": 1}, {"members_crc": 1}, {"offset": 10**9}, {"member": "other.gz"}, {"member_index": 99}):
                b.clock.advance(3600)
                with pytest.raises(CursorExpired, match="archive"):
                    await b.drain(inside.model_copy(update=change))

    run(story)


def test_a_second_client_is_reported(tmp_path: Path) -> None:
    """An empty `done` after `more`, another token without data, and a 429 after a kept quiet each name a second client."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=600, live_rows_per_hour=100), start="2025-12-31T20:00Z") as b:
            b.simulator.arm("token_jump:1@1")
            cursor = (await b.drain(None))[-1].cursor
            assert [fields["evidence"] for _, _, fields in b.reports] == ["token"]
            assert cursor.status == "done"
            b.reports.clear()
            b.clock.advance(3600)
            cursor = (await b.drain(cursor))[-1].cursor
            assert not b.reports
            b.clock.advance(3600)
            b.simulator.arm("http_429")
            with pytest.raises(TemporaryError):
                await b.drain(cursor)
            ((event, message, fields),) = b.reports
            assert (event, fields["evidence"]) == ("second_client", "429")
            assert "find and stop it" in message
            b.simulator.arm("http_429")
            with pytest.raises(TemporaryError):
                await b.drain(cursor)
            assert len(b.reports) == 1, "our own request a moment ago explains this one"

    run(story)


def test_a_file_nobody_knows_is_reported_and_counted(tmp_path: Path) -> None:
    """A member that is no log is named and counted, and the records beside it are read."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=500, faults=("unknown_member:1",))) as b:
            batches = await b.drain(None)
            assert [event for event, _, _ in b.reports] == ["unknown_member"]
            assert sum(batch.filtered.get("unknown_member", 0) for batch in batches) == 1
            assert identities(batches) == b.truth()

    run(story)


def test_flawed_rows_are_kept_and_the_others_read(tmp_path: Path) -> None:
    """Every kind of flaw the vendor is known for, at once: the truth is read, the broken lines are kept to the byte."""

    async def story() -> None:
        flaws = ("broken_rows:20", "non_utf8:5", "long_line:3", "no_fields:1", "new_field:1", "field_subset:1", "crlf:1")
        async with bench(tmp_path, Settings(rows=3_000, faults=(*flaws, "no_final_newline:1", "empty_member:1"))) as b:
            batches = await b.drain(None)
            assert identities(batches) == b.truth()
            broken = sorted(record.raw or b"" for record in b.simulator.truth() if record.kind == "broken")
            assert sorted(reject.raw for batch in batches for reject in batch.rejects) == broken

    run(story)


def test_credentials_travel_in_headers_only(tmp_path: Path) -> None:
    """Neither the user name nor the password is ever part of an address (I6)."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=10)) as b:
            await b.drain(None)
            assert b.simulator.requests
            assert not any("wss-" in str(request.params) for request in b.simulator.requests)

    run(story)


def test_the_spool_is_empty_afterwards(tmp_path: Path) -> None:
    """A drained and an abandoned poll leave no file behind."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            async with aclosing(b.task.poll(None)) as polled:  # type: ignore[type-var]
                await anext(polled)
            await b.drain(None)

    run(story)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "start_ms"),
    [
        ("2026-01-01T00:00Z", 1_767_225_600_000),
        ("2026-01-01T02:59:59+02:00", 1_767_225_600_000),
        ("2026-01-01T00:30:00", 1_767_225_600_000),
    ],
)
def test_the_start_is_cut_to_the_hour_and_taken_as_utc(tmp_path: Path, given: str, start_ms: int) -> None:
    """A start in the middle of an hour, in another zone or in none is the whole hour of UTC."""

    async def story() -> None:
        async with bench(tmp_path, Settings(rows=0), start=given) as b:
            first, nothing = await b.drain(None)
            assert first.cursor.start_ms == nothing.cursor.start_ms == start_ms

    run(story)


@pytest.mark.parametrize(
    "options",
    [{"fallback_encoding": "klingon"}, {"url": "portal.example"}, {"username": ""}, {"quiet_secs": -1}, {"chunk_bytes": 10}],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    """Mistakes are told when the file is checked, not at the first poll."""
    with pytest.raises(ValueError, match=next(iter(options))):
        WssConfig.model_validate({"username": "u", "password": "p", **options})


def test_the_address_gets_its_path() -> None:
    """An address without a path means the vendor's; one with a path is kept."""
    base = {"username": "u", "password": "p"}
    assert WssConfig.model_validate({**base, "url": "http://127.0.0.1:1/"}).url == "http://127.0.0.1:1/reportpod/logs/sync"
    assert WssConfig.model_validate({**base, "url": "https://relay.example/wss"}).url == "https://relay.example/wss"
    assert connector.config.model_validate(base).url == "https://portal.threatpulse.com/reportpod/logs/sync"


def test_a_bounded_reading_asks_for_closed_dates_and_its_token_stays_its_own(tmp_path: Path) -> None:
    """Start and end are whole hours around the span and the late hour behind it; a later option `start` moves neither."""

    async def story() -> None:
        async with bench(tmp_path, start="2026-01-01T00:00Z") as b:
            hour_ms = b.clock.now_ms() // HOUR_MS * HOUR_MS - 3 * HOUR_MS
            first = bounded(b.task.config, hour_ms + 60_000, hour_ms + HOUR_MS)
            batches = await b.drain(first)
            dates = {(request.params["startDate"], request.params["endDate"]) for request in b.simulator.requests}
            assert dates == {(str(hour_ms), str(hour_ms + 2 * HOUR_MS))}
            assert batches[-1].cursor.status == "done"
            assert len(identities(batches)) > 0

    run(story)


def test_an_hour_that_is_not_over_is_waited_for(tmp_path: Path) -> None:
    """The vendor takes no end in the future: a reading into the current hour says when it goes on, and asks nothing."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            b.clock.advance(600)
            now_ms = b.clock.now_ms()
            with pytest.raises(TemporaryError, match="not over yet") as caught:
                await b.drain(bounded(b.task.config, now_ms - HOUR_MS, now_ms))
            assert caught.value.after_secs == 3000
            assert b.simulator.requests == []

    run(story)


def test_a_forgotten_token_of_a_bounded_reading_keeps_its_end(tmp_path: Path) -> None:
    """Started again after a 410 it still ends where it was to end, and does not become an open one."""

    async def story() -> None:
        async with bench(tmp_path) as b:
            hour_ms = b.clock.now_ms() // HOUR_MS * HOUR_MS - 3 * HOUR_MS
            cursor = bounded(b.task.config, hour_ms, hour_ms + HOUR_MS).model_copy(update={"token": "x" * 68})
            with pytest.raises(CursorExpired) as caught:
                await b.drain(cursor)
            assert caught.value.restart.end_ms == cursor.end_ms
            assert caught.value.restart.token == "none"

    run(story)
