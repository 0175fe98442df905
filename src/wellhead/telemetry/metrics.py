"""Takes what a task does, batch by batch, gives its totals, durations and trace headers; never called per record.

Every method may be called from any thread. None of them blocks, raises on odd input, or touches the network.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from wellhead.telemetry.instruments import CONNECTOR, ERROR_TYPE, HOST, STAGE, STATUS, STREAM, TASK, TENANT
from wellhead.telemetry.spans import NO_TRACE, StageSpan, Trace, Tracing
from wellhead.telemetry.stage import Stage
from wellhead.telemetry.tally import OTHER, Quota, Snapshot, Tally, word

if TYPE_CHECKING:
    from wellhead.telemetry.setup import Telemetry

GOOD: Final = frozenset({"1xx", "2xx", "3xx"})
_ENDS: Final = (StopAsyncIteration, GeneratorExit)  # how a generator says it is done, which is no failure


class TaskTelemetry:
    """One task's counters, gauges, durations and spans.

    Args:
        meters: The process's telemetry, which shows this task from now until `close`.
        connector: The connector's name.
        task: The index of the stream in the connector's list.
        stream: The stream's name.
        tenant: The tenant's name as the operator wrote it; never a credential.
        topic: Where its records go, for its spans.
    """

    def __init__(self, meters: Telemetry, *, connector: str, task: int, stream: str, tenant: str, topic: str = "") -> None:
        self._meters = meters
        self._clock = meters.clock
        now_ms = self._clock.now_ms()
        self._tally = Tally(connector, task, stream, tenant, born_ms=now_ms, state_since_ms=now_ms)
        self._labels: dict[str, str | int] = {CONNECTOR: connector, TASK: task, STREAM: stream, TENANT: tenant}
        self._stage_labels = {stage: {**self._labels, STAGE: stage.value} for stage in Stage}
        self._tracing = Tracing(meters.tracer, self._labels, in_headers=meters.trace_headers, topic=topic)
        self._run = NO_TRACE
        self._batch = NO_TRACE
        meters.add(self._tally)

    def close(self) -> None:
        """Stop showing this task, because it ended or moved to another worker; its snapshot stays readable.

        Its durations stand on the page until the process ends, as they were: histograms forget nothing.
        """
        self._meters.remove(self._tally)

    # Spans

    def run_began(self) -> Trace:
        """Begin a run's span; the batches that follow are linked with it."""
        self._run = self._batch = self._tracing.run()
        return self._run

    def run_ended(self, outcome: str, error: BaseException | None = None) -> None:
        """Count a run by its outcome (a word) and end its span."""
        tally = self._tally
        with tally.lock:
            _add(tally.runs, word(outcome, tally.runs))
            tally.last_outcome = outcome
        self._run.end(error)
        self._run = self._batch = NO_TRACE

    def batch(self) -> Trace:
        """Begin a batch's trace before it is polled; hand it along as `within` and end it after its commit.

        One that is never ended leaves nothing behind, so a poll that turns out empty may simply drop it.
        """
        self._batch = self._tracing.batch(self._run)
        return self._batch

    def stage(self, stage: Stage, within: Trace | None = None, beside: Sequence[Trace] = ()) -> AbstractContextManager[None]:
        """Time a stage: a span within the given batch (else the latest one begun) and a point of the duration histogram.

        Enter and leave it in the same asyncio task or thread. A stage that several batches share has a span `beside` in each of the others.
        """
        return _Timed(self, stage, self._batch if within is None else within, beside)

    def headers(self, within: Trace | None = None) -> list[tuple[str, bytes]]:
        """Give the record headers that carry the batch's trace context; empty unless trace headers are on."""
        return (self._batch if within is None else within).headers()

    # Counters

    def polled(self, records: int, nbytes: int, newest_event_ms: int | None = None) -> None:
        """Count a batch from the vendor.

        Args:
            records: Its rows, its rejects and its filtered ones together, so that polled = written + rejected + filtered.
            nbytes: Its size in memory.
            newest_event_ms: Its newest event time; one in the future counts as now, None as no news.
        """
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            tally.batches += 1
            tally.polled_records += records
            tally.polled_bytes += nbytes
            tally.batch_records.add(records)
            if records:  # an empty batch may be a vendor that keeps failing
                tally.last_poll_ms = now_ms
            if newest_event_ms is not None:
                tally.newest_event_ms = max(tally.newest_event_ms or 0, min(newest_event_ms, now_ms))

    def caught_up(self) -> None:
        """Count a poll that ended by itself, with or without batches: the vendor has no more for now."""
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            tally.polls += 1
            tally.last_poll_ms = now_ms

    def rested(self) -> None:
        """Note that a live stream is well, though nothing came that would have to be committed."""
        self.caught_up()
        with self._tally.lock:
            self._tally.last_commit_ms = self._tally.last_poll_ms

    def upstream(self, host: str, *, open_by: int = 0, waiting_by: int = 0, ended: str = "", breaker: str = "") -> None:
        """Count what becomes of a live connection to a host and port.

        Args:
            host: Host and port.
            open_by: 1 where one was opened, -1 where one was closed.
            waiting_by: 1 where one begins to wait to be admitted, -1 where it waits no more.
            ended: How it ended.
            breaker: The state of the destination's circuit breaker.
        """
        tally = self._tally
        with tally.lock:
            upstreams = tally.upstreams
            host = word(host, upstreams.open)
            _add(upstreams.open, host, open_by)
            _add(upstreams.waiting, host, waiting_by)
            _add(upstreams.opened, host, max(0, open_by))
            if ended:
                upstreams.ended[host, ended] = upstreams.ended.get((host, ended), 0) + 1
            if breaker:
                upstreams.breaker[host] = breaker

    def active(self, records: int, nbytes: int) -> None:
        """Say how much is polled but not yet committed, right now."""
        tally = self._tally
        with tally.lock:
            tally.active_records, tally.active_bytes = records, nbytes

    def rejected(self, count: int, stage: Stage, reason: str = OTHER) -> None:
        """Count records that could not be published, by a class of reason: a word such as `oversize`, never free text."""
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            key = (stage, word(reason, {known: 0 for of, known in tally.rejects if of is stage}))
            tally.rejects[key] = tally.rejects.get(key, 0) + count
            tally.last_error_ms = now_ms

    def filtered(self, count: int, reason: str) -> None:
        """Count records left out on purpose, by reason: a word."""
        tally = self._tally
        with tally.lock:
            _add(tally.filtered, word(reason, tally.filtered), count)

    def deleted(self, count: int) -> None:
        """Count tombstones committed: keys whose records have ended."""
        with self._tally.lock:
            self._tally.deletes += count

    def drift(self, count: int) -> None:
        """Count values whose field name the schema does not know."""
        with self._tally.lock:
            self._tally.drift += count

    def retried(self, stage: Stage) -> None:
        """Count one operation tried again; at the commit stage that is a transaction aborted."""
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            tally.retries[stage] = tally.retries.get(stage, 0) + 1
            tally.failed_commits += stage is Stage.COMMIT
            tally.last_error_ms = now_ms

    def committed(self, records: int, nbytes: int, secs: float) -> None:
        """Count a transaction: its records (0 when only the cursor moved), the bytes of their values, how long it took."""
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            tally.written_records += records
            tally.written_bytes += nbytes
            tally.transaction_records.add(records)
            tally.commit_secs.add(secs)
            tally.last_commit_ms = now_ms

    def api_call(self, host: str, status: int | None, secs: float, nbytes: int, method: str = "GET") -> None:
        """Count a call to the vendor that ends now; `status` is None when no answer came. Of its URL only the host is kept."""
        self._tracing.call(method, host, status, secs, nbytes)
        tally = self._tally
        outcome = f"{status // 100}xx" if status and 100 <= status <= 599 else "none"  # noqa: PLR2004 - HTTP's range
        now_ms = self._clock.now_ms()
        with tally.lock:
            host = word(host, tally.api_bytes)
            tally.api_calls[host, outcome] = tally.api_calls.get((host, outcome), 0) + 1
            _add(tally.api_bytes, host, nbytes)
            tally.recent_calls.append(outcome in GOOD)
            if secs > tally.alert_call_secs:
                tally.slow_calls += 1
                tally.slow_call_ms = now_ms
        self._meters.record_api_secs(secs, {**self._labels, HOST: host, STATUS: outcome})

    def alert_at(self, *, call_secs: float, failure_ratio: float) -> None:
        """Set from when on a call is slow, and which share of failed calls is too many."""
        with self._tally.lock:
            self._tally.alert_call_secs, self._tally.alert_failure_ratio = call_secs, failure_ratio

    def quota(self, read: Callable[[], Quota]) -> None:
        """Keep where to read what is left of the vendor's quota; `read` is called from any thread at any time."""
        with self._tally.lock:
            self._tally.quota = read

    def awaits(self, expected_ms: Callable[[], int], target_secs: float) -> None:
        """Keep where to read when the next successful poll is due (epoch ms; called from any thread), and how late it may be."""
        with self._tally.lock:
            self._tally.expected_ms, self._tally.freshness_target_secs = expected_ms, target_secs

    def overdue_ms(self) -> int:
        """Give for how long a successful, committed poll has been awaited past the time it was due."""
        now_ms = self._clock.now_ms()
        with self._tally.lock:
            return self._tally.overdue_ms(now_ms)

    def cursor_moved(self, now_ms: int) -> None:
        """Keep when the committed cursor last changed."""
        with self._tally.lock:
            self._tally.cursor_moved_ms = now_ms

    def state(self, state: str) -> None:
        """Keep the task's state: one of Connect's words, or DEGRADED."""
        tally, now_ms = self._tally, self._clock.now_ms()
        with tally.lock:
            if tally.state == "RUNNING":
                tally.running_ms += now_ms - tally.state_since_ms
            tally.state, tally.state_since_ms = str(state), now_ms
            if tally.state == "FAILED":
                tally.last_error_ms = now_ms

    def noticed(self, event: str) -> None:
        """Count something reported that a person should know, by event: a word."""
        tally = self._tally
        with tally.lock:
            _add(tally.notices, word(event, tally.notices))

    def snapshot(self) -> Snapshot:
        """Give the totals so far; subtract an earlier one to get those of a run."""
        return self._tally.snapshot(self._clock.now_ms())

    # The end of a stage, for `_Timed`

    def begin(self, stage: Stage, within: Trace, beside: Sequence[Trace]) -> tuple[StageSpan | None, float]:
        """Give the stage's span, if any, and the moment it began."""
        return self._tracing.stage(stage, within, beside), self._clock.monotonic_secs()

    def ended(self, stage: Stage, began_secs: float, span: StageSpan | None, error: BaseException | None) -> None:
        """Record a stage that began at `began_secs` and ends now; one that was cancelled measures nothing."""
        secs = self._clock.monotonic_secs() - began_secs
        error = None if isinstance(error, _ENDS) else error
        if not isinstance(error, CancelledError):
            labels = self._stage_labels[stage]
            # While the span is the current one: an exemplar names it.
            self._meters.record_stage_secs(secs, labels if error is None else {**labels, ERROR_TYPE: type(error).__name__})
        if span is not None:
            span.end(error)
        if stage is Stage.POLL and error is None:
            with self._tally.lock:
                self._tally.poll_secs.add(secs)


class _Timed:
    """Times one stage of one batch; a plain class, because a generator-based one costs three times as much."""

    __slots__ = ("_began_secs", "_beside", "_of", "_span", "_stage", "_within")

    def __init__(self, of: TaskTelemetry, stage: Stage, within: Trace, beside: Sequence[Trace]) -> None:
        self._of = of
        self._stage = stage
        self._within = within
        self._beside = beside

    def __enter__(self) -> None:
        self._span, self._began_secs = self._of.begin(self._stage, self._within, self._beside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._of.ended(self._stage, self._began_secs, self._span, error)


def _add(counts: dict[str, int], key: str, count: int = 1) -> None:
    counts[key] = counts.get(key, 0) + count
