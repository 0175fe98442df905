"""Takes one attempt's facts, gives them to metrics and, when asked, to the log, never with a secret or a body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from wellhead.http.redact import Redactor
from wellhead.telemetry.logs import get_logger


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt of one call, for metrics.

    Attributes:
        host: The vendor's host name, without port.
        method: The HTTP method.
        status: The answer's status; None when no answer came.
        secs: Seconds from asking to the last byte, or to the failure.
        nbytes: Body bytes received, as they came over the wire.
        retried: Whether this attempt repeats an earlier one of the same call.
        quota_remaining: Calls left, when the vendor said so.
        quota_renews_in_secs: Seconds until there are new ones, when the vendor said so.
        retry_after_secs: Seconds the vendor asked to wait, when it did.
    """

    host: str
    method: str
    status: int | None
    secs: float
    nbytes: int
    retried: bool
    quota_remaining: int | None
    quota_renews_in_secs: float | None = None
    retry_after_secs: float | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the vendor had had too many calls."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS


OnCall = Callable[[CallRecord], None]


def trace(call: CallRecord, request: httpx.Request, response: httpx.Response | None, redactor: Redactor) -> None:
    """Log one attempt with its redacted URL and headers."""
    get_logger("http").info(
        "http call",
        method=call.method,
        url=redactor.url(request.url),
        status=call.status,
        secs=round(call.secs, 3),
        bytes=call.nbytes,
        retried=call.retried,
        request_headers=redactor.headers(request.headers),
        response_headers=None if response is None else redactor.headers(response.headers),
    )
