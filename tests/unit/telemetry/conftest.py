import pytest
from prometheus_client.parser import text_string_to_metric_families

from wellhead.telemetry import TaskTelemetry, Telemetry, TelemetrySettings
from wellhead.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def telemetry(clock):
    telemetry = Telemetry(TelemetrySettings(service_version="9.9", instance_id="here"), clock)
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def task(telemetry):
    return TaskTelemetry(telemetry, connector="wss-acme", task=0, stream="access_log", tenant="acme")


@pytest.fixture
def scrape(telemetry):
    """Give the value of a sample of the metrics page by its Prometheus name and labels; None where there is none."""

    def value(name: str, **labels: str) -> float | None:
        found = [
            sample.value
            for family in text_string_to_metric_families(telemetry.render()[0].decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) <= 1, f"{name} {labels} is ambiguous: {found}"
        return found[0] if found else None

    return value
