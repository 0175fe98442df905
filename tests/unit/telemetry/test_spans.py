import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from wellhead.telemetry import NO_TRACE, Stage
from wellhead.telemetry.spans import Tracing


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


@pytest.fixture
def tracing(tracer):
    return Tracing(tracer, {"kafka.connect.connector": "wss-acme"}, in_headers=True)


def test_a_batch_is_a_trace_of_its_own_linked_with_its_run(tracing, exporter):
    """Run and batch link to each other, and the stages are the batch's children."""
    run = tracing.run()
    batch = tracing.batch(run)
    for stage in (Stage.POLL, Stage.ENCODE):
        tracing.stage(stage, batch).end(None)
    batch.count(records=10)
    batch.end()
    run.end()
    poll, encode, batch_span, run_span = exporter.get_finished_spans()
    assert [span.name for span in (poll, encode, batch_span, run_span)] == ["poll", "encode", "wellhead.batch", "wellhead.run"]
    assert poll.parent.span_id == encode.parent.span_id == batch_span.context.span_id
    assert poll.context.trace_id == batch_span.context.trace_id != run_span.context.trace_id
    assert [link.context.span_id for link in batch_span.links] == [run_span.context.span_id]
    assert [link.context.span_id for link in run_span.links] == [batch_span.context.span_id]
    assert batch_span.attributes == {"kafka.connect.connector": "wss-acme", "wellhead.records": 10}


def test_batches_do_not_mix(tracing, exporter):
    """Stages of two batches in the pipeline at once stay with their own batch, in whatever order they end."""
    run = tracing.run()
    first, second = tracing.batch(run), tracing.batch(run)
    committing = tracing.stage(Stage.COMMIT, first)
    tracing.stage(Stage.POLL, second).end(None)
    committing.end(None)
    first.end()
    second.end()
    poll, commit, first_span, second_span = exporter.get_finished_spans()
    assert (poll.parent.span_id, commit.parent.span_id) == (second_span.context.span_id, first_span.context.span_id)


def test_a_failed_stage_names_the_type_only(tracing, exporter):
    """An error leaves its type on the span; its message, which may quote a vendor, does not."""
    error = ValueError("c4n4ry")
    tracing.stage(Stage.POLL, NO_TRACE).end(error)
    (span,) = exporter.get_finished_spans()
    assert (span.attributes["error.type"], span.status.status_code) == ("ValueError", StatusCode.ERROR)
    assert "c4n4ry" not in span.to_json()


def test_a_stage_is_current_while_it_lasts(tracing):
    """Log lines inside a stage can name its span; afterwards the one before is current again."""
    before = get_current_span()
    stage = tracing.stage(Stage.POLL, NO_TRACE)
    inside = get_current_span().get_span_context()
    stage.end(None)
    assert inside.is_valid
    assert get_current_span() is before


def test_the_traceparent_of_a_batch(tracing, tracer):
    """Records carry the W3C traceparent of their batch when headers are on, and nothing when they are off."""
    batch = tracing.batch(NO_TRACE)
    ((name, value),) = batch.headers()
    version, trace_id, span_id, flags = value.decode().split("-")
    assert (name, version, len(trace_id), len(span_id)) == ("traceparent", "00", 32, 16)
    assert int(flags, 16) & 1
    assert Tracing(tracer, {}, in_headers=False).batch(NO_TRACE).headers() == []


def test_off_costs_nothing():
    """Without a tracer every trace is the same empty one and stages make no span."""
    tracing = Tracing(None, {}, in_headers=True)
    assert tracing.run() is tracing.batch(NO_TRACE) is NO_TRACE
    assert tracing.stage(Stage.POLL, NO_TRACE) is None
    assert (NO_TRACE.headers(), NO_TRACE.context, NO_TRACE.end()) == ([], None, None)


def test_a_shared_stage_stands_in_each_batch(tracing, exporter):
    """A commit of three batches is one of the stages of each, and all of them end, or fail, with it."""
    batches = [tracing.batch(NO_TRACE) for _ in range(3)]
    tracing.stage(Stage.COMMIT, batches[0], batches[1:]).end(RuntimeError("x"))
    commits = exporter.get_finished_spans()
    assert {span.name for span in commits} == {"commit"}
    assert {span.parent.span_id for span in commits} == {int(batch.headers()[0][1].split(b"-")[2], 16) for batch in batches}
    assert {span.status.status_code for span in commits} == {StatusCode.ERROR}


@pytest.mark.parametrize(("status", "error"), [(200, None), (304, None), (429, "429"), (503, "503"), (None, "no_answer")])
def test_a_vendor_call_is_a_child_of_its_stage(tracing, exporter, status, error):
    """A call is a client's span by the conventions of HTTP, as long as it took, and never shows its URL."""
    stage = tracing.stage(Stage.POLL, NO_TRACE)
    tracing.call("POST", "api.example", status, 1.5, 10)
    stage.end(None)
    call, poll = exporter.get_finished_spans()
    assert (call.name, call.kind, call.parent.span_id) == ("POST", SpanKind.CLIENT, poll.context.span_id)
    assert call.end_time - call.start_time == 1_500_000_000
    assert call.attributes.get("http.response.status_code") == status
    assert call.attributes.get("error.type") == error
    assert (call.status.status_code is StatusCode.ERROR) is (error is not None)
    told = {"kafka.connect.connector", "http.request.method", "server.address", "http.response.body.size"}
    assert set(call.attributes) - {"http.response.status_code", "error.type"} == told


def test_a_call_within_no_stage_makes_no_trace(tracing, exporter):
    """What a connector asks beside its batches is counted, not traced."""
    tracing.call("GET", "api.example", 200, 0.1, 10)
    assert exporter.get_finished_spans() == ()


def test_what_is_sent_is_said_by_the_conventions_of_messaging(tracer, exporter):
    """Producing and committing are a producer's spans that name the topic; the other stages are not."""
    tracing = Tracing(tracer, {}, in_headers=False, topic="wss.access_log")
    for stage in (Stage.POLL, Stage.PRODUCE, Stage.COMMIT):
        tracing.stage(stage, NO_TRACE).end(None)
    poll, *sent = exporter.get_finished_spans()
    assert (poll.kind, dict(poll.attributes)) == (SpanKind.INTERNAL, {})
    assert {span.kind for span in sent} == {SpanKind.PRODUCER}
    assert [span.attributes["messaging.operation.name"] for span in sent] == ["produce", "commit"]
    assert {span.attributes["messaging.destination.name"] for span in sent} == {"wss.access_log"}
