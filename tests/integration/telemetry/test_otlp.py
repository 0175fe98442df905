import asyncio
import logging
import socket
import subprocess
import sys
import time

import httpx
import pytest
import structlog
from otlp_collector import Collector

from wellhead.rest.health import create_app
from wellhead.rest.serving import serve
from wellhead.telemetry import Stage, TaskTelemetry, Telemetry, TelemetrySettings
from wellhead.telemetry.exporting import ExportFailures
from wellhead.telemetry.logs import configure, get_logger
from wellhead.telemetry.reference import rows

CANARY = "c4n4ry-s3cret"
TASK = {"connector": "wss-acme", "task": 0, "stream": "access_log", "tenant": "acme"}
EXPORTER = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")


@pytest.fixture(autouse=True)
def _restored():
    """Leave the process's logging as it was, also when an exporter outlives its shutdown: it keeps its loggers quiet until it ends."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    until_secs = time.monotonic() + 60
    while any(isinstance(each, ExportFailures) for each in EXPORTER.filters):
        assert time.monotonic() < until_secs, "an exporter never ends"
        time.sleep(0.05)


def one_batch(task):
    task.run_began()
    batch = task.batch()
    with task.stage(Stage.POLL, batch):
        task.polled(10, 1_000)
    with task.stage(Stage.COMMIT, batch):
        task.committed(10, 900, 0.01)
        get_logger("runtime").warning("vendor asked to wait", after_secs=30, password="hunter2", note=CANARY)
    batch.end()
    task.run_ended("caught_up")


def exported(endpoint, **settings: float):
    """Run one batch with telemetry to `endpoint`; give how long the batch and the shutdown took, in seconds."""
    telemetry = Telemetry(TelemetrySettings("9.9", instance_id="pod-7", otlp_endpoint=endpoint, **settings))
    configure(secrets=[CANARY], otlp=telemetry.logger_provider)
    started = time.monotonic()
    one_batch(TaskTelemetry(telemetry, **TASK))
    done = time.monotonic()
    telemetry.shutdown(2.0)
    return done - started, time.monotonic() - done


def run_against(collector, **settings: float):
    async def scenario():
        async with await serve(collector.app, "http://127.0.0.1:0") as serving:
            return await asyncio.to_thread(exported, serving.urls[0] + "/", **settings)

    return asyncio.run(scenario())


def attributes(of):
    return {pair.key: pair.value.string_value or pair.value.int_value or pair.value.double_value for pair in of}


def test_metrics_arrive(capsys):
    """A collector gets the metrics of the reference with the resource of this process, at the latest at shutdown."""
    collector = Collector()
    run_against(collector)
    metrics = collector.metrics()
    assert metrics.keys() <= {row.name for row in rows()}
    (point,) = metrics["kafka.connect.source.record.write.count"].sum.data_points
    assert point.as_int == 10
    assert attributes(point.attributes) == {"kafka.connect.connector": "wss-acme", "kafka.connect.task.id": 0}
    assert {attributes(point.attributes)["wellhead.stage"] for point in metrics["wellhead.stage.duration"].histogram.data_points} == {
        "poll", "commit",
    }  # fmt: skip
    resource = attributes(collector.requests["metrics"][0].resource_metrics[0].resource.attributes)
    assert {"service.name": "wellhead", "service.version": "9.9", "service.instance.id": "pod-7"}.items() <= resource.items()


def test_traces_arrive(capsys):
    """A collector gets run, batch and stages, linked and nested."""
    collector = Collector()
    run_against(collector)
    spans = {span.name: span for span in collector.spans()}
    assert spans.keys() == {"wellhead.run", "wellhead.batch", "poll", "commit"}
    assert spans["poll"].parent_span_id == spans["commit"].parent_span_id == spans["wellhead.batch"].span_id
    assert [link.span_id for link in spans["wellhead.batch"].links] == [spans["wellhead.run"].span_id]
    assert [link.span_id for link in spans["wellhead.run"].links] == [spans["wellhead.batch"].span_id]


def test_logs_arrive_redacted_and_with_their_span(capsys):
    """A collector gets the line that standard error gets: redacted, and with the ids of the stage it was said in."""
    collector = Collector()
    run_against(collector)
    (record,) = [record for record in collector.logs() if record.body.string_value == "vendor asked to wait"]
    commit = next(span for span in collector.spans() if span.name == "commit")
    assert record.severity_text == "WARN"
    assert (record.span_id, record.trace_id) == (commit.span_id, commit.trace_id)
    fields = attributes(record.attributes)
    assert (fields["after_secs"], fields["password"], fields["note"]) == (30, "***", "***")
    everything = b"".join(message.SerializeToString() for sent in collector.requests.values() for message in sent)
    assert CANARY.encode() not in everything
    assert b"hunter2" not in everything
    assert CANARY not in "".join(capsys.readouterr())


def test_durations_name_their_spans(capsys):
    """The durations of stages carry exemplars with the ids of the spans they were measured in."""
    collector = Collector()
    run_against(collector)
    spans = {span.span_id: span.name for span in collector.spans()}
    points = collector.metrics()["wellhead.stage.duration"].histogram.data_points
    named = {
        attributes(point.attributes)["wellhead.stage"]: [spans[each.span_id] for each in point.exemplars] for point in points
    }
    assert named == {"poll": ["poll"], "commit": ["commit"]}


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_collector_that_refuses(status, capsys):
    """A collector that answers with errors costs one log line, and stopping stays bounded."""
    batch_secs, stop_secs = run_against(Collector(status))
    assert batch_secs < 1
    assert stop_secs < 3
    assert capsys.readouterr().err.count("telemetry export fails") == 1


def test_no_collector_at_all(capsys):
    """A closed port costs one log line, never a batch's time, and stopping stays bounded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    batch_secs, stop_secs = exported(f"http://127.0.0.1:{port}", otlp_timeout_secs=1.0)
    said = capsys.readouterr().err
    assert batch_secs < 1
    assert stop_secs < 3
    assert said.count("telemetry export fails") == 1
    assert "Traceback" not in said


