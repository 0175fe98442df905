"""Takes what librdkafka says beside its answers, gives log events with fields and the last refusal, never writes to stderr.

What librdkafka says about broken connections and retries is for the curious only (debug): the calls that suffer from it raise, and the
runtime says so once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from wellhead.kafka.errors import refused
from wellhead.telemetry.logs import get_logger

_EXPECTED = frozenset(
    {
        "ADDPARTS",
        "CONFWARN",
        "COORD",
        "ERROR",
        "FAIL",
        "FATAL",
        "GETPID",
        "MAXPOLL",
        "PARTCNT",
        "REQTMOUT",
        "TERMINATE",
        "TXNERR",
    }
)
_TIME_IS_UP = (KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001
# A failed handshake is no refusal yet: brokers that start or stop cut connections, too.
_OUTAGE = (KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._SSL)  # noqa: SLF001
_ELAPSED = re.compile(r" \(after \d+ms in state \w+.*\)$")


class ClientLog:
    """What confluent-kafka takes as `logger`; a line that repeats the one before is left out."""

    def __init__(self, log: Any = None) -> None:
        self._log = log if log is not None else get_logger("kafka")
        self._last = ""

    def log(self, level: int, _template: str, facility: str, client: str, text: str) -> None:
        """Pass one line on; `level` is one of the logging module's."""
        text = _ELAPSED.sub("", text)
        if text == self._last:
            return
        self._last = text
        say = self._log.debug if facility in _EXPECTED or level < logging.WARNING else self._log.warning
        say("kafka client", facility=facility, client=client, text=text)


class Hearing:
    """Remembers why the broker refuses a client: a call that waits for it only learns that time is up."""

    def __init__(self) -> None:
        self.refusal: KafkaError | None = None
        self.outage: KafkaError | None = None

    def forget(self) -> None:
        """Start listening anew."""
        self.refusal = self.outage = None

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give `config` with its ears."""
        return dict(config) | {"error_cb": self._hear}

    def cause(self, error: KafkaError) -> KafkaError:
        """Give what lies behind `error`, where that only says that time is up."""
        return (self.refusal or self.outage or error) if error.code() in _TIME_IS_UP else error

    def _hear(self, error: KafkaError) -> None:
        if error.code() in _OUTAGE:
            self.outage = error
        elif refused(error) is not None:
            self.refusal = error
