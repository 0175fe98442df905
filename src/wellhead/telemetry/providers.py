"""Takes the telemetry settings, gives the OpenTelemetry SDK's providers wired to their exporters; never registers them globally.

Importing this module loads the SDK, so only `Telemetry` does, when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

from wellhead.clock import Clock
from wellhead.telemetry.exporting import ExportFailures

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer
    from prometheus_client import CollectorRegistry

    from wellhead.telemetry.setup import TelemetrySettings

SCOPE: Final = "wellhead"
SERIES_PER_METRIC: Final = 50_000  # more than bounded labels reach with hundreds of tasks; the SDK folds the rest into one

_LIMITS: Final[dict[Any, int]] = dict.fromkeys(
    (Histogram, ObservableCounter, ObservableGauge, ObservableUpDownCounter), SERIES_PER_METRIC
)


class Providers:
    """The SDK's providers for metrics, traces and logs, as far as the settings want them."""

    def __init__(self, settings: TelemetrySettings, clock: Clock) -> None:
        self._settings = settings
        self._resource = Resource.create(
            {
                "service.name": settings.service_name,
                "service.version": settings.service_version,
                "service.instance.id": settings.instance_id,
            }
        )
        self._exporters: list[Any] = []
        self._failures = None if settings.otlp_endpoint is None else ExportFailures(settings.otlp_endpoint, clock)
        if self._failures is not None:
            self._failures.install()
        self._registry: CollectorRegistry | None = None
        # Only a collector takes them: the page of Prometheus has no place for any.
        exemplars = AlwaysOffExemplarFilter() if settings.otlp_endpoint is None else TraceBasedExemplarFilter()
        self._metrics = MeterProvider(self._readers(), self._resource, exemplar_filter=exemplars, shutdown_on_exit=False)
        self._traces = self._tracer_provider()
        self.logs: LoggerProvider | None = self._logger_provider()
        self.meter: Meter = self._metrics.get_meter(SCOPE, settings.service_version)
        self.tracer: Tracer | None = None if self._traces is None else self._traces.get_tracer(SCOPE, settings.service_version)

    def page(self) -> tuple[bytes, str]:
        """Give what Prometheus scrapes and its content type."""
        from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest  # noqa: PLC0415

        return (b"" if self._registry is None else generate_latest(self._registry)), CONTENT_TYPE_PLAIN_0_0_4

    def stops(self) -> Sequence[Callable[[float], None]]:
        """Give the calls that export what is left and stop; each takes its timeout in seconds and may outlast it."""
        providers = [provider for provider in (self._traces, self.logs) if provider is not None]
        return [self._stop_metrics, *(partial(_stop, provider) for provider in providers)]

    def abandon(self) -> None:
        """Make exports that are still being retried give up now."""
        if self._failures is not None:
            self._failures.failed("the collector did not take the last exports before the process stopped")
        for exporter in self._exporters:
            exporter.shutdown()

    def stopped(self) -> None:
        """Leave the exporters' loggers as they were; call it when nothing is being exported any more."""
        if self._failures is not None:
            self._failures.remove()

    def _stop_metrics(self, timeout_secs: float) -> None:
        with suppress(Exception):  # the SDK raises a bare Exception when a reader was late, which only means data dropped
            self._metrics.shutdown(timeout_millis=timeout_secs * 1000)

    def _readers(self) -> list[MetricReader]:
        readers: list[MetricReader] = []
        if self._settings.prometheus:
            from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415
            from prometheus_client import CollectorRegistry  # noqa: PLC0415

            self._registry = CollectorRegistry(auto_describe=False)
            readers.append(
                PrometheusMetricReader(registry=self._registry, scope_info_enabled=False, cardinality_limits=_LIMITS)
            )
        if self._settings.otlp_endpoint is not None:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

            exporter = OTLPMetricExporter(self._url("metrics"), timeout=self._settings.otlp_timeout_secs)
            self._exporters.append(exporter)
            interval_ms = self._settings.otlp_interval_secs * 1000
            readers.append(PeriodicExportingMetricReader(exporter, interval_ms, cardinality_limits=_LIMITS))
        return readers

    def _tracer_provider(self) -> TracerProvider | None:
        if self._settings.otlp_endpoint is None and not self._settings.trace_headers:
            return None
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

        sampler = ParentBasedTraceIdRatio(self._settings.trace_sample_ratio)
        provider = TracerProvider(resource=self._resource, sampler=sampler, shutdown_on_exit=False)
        if self._settings.otlp_endpoint is not None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

            exporter = OTLPSpanExporter(self._url("traces"), timeout=self._settings.otlp_timeout_secs)
            self._exporters.append(exporter)
            provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider

    def _logger_provider(self) -> LoggerProvider | None:
        if self._settings.otlp_endpoint is None:
            return None
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
        from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

        exporter = OTLPLogExporter(self._url("logs"), timeout=self._settings.otlp_timeout_secs)
        self._exporters.append(exporter)
        provider = LoggerProvider(resource=self._resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        return provider

    def _url(self, signal: str) -> str:
        assert self._settings.otlp_endpoint is not None
        return f"{self._settings.otlp_endpoint.rstrip('/')}/v1/{signal}"


def _stop(provider: TracerProvider | LoggerProvider, _timeout_secs: float) -> None:
    provider.shutdown()
