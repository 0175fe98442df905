"""Gives what a task reports to and the words it reports in; importing it loads neither the OpenTelemetry SDK nor structlog."""

from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.telemetry.setup import Telemetry, TelemetrySettings
from wellhead.telemetry.spans import NO_TRACE, Trace
from wellhead.telemetry.stage import Stage
from wellhead.telemetry.tally import Snapshot

__all__ = ["NO_TRACE", "Snapshot", "Stage", "TaskTelemetry", "Telemetry", "TelemetrySettings", "Trace"]
