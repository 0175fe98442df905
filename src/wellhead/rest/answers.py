"""Takes content or a refusal, gives the response as Kafka Connect words it; never shows what an unforeseen error says."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from wellhead.errors import ConfigError, TemporaryError, WellheadError
from wellhead.rest.contract import ApiError
from wellhead.telemetry.logs import get_logger

RETRY_SECS = 1


class Answer(Response):
    """A JSON response."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"cache-control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, default=str)


def empty(status: int) -> Response:
    """Give a response without a body, as for 202 and 204."""
    return Response(status_code=status, headers={"cache-control": "no-store"})


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Give a refusal in Connect's shape."""
    more = {"retry-after": str(RETRY_SECS)} if status in {429, 503} else {}
    return Answer({"error_code": status, "message": message}, status, {**more, **(headers or {})})


def plain_refusal(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """Give a refusal in the words Connect's server has for a status, such as `HTTP 404 Not Found`."""
    return refusal(status, f"HTTP {status} {HTTPStatus(status).phrase}", headers)


def of_error(error: Exception) -> Answer:
    """Give what an error becomes: a refusal's own status, 400 for a configuration, 503 for what passes, else 500."""
    if isinstance(error, ApiError):
        return refusal(error.status, error.message)
    if isinstance(error, ConfigError):
        return refusal(400, str(error))
    if isinstance(error, TemporaryError):
        return refusal(503, str(error))
    if isinstance(error, WellheadError):
        return refusal(500, str(error))
    get_logger("rest").error("a request failed unexpectedly", error=type(error).__name__, exc_info=error)
    return refusal(500, f"the request failed unexpectedly ({type(error).__name__}); the worker's log says more")
