"""Takes how a live connection ended, gives the error that says so and whether it was found by the kernel, the clock or the peer."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Literal

import httpx

from wellhead.errors import TemporaryError

Reason = Literal["cut", "reset", "silent", "no_progress", "half_open", "shed", "closed"]


class StreamLost(TemporaryError):  # noqa: N818 - the name says the event
    """A live connection is no more; a new one may be made.

    Attributes:
        reason: `cut` (ended in the middle), `reset` (by the peer), `silent` (no byte for too long), `no_progress` (bytes, but no event),
            `half_open` (the kernel found the peer gone), `shed` (closed here, as there is too much), `closed` (the client is).
    """

    def __init__(self, message: str, reason: Reason, after_secs: float | None = None) -> None:
        super().__init__(message, after_secs=after_secs)
        self.reason: Reason = reason


def reason_of(error: BaseException) -> Reason:
    """Tell how a connection ended by what reading it raised."""
    if isinstance(error, httpx.ReadTimeout):
        return "silent"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH}:
            return "half_open"
        if isinstance(cause, ConnectionError) and not isinstance(cause, socket.gaierror):
            return "reset"
    return "cut"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
