"""Takes where telemetry goes, gives the process's meters, tracer and metrics page; never blocks or fails a task because a collector is away.

The OpenTelemetry SDK is imported when a `Telemetry` is made, its OTLP exporters only when there is an endpoint. Nothing is
registered globally, so several may live in one process.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING

from wellhead.clock import Clock, SystemClock
from wellhead.telemetry.attackmetrics import ATTACKS, GROUPER_METRICS, STORE_LAG, STORE_METRICS
from wellhead.telemetry.attackreads import READ_DURATION, READ_METRICS, ReadMetric, ReadTally
from wellhead.telemetry.attacks import GrouperTally, StoreTally
from wellhead.telemetry.floods import BYPASS_METRICS, FLOW_METRICS, BypassTally, FlowTally
from wellhead.telemetry.freshness import FRESHNESS_METRICS
from wellhead.telemetry.instruments import (
    API_DURATION,
    CONNECTOR,
    STAGE_DURATION,
    STREAM,
    TASK,
    TASK_METRICS,
    TENANT,
    WORKER_METRICS,
    DurationMetric,
    Kind,
    Labels,
    Metric,
    TaskMetric,
    WorkerMetric,
)
from wellhead.telemetry.livemetrics import UPSTREAM_METRICS
from wellhead.telemetry.lookups import LOOKUP, LOOKUP_METRICS, LookupMetric, LookupTally
from wellhead.telemetry.onward import Onward
from wellhead.telemetry.ownership import OWNERSHIP_METRICS, OwnershipMetric, OwnershipTally
from wellhead.telemetry.partmetrics import PartMetric, TallyT
from wellhead.telemetry.parts import PartTally
from wellhead.telemetry.tally import Tally

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.trace import Tracer

    from wellhead.config.worker import WorkerSettings
    from wellhead.telemetry.providers import Providers


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Where telemetry goes.

    Attributes:
        service_version: Wellhead's version, for the resource.
        service_name: The resource's service name.
        instance_id: Which process this is; host and process id unless given.
        prometheus: Whether `render` gives a metrics page.
        otlp_endpoint: Base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318; None sends nothing. Headers and
            certificates are taken from the standard `OTEL_EXPORTER_OTLP_*` variables.
        otlp_interval_secs: Seconds between exports of metrics.
        otlp_timeout_secs: Seconds one export may take, its retries included.
        trace_headers: Whether records carry the `traceparent` of their batch.
        trace_sample_ratio: Share of batches that are traced, 0 to 1.
    """

    service_version: str
    service_name: str = "wellhead"
    instance_id: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    prometheus: bool = True
    otlp_endpoint: str | None = None
    otlp_interval_secs: float = 30.0
    otlp_timeout_secs: float = 5.0
    trace_headers: bool = False
    trace_sample_ratio: float = 1.0

    @classmethod
    def of(cls, worker: WorkerSettings, version: str) -> TelemetrySettings:
        """Give those that a process's settings ask for."""
        return cls(
            version,
            otlp_endpoint=worker.otlp_endpoint,
            trace_headers=worker.trace_headers,
            trace_sample_ratio=worker.trace_sample_ratio,
        )


