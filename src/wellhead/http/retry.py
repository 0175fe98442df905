"""Takes an attempt's outcome, gives the seconds to wait before the next or None for "no more", never sleeps itself.

Not stamina: it waits by its own event-loop sleep and draws its own jitter, so neither time nor randomness could come in
through the door, and its hooks hand arguments (URLs, headers) to whoever listens.
"""

from __future__ import annotations

from http import HTTPStatus
from random import Random

from wellhead.config.http import HttpSettings

FIRST_WAIT_SECS = 0.5


class RetryPolicy:
    """Exponential backoff with jitter for failures and 5xx; Retry-After where it is short; both only where repeating is safe."""

    def __init__(self, settings: HttpSettings, random: Random) -> None:
        self._max_attempts = settings.retry_max_attempts
        self._max_wait_secs = settings.retry_in_place_max_secs
        self._random = random

    def after_failure(self, attempt: int, *, repeatable: bool) -> float | None:
        """Give the wait after attempt number `attempt` (from 1) brought no answer."""
        return self._backoff_secs(attempt) if repeatable and attempt < self._max_attempts else None

    def after_answer(self, attempt: int, status: int, retry_after_secs: float | None, *, idempotent: bool) -> float | None:
        """Give the wait after an answer; None when it is good, final, or asks for more patience than there is in place."""
        if attempt >= self._max_attempts:
            return None
        refused_for_now = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
        if refused_for_now and retry_after_secs is not None:
            # Never at once: a date gone by, or a clock ahead of the vendor's, must not become a hot loop.
            return max(self._backoff_secs(attempt), retry_after_secs) if retry_after_secs <= self._max_wait_secs else None
        if status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_IMPLEMENTED or not idempotent:
            return None
        if (retry_after_secs or 0) > self._max_wait_secs:
            return None
        return max(self._backoff_secs(attempt), retry_after_secs or 0)

    def _backoff_secs(self, attempt: int) -> float:
        ceiling = min(self._max_wait_secs, FIRST_WAIT_SECS * 2.0 ** (attempt - 1))
        return ceiling * self._random.uniform(0.5, 1.0)
