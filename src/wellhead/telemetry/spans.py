"""Takes the moments of runs, batches and stages, gives spans and the traceparent of a batch; never costs anything when off.

A run is one span. A batch is a trace of its own, linked with its run both ways, so that a run of thousands of batches
stays readable; the stages are the batch's children. A span holds stage words, counts and error types, never data.
"""

from __future__ import annotations

import time
from contextvars import Token
from typing import TYPE_CHECKING, Final

from wellhead.telemetry.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

Attributes = dict[str, str | int]

_FIRST_ERROR: Final = 400
_SENDS: Final = (Stage.PRODUCE, Stage.COMMIT)

TRACEPARENT: Final = "traceparent"
"""Name of the header that carries a trace, as W3C has it."""


class Trace:
    """A run's or batch's place in the trace; hand it along with the batch and `end` it once, from any thread."""

    __slots__ = ("_in_headers", "_span")

    def __init__(self, span: Span | None, *, in_headers: bool = False) -> None:
        self._span = span
        self._in_headers = in_headers

    @property
    def context(self) -> Context | None:
        """The context whose children are this trace's; None when tracing is off."""
        if self._span is None:
            return None
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        return set_span_in_context(self._span)

    def count(self, **counts: int) -> None:
        """Note counts on the span, such as `records=10`."""
        if self._span is not None:
            self._span.set_attributes({f"wellhead.{name}": value for name, value in counts.items()})

    def end(self, error: BaseException | None = None) -> None:
        """End the span; `error` leaves its type only, since messages may quote foreign content."""
        if self._span is not None:
            mark_failed(self._span, error)
            self._span.end()

    def headers(self) -> list[tuple[str, bytes]]:
        """Give the W3C `traceparent` for the headers of the batch's records; empty unless trace headers are on and the batch is traced."""
        # A header on every record costs CPU, see benchmarks/overhead.py, which a batch that nobody traces need not pay.
        if self._span is None or not self._in_headers or not self._span.get_span_context().trace_flags.sampled:
            return []
        return [(TRACEPARENT, traceparent(self._span))]


NO_TRACE: Final = Trace(None)


class StageSpan:
    """A stage's span while it lasts: made current, so that log lines inside carry its ids.

    Args:
        span: The span.
        beside: Its like in other traces, which end with it.
    """

    __slots__ = ("_beside", "_span", "_token")

    def __init__(self, span: Span, beside: Sequence[Span] = ()) -> None:
        from opentelemetry.context import attach  # noqa: PLC0415
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        self._span = span
        self._beside = beside
        self._token: Token[Context] = attach(set_span_in_context(span))

    def end(self, error: BaseException | None) -> None:
        """End the span and make the one before it current again; call it where it was made."""
        from opentelemetry.context import detach  # noqa: PLC0415

        detach(self._token)
        for span in (self._span, *self._beside):
            mark_failed(span, error)
            span.end()


class Tracing:
    """Makes a task's spans.

    Args:
        tracer: Where spans are made, or None when tracing is off.
        attributes: What every span of the task carries.
        in_headers: Whether records carry the traceparent of their batch.
        topic: Where its records go.
    """

    def __init__(
        self, tracer: Tracer | None, attributes: Mapping[str, str | int], *, in_headers: bool, topic: str = ""
    ) -> None:
        self._tracer = tracer
        self._attributes = dict(attributes)
        self._in_headers = in_headers
        sending = {"messaging.system": "kafka", "messaging.operation.type": "send", "messaging.destination.name": topic}
        self._sending: Attributes = {**sending} if topic else {}

    def run(self) -> Trace:
        """Begin a run."""
        if self._tracer is None:
            return NO_TRACE
        return Trace(self._root("wellhead.run"))

    def batch(self, run: Trace) -> Trace:
        """Begin a batch of `run`."""
        if self._tracer is None:
            return NO_TRACE
        span = self._root("wellhead.batch")
        if run._span is not None:  # noqa: SLF001 - a Trace is this module's own
            span.add_link(run._span.get_span_context())  # noqa: SLF001
            run._span.add_link(span.get_span_context())  # noqa: SLF001
        return Trace(span, in_headers=self._in_headers)

    def call(self, method: str, host: str, status: int | None, secs: float, nbytes: int) -> None:
        """Note a vendor call that ends now, within the stage that is current; one within none is left to the metrics.

        Its URL is left out: it may hold a secret, or what the vendor knows.
        """
        if self._tracer is None:
            return
        from opentelemetry.trace import SpanKind, StatusCode, get_current_span  # noqa: PLC0415

        if not get_current_span().get_span_context().is_valid:
            return
        ended_ns = time.time_ns()
        told: Attributes = {"http.request.method": method, "server.address": host, "http.response.body.size": nbytes}
        began_ns = ended_ns - int(secs * 1e9)
        span = self._tracer.start_span(
            method, kind=SpanKind.CLIENT, attributes={**self._attributes, **told}, start_time=began_ns
        )
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if status is None or status >= _FIRST_ERROR:
            span.set_attribute("error.type", "no_answer" if status is None else str(status))
            span.set_status(StatusCode.ERROR)
        span.end(ended_ns)

    def stage(self, stage: str, within: Trace, beside: Sequence[Trace] = ()) -> StageSpan | None:
        """Begin a stage within a batch or run, and in those it is shared with; None when tracing is off."""
        tracer = self._tracer
        if tracer is None:
            return None
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        sends = stage in _SENDS and self._sending
        attributes: Attributes = {
            **self._attributes,
            **({**self._sending, "messaging.operation.name": str(stage)} if sends else {}),
        }
        kind = SpanKind.PRODUCER if sends else SpanKind.INTERNAL
        own, *others = (
            tracer.start_span(stage, context=trace.context, kind=kind, attributes=attributes) for trace in (within, *beside)
        )
        return StageSpan(own, others)

    def _root(self, name: str) -> Span:
        from opentelemetry.context import Context  # noqa: PLC0415

        assert self._tracer is not None
        return self._tracer.start_span(name, context=Context(), attributes=self._attributes)


def traceparent(span: Span) -> bytes:
    """Give a span's place in its trace as W3C writes it."""
    place = span.get_span_context()
    return f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags):02x}".encode()


def mark_failed(span: Span, error: BaseException | None) -> None:
    """Set a span's status to error with the exception's type, if there is one."""
    if error is not None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
