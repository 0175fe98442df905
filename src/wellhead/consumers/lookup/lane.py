"""Takes one lookup's builder and schedule, runs it again and again on a thread of its own; never two runs at once, never in the loop's way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from wellhead.clock import Clock
from wellhead.config.deployment import LoadedLookup
from wellhead.consumers.lookup import report as reports
from wellhead.consumers.lookup.build import Builder
from wellhead.consumers.lookup.manifest import as_text
from wellhead.consumers.lookup.report import RunReport, again_secs
from wellhead.consumers.lookup.schedule import next_ms
from wellhead.errors import WellheadError
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.lookups import FileTally, LookupTally

RETRY_SECS = 60.0
LEAST_DELIVERIES = 10
"""Of fewer a share says nothing; each failure is told as `not_delivered` anyway."""


class Lane:
    """One lookup in its process.

    Args:
        lookup: The lookup.
        builder: Does one run.
        tally: Where its totals go.
        clock: When runs are due.
        redact: Takes secrets out of a text.
        force: Deliver in the first run what the guard would hold back.
    """

    def __init__(
        self,
        lookup: LoadedLookup,
        builder: Builder,
        tally: LookupTally,
        *,
        clock: Clock,
        redact: Callable[[str], str],
        force: bool,
    ) -> None:
        self._lookup = lookup
        self._builder = builder
        self._tally = tally
        self._clock = clock
        self._redact = redact
        self._force = force
        self._log = get_logger("lookup")
        self.last: RunReport | None = None
        self.running = False

    async def run(self, stopping: asyncio.Event, *, once: bool) -> None:
        """Run until `stopping`, or once."""
        while not stopping.is_set():
            report = await self._one(once=once)
            if once:
                return
            due_ms = report.next_ms or self._clock.now_ms()
            await self._pause((due_ms - self._clock.now_ms()) / 1000, stopping)

    async def _pause(self, secs: float, stopping: asyncio.Event) -> None:
        pause = asyncio.ensure_future(self._clock.sleep(max(secs, 0.0)))
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({pause, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for each in (pause, stopped):
            each.cancel()

    async def _one(self, *, once: bool) -> RunReport:
        started_ms = self._clock.now_ms()
        self.running = True
        try:
            report = await on_thread(f"lookup-{self._lookup.name}", lambda: self._builder.run(force=self._force))
        except WellheadError as error:
            report = self._failed(started_ms, str(error), again_secs(error))
        except Exception as error:  # noqa: BLE001 - the lookup must go on, and the others with it
            self._log.exception("run_broke_off", lookup=self._lookup.name)
            report = self._failed(
                started_ms, f"the run broke off with an unexpected {type(error).__name__}; the log has the traceback", 0.0
            )
        finally:
            self.running = False
        if report.stopped:
            self._log.info("stopped_early", lookup=report.lookup, files_done=len(report.files))
            return report
        self._force = False
        report = self._redacted(report)
        report.next_ms = None if once else self._due_ms(report)
        self.last = report
        self._count(report)
        self._tell(report)
        self._keep(report)
        return report

    def _failed(self, started_ms: int, problem: str, again_secs: float | None) -> RunReport:
        return RunReport(
            lookup=self._lookup.name,
            target=self._lookup.settings.target,
            started_ms=started_ms,
            ended_ms=self._clock.now_ms(),
            alerts=["run_failed"],
            problems=[problem],
            again_secs=again_secs,
        )

    def _due_ms(self, report: RunReport) -> int:
        """Give when the next run is due: after trouble that may pass sooner than a long schedule would have it, but not before the other side allows."""
        now_ms = self._clock.now_ms()
        due_ms = next_ms(self._lookup.settings, report.started_ms, now_ms)
        waits = [secs for secs in (report.again_secs, *(file.again_secs for file in report.files)) if secs is not None]
        if not waits:
            return due_ms
        return max(min(due_ms, now_ms + int(RETRY_SECS * 1000)), now_ms + int(max(waits) * 1000))

    def _redacted(self, report: RunReport) -> RunReport:
        files = [
            file.model_copy(update={"problem": self._redact(file.problem)}) if file.problem is not None else file
            for file in report.files
        ]
        return report.model_copy(update={"problems": [self._redact(text) for text in report.problems], "files": files})

    def _count(self, report: RunReport) -> None:
        tally, calls = self._tally, self._builder.calls
        slow_secs = self._lookup.settings.alert_call_secs
        with tally.lock:
            tally.rows, tally.messages = report.rows, tally.messages + report.messages
            tally.rebuilds += report.rebuilt is not None
            tally.foreign += report.foreign
            tally.resets += len(report.resets)
            tally.runs["ok" if report.good else "problems"] += 1
            tally.recent.extend(secs is not None for secs in calls)
            tally.failures += calls.count(None)
            tally.slow_calls += sum(secs > slow_secs for secs in calls if secs is not None)
            tally.longest_call_secs = max([tally.longest_call_secs, *(secs for secs in calls if secs is not None)])
            tally.deliveries.update(file.sent for file in report.files if file.sent != "nothing")
            tally.last_good_ms = report.ended_ms if report.good else tally.last_good_ms
            failing = (
                len(tally.recent) >= LEAST_DELIVERIES and tally.failure_ratio() > self._lookup.settings.alert_failure_ratio
            )
            tally.alerts = frozenset([*report.alerts, *(["failures"] if failing else [])])
            for file in report.files:
                tally.files[file.file] = FileTally(
                    file.rows, file.nbytes, file.ratio, file.newest_ms, file.right_ms, file.missing_runs, frozenset(file.alerts)
                )

    def _tell(self, report: RunReport) -> None:
        if report.rebuilt is not None:
            self._log.warning("state_rebuilt", lookup=report.lookup, reason=report.rebuilt, rows=report.rows)
        for stream in report.resets:
            self._log.warning(
                "cursor_reset", lookup=report.lookup, connector=self._lookup.settings.source_connector, stream=stream
            )
        for place in report.foreign_places:
            self._log.warning(
                "foreign_message",
                lookup=report.lookup,
                message=f"{place}. It is none of ours and is passed over: see who else writes to the topic",
                messages=report.foreign,
            )
        for warning in report.warnings:
            self._log.warning("run_warning", lookup=report.lookup, message=warning)
        for problem in report.problems:
            self._log.error("run_problem", lookup=report.lookup, problem=problem)
        for file in report.files:
            if file.problem is not None:
                self._log.error("file_problem", lookup=report.lookup, file=file.file, alerts=file.alerts, problem=file.problem)
            elif file.sent != "nothing":
                self._log.info(
                    "delivered",
                    lookup=report.lookup,
                    file=file.file,
                    rows=file.rows,
                    bytes=file.nbytes,
                    sent=file.sent,
                    why=file.why,
                )

    def _keep(self, report: RunReport) -> None:
        try:
            reports.write(self._lookup.settings.state_dir, report)
        except OSError as error:
            self._log.error(
                "status_not_kept", lookup=report.lookup, reason=error.strerror, path=str(self._lookup.settings.state_dir)
            )

    def health(self, now_ms: int) -> dict[str, Any]:
        """Give what `/health` says of this lookup."""
        with self._tally.lock:
            alerts = sorted(self._tally.standing(now_ms))
        last = self.last
        return {
            "target": self._lookup.settings.target,
            "running": self.running,
            "alerts": alerts,
            "problems": last.wrong() if last is not None else [],
            "last_run": as_text(last.ended_ms) if last is not None and last.ended_ms is not None else None,
            "next_run": as_text(last.next_ms) if last is not None and last.next_ms is not None else None,
            "files": [file.model_dump(exclude={"problem"}) for file in last.files] if last is not None else [],
        }


async def on_thread(name: str, work: Callable[[], RunReport]) -> RunReport:
    """Run `work` on a daemon thread, so that a call that hangs cannot keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[RunReport] = loop.create_future()

    def tell(result: RunReport | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            assert result is not None
            done.set_result(result)

    def serve() -> None:
        result: RunReport | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=serve, name=name, daemon=True).start()
    return await asyncio.shield(done)
