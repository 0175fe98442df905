import subprocess
import sys

import pytest

from wellhead.telemetry import Stage, TaskTelemetry, Telemetry, TelemetrySettings

TASK = {"connector": "c", "task": 0, "stream": "s", "tenant": "t"}


@pytest.fixture
def made():
    """Make telemetry that is shut down at the end."""
    all_made = []

    def make(**settings: object) -> Telemetry:
        all_made.append(Telemetry(TelemetrySettings(service_version="9.9", **settings)))
        return all_made[-1]

    yield make
    for telemetry in all_made:
        telemetry.shutdown()


def test_the_resource_is_on_the_page(made):
    """The page names service, version and instance, in the plain text format every Prometheus reads."""
    page, content_type = made(instance_id="pod-7").render()
    assert b'service_instance_id="pod-7",service_name="wellhead",service_version="9.9"' in page
    assert content_type.startswith("text/plain; version=0.0.4")


def test_no_page_without_prometheus(made):
    """Without Prometheus the page is empty and counting goes on."""
    telemetry = made(prometheus=False)
    task = TaskTelemetry(telemetry, **TASK)
    task.polled(3, 3)
    assert telemetry.render()[0] == b""
    assert task.snapshot().polled_records == 3


def test_two_in_one_process(made):
    """Nothing is registered globally: two telemetries do not see each other's tasks."""
    one, other = made(), made()
    TaskTelemetry(one, **TASK).polled(1, 1)
    assert b"source_record_poll_count" in one.render()[0]
    assert b"source_record_poll_count" not in other.render()[0]


def test_trace_headers_without_a_collector(made):
    """Trace headers need no collector; without them and without one there is no tracer at all."""
    task = TaskTelemetry(made(trace_headers=True), **TASK)
    task.run_began()
    batch = task.batch()
    with task.stage(Stage.PRODUCE, batch):
        ((name, value),) = task.headers(batch)
    assert (name, len(value)) == ("traceparent", 55)
    assert task.headers() == batch.headers()
    assert made().tracer is None


def test_importing_is_light():
    """Importing the package loads neither the SDK nor structlog, and making telemetry loads no OTLP exporter."""
    script = """
import sys
import wellhead.telemetry, wellhead.telemetry.logs, wellhead.telemetry.reference, wellhead.rest.health
light = [name for name in ("opentelemetry", "structlog", "starlette", "uvicorn", "prometheus_client") if name in sys.modules]
wellhead.telemetry.Telemetry(wellhead.telemetry.TelemetrySettings(service_version="1")).shutdown()
print(light, "opentelemetry.exporter.otlp" in sys.modules, "requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["[]", "False", "False"]
