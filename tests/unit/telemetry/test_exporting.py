import logging

import pytest

from wellhead.telemetry.exporting import QUIET_SECS, ExportFailures
from wellhead.testing.clock import FakeClock

NOISY = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def failures(clock):
    failures = ExportFailures("http://127.0.0.1:4318", clock)
    failures.install()
    yield failures
    failures.remove()


def test_one_line_per_silence(failures, clock, caplog):
    """However often exports fail, the log says so once in five minutes, with the reason and how many failed."""
    for _ in range(50):
        NOISY.warning("Transient error, retrying in %.2fs.", 1.0)
        NOISY.error("Failed to export %s batch code: %s", "spans", 503)
    clock.advance(QUIET_SECS)
    NOISY.error("Failed to export %s batch code: %s", "spans", 502)
    said = [(record.name, record.levelname, record.reason, record.failed_exports) for record in caplog.records]
    assert said == [
        ("wellhead.telemetry", "WARNING", "Failed to export spans batch code: 503", 1),
        ("wellhead.telemetry", "WARNING", "Failed to export spans batch code: 502", 50),
    ]


def test_removed(clock, caplog):
    """Once removed, the loggers are as before."""
    failures = ExportFailures("x", clock)
    failures.install()
    failures.remove()
    NOISY.error("heard")
    assert [record.getMessage() for record in caplog.records] == ["heard"]
