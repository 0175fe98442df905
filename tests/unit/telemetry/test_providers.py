import pytest
from opentelemetry.metrics import Observation

from wellhead.telemetry import TaskTelemetry, Telemetry, TelemetrySettings
from wellhead.telemetry.providers import Providers
from wellhead.testing.clock import FakeClock


def test_thousands_of_series():
    """More series of one metric than the SDK's own limit are all shown, none folded into an overflow."""
    providers = Providers(TelemetrySettings("9.9"), FakeClock())
    many = [Observation(1, {"n": number}) for number in range(2_050)]
    providers.meter.create_observable_counter("many", [lambda _options: many])
    page = providers.page()[0]
    assert page.count(b"\nmany_total{") == 2_050
    assert b"overflow" not in page


def test_stopping_twice_is_harmless(caplog):
    """Telemetry may be stopped again, silently; the page is then empty, and counting still raises nothing."""
    telemetry = Telemetry(TelemetrySettings("9.9"))
    task = TaskTelemetry(telemetry, connector="c", task=0, stream="s", tenant="t")
    telemetry.shutdown()
    telemetry.shutdown()
    task.polled(1, 1)
    task.api_call("h", 200, 0.1, 1)
    assert telemetry.render()[0] == b""
    assert caplog.text == ""
    assert task.snapshot().api_calls == 1


@pytest.mark.parametrize(("ratio", "count"), [(0.0, 0), (1.0, 1)])
def test_only_what_is_sampled_is_carried_in_headers(ratio, count):
    """Records of a batch outside the sample carry nothing, so that its consumers trace nothing either, and it costs nothing."""
    telemetry = Telemetry(TelemetrySettings("9.9", trace_headers=True, trace_sample_ratio=ratio))
    task = TaskTelemetry(telemetry, connector="c", task=0, stream="s", tenant="t")
    assert [name for name, _ in task.headers(task.batch())] == ["traceparent"] * count
    telemetry.shutdown()