def test_a_collector_that_never_answers(capsys):
    """A collector that accepts and then says nothing holds up neither batches nor the stop."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        batch_secs, stop_secs = exported(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert batch_secs < 1
    assert stop_secs < 3


def test_a_process_with_a_dead_collector_ends():
    """A process whose collector is away ends by itself and says so in at most one line, even without log configuration."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = f"""
from wellhead.telemetry import Stage, TaskTelemetry, Telemetry, TelemetrySettings
telemetry = Telemetry(TelemetrySettings("1", otlp_endpoint="http://127.0.0.1:{port}", otlp_interval_secs=0.1, otlp_timeout_secs=0.5))
task = TaskTelemetry(telemetry, connector="c", task=0, stream="s", tenant="t")
for _ in range(5000):  # more spans than the exporter's queue takes
    trace = task.batch()
    with task.stage(Stage.POLL, trace):
        task.polled(1, 1)
    trace.end()
telemetry.shutdown(1.0)
print(task.snapshot().batches)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert time.monotonic() - started < 15
    assert done.stdout == "5000\n"
    assert len(done.stderr.splitlines()) <= 1


def test_scraped_over_http():
    """The endpoint that Prometheus scrapes answers with the page while batches run."""

    async def scenario():
        telemetry = Telemetry(TelemetrySettings("9.9"))
        task = TaskTelemetry(telemetry, **TASK)
        app = create_app(lambda: {"status": "healthy", "message": ""}, telemetry.render)
        async with await serve(app, "http://127.0.0.1:0") as serving, httpx.AsyncClient() as client:
            pages = []
            for _ in range(3):
                one_batch(task)
                pages.append(await client.get(f"{serving.urls[0]}/metrics"))
        telemetry.shutdown()
        return pages

    pages = asyncio.run(scenario())
    labels = 'kafka_connect_connector="wss-acme",kafka_connect_task_id="0"'
    found = [
        f"kafka_connect_source_record_write_count_total{{{labels}}} {n}0.0" in page.text for n, page in enumerate(pages, 1)
    ]
    assert found == [True] * 3
    assert pages[0].headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