class Telemetry:
    """The meters of one process: the tasks it shows, the page Prometheus scrapes, the exporters.

    Args:
        settings: Where telemetry goes.
        clock: The time that ages are counted against at each scrape.

    Attributes:
        tracer: Where spans are made; None when neither OTLP nor trace headers are on.
        logger_provider: Where log lines go as OTLP; None without an endpoint.
    """

    def __init__(self, settings: TelemetrySettings, clock: Clock | None = None) -> None:
        from wellhead.telemetry.providers import Providers  # noqa: PLC0415 - loads the SDK

        self.clock: Clock = clock or SystemClock()
        self.trace_headers = settings.trace_headers
        self._tallies: dict[tuple[str, int, str, str], Tally] = {}
        self._lookups: dict[str, LookupTally] = {}
        self._parts: list[PartTally] = []
        self._reads: list[ReadTally] = []
        self._ownership: list[OwnershipTally] = []
        self._lock = Lock()
        self._render_lock = Lock()
        self._stopped = False
        self._providers: Providers = Providers(settings, self.clock)
        self.tracer: Tracer | None = self._providers.tracer
        self.logger_provider: LoggerProvider | None = self._providers.logs
        meter = self._providers.meter
        for metric in WORKER_METRICS:
            _observe(meter, metric, self._worker_callback(metric))
        for task_metric in (*TASK_METRICS, *FRESHNESS_METRICS, *UPSTREAM_METRICS):
            _observe(meter, task_metric, self._task_callback(task_metric))
        for lookup_metric in LOOKUP_METRICS:
            _observe(meter, lookup_metric, self._lookup_callback(lookup_metric))
        for grouper_metric in GROUPER_METRICS:
            _observe(meter, grouper_metric, self._part_callback(grouper_metric, GrouperTally))
        for store_metric in STORE_METRICS:
            _observe(meter, store_metric, self._part_callback(store_metric, StoreTally))
        for flow_metric in FLOW_METRICS:
            _observe(meter, flow_metric, self._part_callback(flow_metric, FlowTally))
        for bypass_metric in BYPASS_METRICS:
            _observe(meter, bypass_metric, self._part_callback(bypass_metric, BypassTally))
        for ownership_metric in OWNERSHIP_METRICS:
            _observe(meter, ownership_metric, self._ownership_callback(ownership_metric))
        for read_metric in READ_METRICS:
            _observe(meter, read_metric, self._read_callback(read_metric))
        self._read_secs = _histogram(meter, READ_DURATION)
        self._store_lag_secs = _histogram(meter, STORE_LAG)
        self._stage_secs = _histogram(meter, STAGE_DURATION)
        self._api_secs = _histogram(meter, API_DURATION)

    def add(self, tally: Tally) -> None:
        """Show a task from now on, in place of an earlier one of the same connector, number, stream and tenant."""
        with self._lock:
            self._tallies[_key(tally)] = tally

    def remove(self, tally: Tally) -> None:
        """Stop showing a task; nothing happens if another has taken its place."""
        with self._lock:
            if self._tallies.get(_key(tally)) is tally:
                del self._tallies[_key(tally)]

    def add_lookup(self, tally: LookupTally) -> None:
        """Show a lookup from now on."""
        with self._lock:
            self._lookups[tally.lookup] = tally

    def add_part(self, tally: PartTally) -> None:
        """Show a part of a service from now on."""
        if isinstance(tally, StoreTally):
            tally.record_lag_secs = self._store_lag_secs.record
        with self._lock:
            self._parts.append(tally)

    def own(self) -> OwnershipTally:
        """Make the tally of what a worker of a cluster owns, and show it from now on; once in a process."""
        self._ownership.append(OwnershipTally())
        return self._ownership[0]

    def add_reads(self, attacks: str) -> ReadTally:
        """Make the tally of a read API, and show it from now on."""
        tally = ReadTally(attacks, self._read_secs.record)
        with self._lock:
            self._reads.append(tally)
        return tally

    def onward(self, topic: str, labels: Labels, group: str = "") -> Onward:
        """Give what makes the spans of a consumer.

        Args:
            topic: What it reads.
            labels: What its metrics carry, and so its spans.
            group: Its consumer group; empty where it is in none.
        """
        named = {"messaging.system": "kafka", "messaging.operation.type": "process", "messaging.destination.name": topic}
        return Onward(self.tracer, {**labels, **named, **({"messaging.consumer.group.name": group} if group else {})})

    def record_stage_secs(self, secs: float, labels: Labels) -> None:
        """Record how long a stage took."""
        self._stage_secs.record(secs, labels)

    def record_api_secs(self, secs: float, labels: Labels) -> None:
        """Record how long a vendor call took."""
        self._api_secs.record(secs, labels)

    def render(self) -> tuple[bytes, str]:
        """Give the metrics page and its content type; empty when Prometheus is off. Takes milliseconds: call it off the event loop."""
        with self._render_lock:
            return self._providers.page()

    def shutdown(self, timeout_secs: float = 2.0) -> None:
        """Export what is left and stop, in at most `timeout_secs`; what a dead collector did not take by then is dropped."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        stops = [Thread(target=stop, args=(timeout_secs,), daemon=True) for stop in self._providers.stops()]
        together = Thread(target=_run_together, args=(stops, self._providers.stopped), daemon=True)
        together.start()
        together.join(timeout_secs)
        if together.is_alive():
            self._providers.abandon()

    def _all(self) -> Sequence[Tally]:
        with self._lock:
            return tuple(self._tallies.values())

    def _worker_callback(self, metric: WorkerMetric) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, labels) for value, labels in metric.read(self._all(), self.clock.now_ms())]

        return observe

    def _task_callback(self, metric: TaskMetric) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations = []
            now_ms = self.clock.now_ms()
            tallies = self._all()
            numbers = Counter((tally.connector, tally.task) for tally in tallies)
            for tally in tallies:
                base = _labels(metric, tally, alone=numbers[tally.connector, tally.task] == 1)
                with tally.lock:
                    observations += [Observation(value, {**base, **labels}) for value, labels in metric.read(tally, now_ms)]
            return observations

        return observe

    def _lookup_callback(self, metric: LookupMetric) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations = []
            now_ms = self.clock.now_ms()
            with self._lock:
                tallies = tuple(self._lookups.values())
            for tally in tallies:
                base = {LOOKUP: tally.lookup}
                with tally.lock:
                    observations += [Observation(value, {**base, **labels}) for value, labels in metric.read(tally, now_ms)]
            return observations

        return observe

    def _part_callback(self, metric: PartMetric[TallyT], kind: type[TallyT]) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations = []
            now_ms = self.clock.now_ms()
            with self._lock:
                tallies = [tally for tally in self._parts if isinstance(tally, kind)]
            for tally in tallies:
                base = tally.labels
                with tally.lock:
                    observations += [Observation(value, {**base, **labels}) for value, labels in metric.read(tally, now_ms)]
            return observations

        return observe

    def _ownership_callback(self, metric: OwnershipMetric) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations = []
            for tally in self._ownership:
                with tally.lock:
                    observations += [Observation(value, labels) for value, labels in metric.read(tally)]
            return observations

        return observe

    def _read_callback(self, metric: ReadMetric) -> Callback:
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations = []
            now_ms = self.clock.now_ms()
            with self._lock:
                tallies = tuple(self._reads)
            for tally in tallies:
                with tally.lock:
                    points = list(metric.read(tally, now_ms))
                observations += [Observation(value, {ATTACKS: tally.attacks, **labels}) for value, labels in points]
            return observations

        return observe


Callback = Callable[["CallbackOptions"], "Iterable[Observation]"]


def _key(tally: Tally) -> tuple[str, int, str, str]:
    return tally.connector, tally.task, tally.stream, tally.tenant


def _labels(metric: Metric, tally: Tally, *, alone: bool) -> dict[str, str | int]:
    labels: dict[str, str | int] = {CONNECTOR: tally.connector, TASK: tally.task}
    # Connect's have Connect's labels, unless tasks of several tenants have one number here: then one's failure would hide behind another.
    if not (alone and metric.name.startswith("kafka.")):
        labels |= {STREAM: tally.stream, TENANT: tally.tenant}
    return labels


def _observe(meter: Meter, metric: Metric, callback: Callback) -> None:
    create = {
        Kind.COUNTER: meter.create_observable_counter,
        Kind.UPDOWN: meter.create_observable_up_down_counter,
        Kind.GAUGE: meter.create_observable_gauge,
    }[metric.kind]
    create(metric.name, [callback], unit=metric.unit, description=metric.description)


def _histogram(meter: Meter, metric: DurationMetric) -> Histogram:
    return meter.create_histogram(
        metric.name, unit=metric.unit, description=metric.description, explicit_bucket_boundaries_advisory=metric.bounds
    )


def _run_together(threads: Sequence[Thread], finish: Callable[[], None]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish()
