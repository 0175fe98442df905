"""Takes the noise exporters make while a collector is away, gives one log line now and then, never one per export."""

from __future__ import annotations

import logging
from typing import Final

from wellhead.clock import Clock

QUIET_SECS: Final = 300.0

_NOISY: Final = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal",
    "opentelemetry.sdk.metrics._internal.export",
    "opentelemetry.sdk._logs._internal.export",
)


class ExportFailures(logging.Filter):
    """Stands in front of the exporters' own loggers: drops their lines and says once in a while that exports fail.

    Args:
        endpoint: The collector's address, as configured.
        clock: The time that the silence between two lines is measured with.
    """

    def __init__(self, endpoint: str, clock: Clock) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._clock = clock
        self._quiet_until_secs = float("-inf")
        self._failures = 0

    def install(self) -> None:
        """Begin to listen."""
        for name in _NOISY:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Stop listening: the loggers are as before."""
        for name in _NOISY:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Swallow `record`; an error, which is an export given up, may become the one line."""
        if record.levelno < logging.ERROR:
            return False
        self.failed(record.getMessage())
        return False

    def failed(self, reason: str) -> None:
        """Count an export given up, and say so if nothing was said for a while."""
        self._failures += 1
        now_secs = self._clock.monotonic_secs()
        if now_secs >= self._quiet_until_secs:
            self._quiet_until_secs = now_secs + QUIET_SECS
            logging.getLogger("wellhead.telemetry").warning(
                "telemetry export fails; records flow on, check the collector",
                extra={"endpoint": self._endpoint, "reason": reason, "failed_exports": self._failures},
            )
            self._failures = 0
