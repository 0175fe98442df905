"""Takes a cluster's address, tells whether a broker answers now, never waits longer than it says.

The runtime asks before each call to a vendor: what cannot be written must not be fetched.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from wellhead.clock import Clock, SystemClock
from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import recovery, where

_FRESH_SECS = 2.0


class Broker:
    """Knows whether the cluster answers; shared by all tasks of a process, safe to call from any thread.

    Args:
        config: What `settings.admin_config` gives.
        clock: Dates the last answer.
        timeout_secs: The longest that one question may take.
        fresh_secs: How long an answer holds before the next question is asked.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        clock: Clock | None = None,
        timeout_secs: float = 3.0,
        fresh_secs: float = _FRESH_SECS,
    ) -> None:
        self._config = config
        self._clock: Clock = SystemClock() if clock is None else clock
        self._timeout_secs = timeout_secs
        self._fresh_secs = fresh_secs
        self._lock = threading.Lock()
        self._admin: Admin | None = None
        self._asked_secs = float("-inf")
        self._error: KafkaError | None = None

    def available(self) -> bool:
        """Tell whether a broker answers; asks at most once per `fresh_secs`, and for at most `timeout_secs`."""
        with self._lock:
            if self._clock.monotonic_secs() - self._asked_secs >= self._fresh_secs:
                self._error = self._ask()
                self._asked_secs = self._clock.monotonic_secs()
            return self._error is None

    @property
    def last_error(self) -> str | None:
        """What is wrong and where, None while the broker answers."""
        error = self._error
        return None if error is None else str(recovery(error, f"{where(self._config)} does not answer"))

    def check(self) -> None:
        """Return if a broker answers.

        Raises:
            TemporaryError: None does.
            PermanentError: It refuses us.
        """
        self.available()
        error = self._error
        if error is not None:
            raise recovery(error, f"{where(self._config)} does not answer")

    def close(self) -> None:
        """Let the connection go; a later question opens another. While one is being asked, that one's end lets it go instead."""
        if not self._lock.acquire(blocking=False):
            return  # whoever asks waits for a broker that is away; the end of a process must not
        try:
            if self._admin is not None:
                self._admin.close()
            self._admin = None
        finally:
            self._lock.release()

    def _ask(self) -> KafkaError | None:
        admin = self._admin = self._admin or Admin(self._config)
        admin.forget()
        try:
            admin.client.describe_cluster(request_timeout=self._timeout_secs).result(self._timeout_secs + 1)
        except KafkaException as error:
            return admin.cause(error)
        except TimeoutError:
            return KafkaError(KafkaError._TIMED_OUT, "no answer")  # noqa: SLF001
        return None
