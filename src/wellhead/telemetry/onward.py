"""Takes the messages a consumer has read, gives spans that go on in the traces these came in; costs nothing when off.

A batch of a source is one trace, and each of its records carries its `traceparent`. A consumer does one thing with records of many
batches, so what it does stands in each of their traces: a span for each, of at most MOST; what is beyond those is only passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from wellhead.telemetry.spans import TRACEPARENT, Attributes, StageSpan, traceparent

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

MOST: Final = 32
CONSUME: Final = "consume"
"""The stage in which records are taken out of their topic; all others come of it."""


class Read(Protocol):
    """A message of a topic."""

    def headers(self) -> Any:
        """Give its headers, pairs of name and bytes, or None."""
        ...


class Onward:
    """Makes the spans of one consumer.

    Args:
        tracer: Where spans are made, or None when tracing is off.
        attributes: What every span of the consumer carries.
    """

    def __init__(self, tracer: Tracer | None = None, attributes: Mapping[str, str | int] | None = None) -> None:
        self._tracer = tracer
        self._attributes: Attributes = dict(attributes or {})

    @property
    def is_on(self) -> bool:
        """Whether anything is traced."""
        return self._tracer is not None

    def parents(self, messages: Iterable[Read]) -> list[bytes | None]:
        """Give the `traceparent` of each message, None where it has none; nothing at all when off."""
        return [] if self._tracer is None else [_parent(message) for message in messages]

    def stage(self, name: str, parents: Iterable[bytes | None], *, began_ms: int | None = None, **told: str | int) -> Going:
        """Give what is done with messages that came with `parents`, to be entered while it is done.

        Args:
            name: What is done, one word.
            parents: The `traceparent` of the messages; any number, in any order.
            began_ms: When it began, where that was before it is entered (epoch ms).
            told: What else its spans tell, such as `messages=10`.
        """
        attributes = {**self._attributes, **{f"wellhead.{key}": value for key, value in told.items()}}
        return Going(self._tracer, name, parents, attributes, began_ms)


OFF: Final = Onward()


class Going:
    """One thing done with messages of several traces; enter and leave it in the same thread."""

    __slots__ = ("_attributes", "_began_ms", "_current", "_name", "_parents", "_spans", "_tracer")

    def __init__(
        self, tracer: Tracer | None, name: str, parents: Iterable[bytes | None], attributes: Attributes, began_ms: int | None
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._parents = parents
        self._attributes = attributes
        self._began_ms = began_ms
        self._spans: dict[bytes, Span] = {}
        self._current: StageSpan | None = None

    def __enter__(self) -> Self:
        if self._tracer is not None:
            distinct = list(dict.fromkeys(parent for parent in self._parents if parent is not None))
            self._spans = {parent: self._begin(self._tracer, parent) for parent in distinct[:MOST]}
            if self._spans:
                first, *others = self._spans.values()
                self._current = StageSpan(first, others)  # log lines can carry the ids of one only
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._current is not None:
            self._current.end(error)

    def onward(self, parent: bytes | None) -> bytes | None:
        """Give the `traceparent` under which what came with `parent` goes on: that of its span here, or `parent` itself where it has none."""
        span = None if parent is None else self._spans.get(parent)
        return parent if span is None else traceparent(span)

    def all_onward(self) -> list[bytes]:
        """Give the `traceparent` of every span."""
        return [traceparent(span) for span in self._spans.values()]

    def _begin(self, tracer: Tracer, parent: bytes) -> Span:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        began_ns = None if self._began_ms is None else self._began_ms * 1_000_000
        kind = SpanKind.CONSUMER if self._name == CONSUME else SpanKind.INTERNAL
        return tracer.start_span(
            self._name, context=_context(parent), kind=kind, attributes=self._attributes, start_time=began_ns
        )


def _parent(message: Read) -> bytes | None:
    headers = message.headers()
    if not headers:
        return None
    found = next((held for name, held in headers if name == TRACEPARENT), None)
    return found if isinstance(found, bytes) else None


def _context(parent: bytes) -> Context:
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    # What is no traceparent, and anybody may have written one, gives an empty context: a trace of its own.
    return TraceContextTextMapPropagator().extract({TRACEPARENT: parent.decode(errors="replace")}, Context())
