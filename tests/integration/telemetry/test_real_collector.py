"""What Wellhead exports is what a collector of the OpenTelemetry project takes and understands."""

import logging
import re

import pytest
import structlog
from otelcol import otelcol

from wellhead.telemetry import Stage, TaskTelemetry, Telemetry, TelemetrySettings
from wellhead.telemetry.logs import configure, get_logger

pytestmark = pytest.mark.timeout(1500)  # the first time the collector is built, beside other tests


@pytest.fixture(autouse=True)
def _restored():
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_metrics_traces_and_logs_are_understood(tmp_path):
    """One batch of a task: its counters with their labels, its spans within each other, and a line with the ids of its span."""
    with otelcol(tmp_path) as collector:
        telemetry = Telemetry(TelemetrySettings("9.9", instance_id="pod-7", otlp_endpoint=collector.endpoint))
        configure(otlp=telemetry.logger_provider)
        task = TaskTelemetry(telemetry, connector="wss-acme", task=0, stream="access_log", tenant="acme")
        task.run_began()
        batch = task.batch()
        with task.stage(Stage.POLL, batch):
            task.polled(10, 1_000)
        with task.stage(Stage.COMMIT, batch):
            task.committed(10, 900, 0.01)
            get_logger("runtime").warning("vendor asked to wait", after_secs=30)
        batch.end()
        task.run_ended("caught_up")
        telemetry.shutdown(10.0)
        said = collector.until_said(
            r"-> Name: kafka\.connect\.source\.record\.write\.count\n",
            r"Name +: wellhead\.batch\n",
            r"Body: Str\(vendor asked to wait\)",
        )
    assert "-> service.instance.id: Str(pod-7)" in said
    assert re.search(r"-> kafka\.connect\.connector: Str\(wss-acme\)(.*\n)+?Value: 10\n", said)
    spans = {
        name: (own, parent, trace)
        for trace, parent, own, name in re.findall(
            r"Trace ID +: (\w+)\n +Parent ID +: (\w*)\n +ID +: (\w+)\n +Name +: (\S+)\n", said
        )
    }
    assert spans.keys() == {"wellhead.run", "wellhead.batch", "poll", "commit"}
    assert spans["poll"][1] == spans["commit"][1] == spans["wellhead.batch"][0]
    (line,) = re.findall(r"Body: Str\(vendor asked to wait\)\n(?:.*\n)*?Trace ID: (\w+)\nSpan ID: (\w+)\n", said)
    assert line == (spans["commit"][2], spans["commit"][0])
