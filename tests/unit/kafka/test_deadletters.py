"""A dead letter carries the raw bytes, Connect's headers and the place it came from."""

from dataclasses import replace

from wellhead.kafka.deadletters import DeadLetter, dead_letter

LETTER = DeadLetter(
    raw=b"\xffbroken,line",
    stage="encode",
    connector="wss-acme",
    task=0,
    stream="access_log",
    tenant="acme",
    reason="c_bytes: 'x' is no number",
    topic="wss.access_log",
    cursor={"token": "t1", "hour": 3},
)


def headers(letter: DeadLetter, **options: int) -> dict[str, bytes]:
    return dict(dead_letter("wss.access_log.dlq", letter, **options).headers)


def test_connects_headers_and_ours() -> None:
    """Tools that read Connect's dead letters read ours; tenant, stream and cursor tell where to look."""
    full = replace(LETTER, executing_class="Encoder", exception_class="BadRow", stacktrace="at line 1")
    assert headers(full) == {
        "__connect.errors.topic": b"wss.access_log",
        "__connect.errors.partition": b"-1",
        "__connect.errors.offset": b"-1",
        "__connect.errors.connector.name": b"wss-acme",
        "__connect.errors.task.id": b"0",
        "__connect.errors.stage": b"encode",
        "__connect.errors.class.name": b"Encoder",
        "__connect.errors.exception.class.name": b"BadRow",
        "__connect.errors.exception.message": b"c_bytes: 'x' is no number",
        "__connect.errors.exception.stacktrace": b"at line 1",
        "wellhead.tenant": b"acme",
        "wellhead.stream": b"access_log",
        "wellhead.cursor": b'{"token":"t1","hour":3}',
    }


def test_unknown_is_left_out() -> None:
    """What is not known has no header."""
    found = headers(replace(LETTER, topic=None, cursor=None))
    assert not {"__connect.errors.topic", "__connect.errors.exception.stacktrace", "wellhead.cursor"} & found.keys()


def test_raw_bytes_are_kept() -> None:
    """The value is what the vendor sent, to the byte."""
    assert dead_letter("dlq", LETTER).value == b"\xffbroken,line"
    assert "wellhead.original.bytes" not in headers(LETTER, max_bytes=10_000)


def test_what_the_topic_cannot_take_is_cut_and_said_so() -> None:
    """A record larger than the dead-letter topic takes is cut at its end; a header tells its true length."""
    message = dead_letter("dlq", replace(LETTER, raw=b"a" * 5000), max_bytes=2000)
    assert message.size_bytes() == 2000
    assert message.value == b"a" * len(message.value or b"")
    assert dict(message.headers)["wellhead.original.bytes"] == b"5000"


def test_an_endless_reason_is_cut() -> None:
    """A header does not grow without bound, and text that is no UTF-8 does not break it."""
    found = headers(replace(LETTER, reason="x" * 100_000, stacktrace="\ud800"))
    assert len(found["__connect.errors.exception.message"]) == 8192
    assert found["__connect.errors.exception.stacktrace"] == b"\\ud800"


def test_what_reading_it_again_needs_is_kept_whole() -> None:
    """Context is kept to the byte, however long; what was cut or transformed says so, and nothing is said otherwise."""
    found = headers(replace(LETTER, context=b"\xff" * 20_000, cut=True, transformed=True))
    assert found["wellhead.context"] == b"\xff" * 20_000
    assert (found["wellhead.cut"], found["wellhead.transformed"]) == (b"true", b"true")
    assert not {"wellhead.context", "wellhead.cut", "wellhead.transformed"} & headers(LETTER).keys()
