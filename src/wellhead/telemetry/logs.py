"""Takes log lines of every room and library, gives them as JSON or for a console, redacted; never lets a secret or a traceback of one out.

A line is a fixed event with fields, at the level of who must act: info is lifecycle, warning means it recovered, error
needs a person. Healthy flow is silent. structlog is imported when it is first needed.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from wellhead.telemetry.redaction import Redactor

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from structlog.stdlib import BoundLogger
    from structlog.typing import Processor

Event = MutableMapping[str, Any]

# These write URLs with queries at INFO and headers at DEBUG; the HTTP room has a trace of its own that does not.
# uvicorn warns of every request that is no HTTP, so a port scanner could fill the log.
_TALKATIVE: Final = {
    **dict.fromkeys(
        ("httpx", "httpx2", "httpcore", "httpcore2", "urllib3", "requests", "asyncio", "opentelemetry"), logging.WARNING
    ),
    "uvicorn": logging.ERROR,
}
_FIRST: Final = ("timestamp", "level", "logger", "event")
# What the exporters say about their own failures must not become another thing to export.
_NOT_SHIPPED: Final = ("opentelemetry", "urllib3", "requests")


def get_logger(room: str) -> BoundLogger:
    """Give the logger of a room, such as "kafka"; its lines carry `logger: wellhead.kafka` and what is bound to it."""
    import structlog  # noqa: PLC0415

    return structlog.wrap_logger(  # type: ignore[no-any-return]
        logging.getLogger(f"wellhead.{room}"),
        processors=_processors(),
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )


def configure(
    level: str = "INFO",
    form: Literal["json", "console"] = "json",
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    otlp: LoggerProvider | None = None,
) -> Redactor:
    """Send every log line of the process, libraries' included, through redaction to one place.

    Args:
        level: The lowest level written; libraries that log URLs or headers never go below WARNING.
        form: One JSON object a line, or for the eyes of a person.
        secrets: The literal secrets of the configuration.
        stream: Where lines go; standard error unless given.
        otlp: Where lines go besides, redacted likewise; `Telemetry.logger_provider`.

    Returns:
        The redactor in use: register secrets that become known later, and use it for texts shown elsewhere.
    """
    import structlog  # noqa: PLC0415

    structlog.configure(  # for whoever asks structlog itself for a logger
        processors=_processors(),
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    redactor = Redactor(secrets)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(form, redactor, otlp, colors=handler.stream.isatty()))
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    for name, lowest in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(root.level, lowest))
    return redactor


def log_uncaught() -> None:
    """Send exceptions nobody caught, in any thread, through the log, so that their text is redacted as well."""
    log = get_logger("process")

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("unexpected error", exc_info=(kind, error, trace))

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            name = args.thread.name if args.thread else ""
            log.error("unexpected error in a thread", thread=name, exc_info=args.exc_value)

    sys.excepthook = main
    threading.excepthook = thread


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; one that cannot be rendered is replaced, since the standard fallback prints its raw arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        try:
            self.stream.write(f'{{"event": "a log line could not be written", "logger": "{record.name}"}}{self.terminator}')
        except (OSError, ValueError):
            return  # the stream itself is gone


def _processors() -> list[Processor]:
    import structlog  # noqa: PLC0415

    return [
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]


def _formatter(form: str, redactor: Redactor, otlp: LoggerProvider | None, *, colors: bool) -> logging.Formatter:
    import structlog  # noqa: PLC0415

    def redact(_logger: object, _method: str, event: Event) -> Event:
        fields = redactor.fields(event)
        return {name: fields[name] for name in _FIRST if name in fields} | fields

    foreign: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _drop_copies,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    )
    ship: list[Processor] = [] if otlp is None else [_shipper(otlp)]
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=[remove_meta, redact, *ship, last])


def _drop_copies(_logger: object, _method: str, event: Event) -> Event:
    for copy in ("message", "asctime", "color_message"):  # what other formatters and uvicorn leave on a library's record
        event.pop(copy, None)
    return event


def _add_trace(_logger: object, _method: str, event: Event) -> Event:
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        place = get_current_span().get_span_context()
        if place.is_valid:
            event["trace_id"], event["span_id"] = f"{place.trace_id:032x}", f"{place.span_id:016x}"
    return event


def _shipper(provider: LoggerProvider) -> Processor:
    from opentelemetry._logs import SeverityNumber  # noqa: PLC0415

    logger = provider.get_logger("wellhead")
    severities = {
        "debug": SeverityNumber.DEBUG,
        "info": SeverityNumber.INFO,
        "warning": SeverityNumber.WARN,
        "error": SeverityNumber.ERROR,
        "critical": SeverityNumber.FATAL,
    }

    def ship(_logger: object, _method: str, event: Event) -> Event:
        fields = dict(event)
        severity = severities.get(fields.pop("level", ""), SeverityNumber.UNSPECIFIED)
        if not str(fields.get("logger", "")).startswith(_NOT_SHIPPED):
            body = fields.pop("event", "")
            logger.emit(severity_number=severity, severity_text=severity.name, body=body, attributes=fields)
        return event

    return ship
