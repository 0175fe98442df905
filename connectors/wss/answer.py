"""Takes the vendor's answer, gives its trailer when the body is whole, and otherwise raises by the recovery."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from connectors.wss.position import BrokenArchiveError
from connectors.wss.probe import refused
from connectors.wss.trailer import Trailer, retry_after_secs, tail_of, trailer_in
from wellhead import PermanentError, TemporaryError
from wellhead.http import Download

BLOCKED_SECS = 60.0
MARGIN_SECS = 2.0


def check_status(answer: Download, start_ms: int) -> None:
    """Return for 200; 410 is the caller's.

    Raises:
        TemporaryError: The vendor is busy, blocked or failing; `after_secs` as it asked, in a header or in the body.
        PermanentError: The credentials or the dates are refused.
    """
    match answer.status:
        case HTTPStatus.OK:
            return
        case HTTPStatus.BAD_REQUEST:
            start = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat(timespec="minutes")
            raise PermanentError(
                f"{answer.call}: 400: the request's dates are refused (startDate {start}). Check the option `start`, "
                "which may lie at most 100 days back and not in the future, and this machine's clock."
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise refused(f"{answer.call}: {answer.status}")
        case HTTPStatus.LOCKED:
            blocked_secs = max(BLOCKED_SECS, _asked_secs(answer) or 0.0)
            raise TemporaryError(f"{answer.call}: 423: the vendor blocks API access for now", after_secs=blocked_secs)
        case HTTPStatus.TOO_MANY_REQUESTS:
            asked_secs = _asked_secs(answer)
            wait_secs = None if asked_secs is None else asked_secs + MARGIN_SECS
            raise TemporaryError(f"{answer.call}: 429: the vendor asks to wait", after_secs=wait_secs)
        case _:
            answer.raise_for_status()
            raise PermanentError(f"{answer.call}: {answer.status} where 200 was expected. Check the option `url`.")


def whole_trailer(answer: Download) -> Trailer:
    """Give the trailer of a 200, whose status is `more`, `done` or `abort`.

    Raises:
        BrokenArchiveError: It has none: the same token must be asked with again.
    """
    trailer = trailer_in(tail_of(answer.path), answer.size_bytes)
    if trailer is None:
        raise BrokenArchiveError(
            f"the body of {answer.size_bytes:,} bytes ends without a sync trailer: the connection was cut, or something "
            "between here and the vendor answered in its place"
        )
    if trailer.status not in {"more", "done", "abort"}:
        raise BrokenArchiveError("the sync status is neither more, done nor abort")
    return trailer


def _asked_secs(answer: Download) -> float | None:
    """The wait the vendor asked for: as a header, which clients see, or as a line of the body, which the vendor describes."""
    return answer.retry_after_secs if answer.retry_after_secs is not None else retry_after_secs(tail_of(answer.path))
