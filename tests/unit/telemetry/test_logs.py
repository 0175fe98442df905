import io
import json
import logging
import sys
import threading

import pytest
import structlog

from wellhead.telemetry.logs import configure, get_logger, log_uncaught

CANARY = "c4n4ry-s3cret"


@pytest.fixture(autouse=True)
def _restored():
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    names = ("httpx", "httpcore", "urllib3", "requests", "uvicorn", "asyncio", "opentelemetry")
    before = (list(root.handlers), root.level, {name: logging.getLogger(name).level for name in names})
    hooks = (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, known in levels.items():
        logging.getLogger(name).setLevel(known)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


@pytest.fixture
def stream():
    return io.StringIO()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line(stream):
    """A line is one JSON object: the fixed event, its fields, level, room and UTC time."""
    configure(stream=stream)
    get_logger("http").warning("vendor asked to wait", stream="ip", after_secs=30)
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "vendor asked to wait", "stream": "ip", "after_secs": 30, "level": "warning", "logger": "wellhead.http",
    }  # fmt: skip


def test_loggers_of_structlog_itself(stream, capsys):
    """A logger taken from structlog directly, even before the configuration, goes the same way and is redacted as well."""
    log = structlog.get_logger("wellhead.kafka")
    configure(secrets=[CANARY], stream=stream)
    log.warning("broker said", text=CANARY)
    log.debug("too quiet")
    (line,) = lines(stream)
    assert (line["logger"], line["event"], line["text"]) == ("wellhead.kafka", "broker said", "***")
    assert "".join(capsys.readouterr()) == ""


def test_bound_fields(stream):
    """Fields bound to a logger or to the asyncio context stand on every line."""
    configure(stream=stream)
    with structlog.contextvars.bound_contextvars(connector="wss-acme"):
        get_logger("runtime").bind(task=0).info("task started")
    assert {"connector": "wss-acme", "task": 0}.items() <= lines(stream)[0].items()


@pytest.mark.parametrize(("level", "kept"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_level(stream, level, kept):
    """Lines below the level are not written."""
    configure(level, stream=stream)
    log = get_logger("x")
    for say in (log.debug, log.info, log.warning, log.error):
        say("event")
    assert len(lines(stream)) == kept


def test_configured_twice(stream):
    """Configuring again replaces the first configuration instead of doubling the lines."""
    configure(stream=io.StringIO())
    configure(stream=stream)
    get_logger("x").info("once")
    assert len(lines(stream)) == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_canary_gets_out(stream, form):
    """A registered secret is in no line: not as event, field, key, bound value, stdlib argument or in a traceback's text."""
    configure("DEBUG", form, [CANARY], stream=stream)
    log = get_logger("x").bind(bound=CANARY)
    log.info(CANARY, field=CANARY, nested={"deep": [{CANARY: CANARY.encode()}]})
    logging.getLogger("library").warning("said %s", CANARY, extra={"more": CANARY})
    try:
        int(CANARY)
    except ValueError as error:
        log.exception("failed")
        logging.getLogger("library").exception("failed")
        group = ExceptionGroup(CANARY, [error])
        log.critical("failed", exc_info=group)
    written = stream.getvalue()
    assert written.count("ValueError") >= 2
    assert CANARY not in written
    assert "***" in written


def test_secret_looking_keys(stream):
    """The value of a secret-looking key is hidden although nobody registered it."""
    configure(stream=stream)
    get_logger("x").info("event", settings={"kafka": {"sasl.password": CANARY, "acks": "all"}}, api_key=CANARY)
    (line,) = lines(stream)
    assert line["settings"] == {"kafka": {"sasl.password": "***", "acks": "all"}}
    assert line["api_key"] == "***"


def test_secret_registered_later(stream):
    """The redactor that `configure` gives takes secrets that become known later."""
    redactor = configure(stream=stream)
    redactor.add(CANARY)
    get_logger("x").info("event", value=CANARY)
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "urllib3.connectionpool"])
def test_talkative_libraries(stream, name):
    """Libraries that log URLs and headers stay silent below WARNING, even when everything else is at DEBUG."""
    configure("DEBUG", stream=stream)
    logging.getLogger(name).info("GET https://h/?q=%s", "x")
    logging.getLogger(name).debug("send_request_headers %s", "x")
    logging.getLogger(name).warning("pool is full")
    assert [line["event"] for line in lines(stream)] == ["pool is full"]


def test_a_port_scanner_cannot_fill_the_log(stream):
    """What uvicorn warns of on requests that are no HTTP is not written; its errors are."""
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # a simulator served by the same process silences it
    configure("DEBUG", stream=stream)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    assert [line["event"] for line in lines(stream)] == ["Exception in ASGI application"]


def test_a_line_that_cannot_be_rendered(stream, capsys):
    """A broken line becomes a fixed one; the standard library's fallback, which prints raw arguments, never speaks."""
    logging.getLogger().handlers.clear()  # pytest's own raise instead
    configure(secrets=[CANARY], stream=stream)
    logging.getLogger("library").warning("needs %d", CANARY)
    assert "could not be written" in stream.getvalue()
    assert CANARY not in stream.getvalue() + "".join(capsys.readouterr())


def test_console_shows_no_colours_to_a_file(stream):
    """Lines for people that go to a file hold no escape codes."""
    configure(form="console", stream=stream)
    get_logger("x").info("task started", task=0)
    assert "task started" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_uncaught(stream, capsys):
    """What nobody caught, in the main thread or another, is logged redacted instead of printed raw."""
    configure(secrets=[CANARY], stream=stream)
    log_uncaught()
    error = RuntimeError(CANARY)
    sys.excepthook(RuntimeError, error, None)
    threading.excepthook(threading.ExceptHookArgs((RuntimeError, error, None, threading.current_thread())))
    assert [line["level"] for line in lines(stream)] == ["critical", "error"]
    assert CANARY not in stream.getvalue() + "".join(capsys.readouterr())


def test_ctrl_c_is_not_an_error(stream, capsys):
    """A KeyboardInterrupt keeps Python's own ending."""
    configure(stream=stream)
    log_uncaught()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue() == ""
    assert "KeyboardInterrupt" in capsys.readouterr().err
