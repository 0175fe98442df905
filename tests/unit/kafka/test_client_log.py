"""librdkafka's chatter becomes few log events; a refusal is remembered for the call that waits."""

import logging

import pytest
from confluent_kafka import KafkaError

from wellhead.kafka.client_log import ClientLog, Hearing


class Spy:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    def debug(self, event: str, **fields: str) -> None:
        self.lines.append(("debug", fields["facility"], fields["text"]))

    def warning(self, event: str, **fields: str) -> None:
        self.lines.append(("warning", fields["facility"], fields["text"]))


def test_broken_connections_are_for_the_curious() -> None:
    """A connection that fails is a debug event, once however often it is repeated."""
    spy = Spy()
    log = ClientLog(spy)
    for elapsed in range(50):
        log.log(logging.ERROR, "%s [%s] %s", "FAIL", "c", f"b:1: Connection refused (after {elapsed}ms in state CONNECT)")
    assert spy.lines == [("debug", "FAIL", "b:1: Connection refused")]


def test_what_nobody_else_says_is_a_warning() -> None:
    """A line that no call will raise is a warning; information stays debug."""
    spy = Spy()
    log = ClientLog(spy)
    log.log(logging.WARNING, "", "OFFSET", "c", "odd")
    log.log(logging.INFO, "", "OFFSET", "c", "fine")
    assert [level for level, _, _ in spy.lines] == ["warning", "debug"]


def test_stdout_is_left_to_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no verb has said where log lines go, none goes to standard output: `--output json` stays JSON while a broker is away."""
    log = ClientLog()
    log.log(logging.ERROR, "", "FAIL", "c", "b:1: Disconnected")
    log.log(logging.WARNING, "", "OFFSET", "c", "odd")
    assert capsys.readouterr().out == ""


def test_a_refusal_explains_a_timeout() -> None:
    """A call that only timed out is explained by the refusal heard meanwhile, else by the outage, else by itself."""
    hearing = Hearing()
    hear = hearing.settings({"a": 1})["error_cb"]
    late = KafkaError(KafkaError._TIMED_OUT)
    assert hearing.cause(late) is late
    hear(KafkaError(KafkaError._TRANSPORT))
    assert hearing.cause(late).code() == KafkaError._TRANSPORT
    hear(KafkaError(KafkaError._SSL))
    assert hearing.refusal is None
    hear(KafkaError(KafkaError._AUTHENTICATION))
    assert hearing.cause(late).code() == KafkaError._AUTHENTICATION
    assert hearing.cause(KafkaError(KafkaError.INVALID_CONFIG)).code() == KafkaError.INVALID_CONFIG
    hearing.forget()
    assert hearing.cause(late) is late
