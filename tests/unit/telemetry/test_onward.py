import logging
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from wellhead.telemetry.onward import MOST, OFF, Onward

FIRST, SECOND = (f"00-{number:032x}-{number:016x}-01".encode() for number in (7, 8))
UNSAMPLED = FIRST[:-2] + b"00"


def message(*headers):
    return SimpleNamespace(headers=lambda: list(headers) or None)


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def onward(exporter):
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(1.0), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Onward(provider.get_tracer("test"), {"messaging.destination.name": "hits"})


def traces(exporter):
    return [(span.context.trace_id, span.parent.span_id) for span in exporter.get_finished_spans()]


def test_one_span_in_each_trace(onward, exporter):
    """What is done with messages of two batches stands once in the trace of each, as a child of that batch."""
    messages = [message(("kind", b"hit"), ("traceparent", FIRST)), message(("traceparent", SECOND)), message()]
    parents = onward.parents(messages * 3)
    assert parents == [FIRST, SECOND, None] * 3
    with onward.stage("consume", parents, messages=9) as going:
        passed_on = [going.onward(parent) for parent in (FIRST, SECOND, None)]
    assert traces(exporter) == [(7, 7), (8, 8)]
    first, second = exporter.get_finished_spans()
    assert first.kind is SpanKind.CONSUMER
    assert first.attributes == {"messaging.destination.name": "hits", "wellhead.messages": 9}
    assert passed_on == [
        f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01".encode() for span in (first, second)
    ] + [None]
    assert going.all_onward() == passed_on[:2]


def test_the_first_is_current_inside(onward, exporter):
    """A log line said inside carries the ids of one of the traces, and none afterwards."""
    with onward.stage("consume", [FIRST, SECOND]):
        assert get_current_span().get_span_context().trace_id == 7
    assert not get_current_span().get_span_context().is_valid


def test_an_error_is_told_in_all(onward, exporter):
    """What fails inside marks each span with its type, not its words."""
    with pytest.raises(RuntimeError), onward.stage("consume", [FIRST, SECOND]):
        raise RuntimeError("secret")
    for span in exporter.get_finished_spans():
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "RuntimeError"
        assert "secret" not in str(span.to_json())


def test_there_is_an_end_to_it(onward, exporter):
    """Messages of very many batches make MOST spans; the others' traces are passed on as they came."""
    parents = [f"00-{number:032x}-{number:016x}-01".encode() for number in range(1, 2 * MOST)]
    with onward.stage("consume", parents) as going:
        assert going.onward(parents[-1]) == parents[-1]
    assert len(exporter.get_finished_spans()) == MOST


def test_what_is_not_sampled_is_passed_on_so(onward, exporter):
    """A batch that is not traced stays so: nothing is exported, and what is passed on says it too."""
    with onward.stage("consume", [UNSAMPLED]) as going:
        passed_on = going.onward(UNSAMPLED)
    assert exporter.get_finished_spans() == ()
    assert passed_on is not None
    assert passed_on[:35] == UNSAMPLED[:35]
    assert passed_on.endswith(b"-00")


@pytest.mark.parametrize("foreign", [b"", b"x" * 10_000, b"\xff\xfe", b"00-0-0-01", None, "text"])
def test_foreign_headers_do_no_harm(onward, exporter, foreign, caplog):
    """A header of somebody else's making is no error, and no parent."""
    parents = onward.parents([message(("traceparent", foreign))])
    with onward.stage("consume", parents):
        logging.getLogger("x").info("goes on")
    assert all(span.parent is None for span in exporter.get_finished_spans())


def test_began_before(onward, exporter):
    """A span may begin before its traces were known."""
    with onward.stage("consume", [FIRST], began_ms=1_000):
        pass
    assert exporter.get_finished_spans()[0].start_time == 1_000_000_000


def test_off():
    """Without a tracer headers are not even looked at."""
    assert OFF.parents([object()]) == []
    with OFF.stage("consume", [FIRST]) as going:
        assert going.onward(FIRST) == FIRST
    assert going.all_onward() == []
