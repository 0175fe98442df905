"""Takes a vendor's answer, gives status, headers and body (in memory or in a file), never shows the latter two in its repr."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from wellhead.errors import PermanentError, TemporaryError
from wellhead.http.call import is_http_url

TRY_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every answer has.

    Attributes:
        status: The HTTP status; redirects to another host are answers too.
        headers: Names in any case.
        call: Method, host and path, for messages.
        retry_after_secs: Seconds the vendor asked to wait (counted when the answer came); None when it did not.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    call: str
    retry_after_secs: float | None = None

    def raise_for_status(self) -> None:
        """Return for 2xx and 304, else raise by the recovery.

        Raises:
            TemporaryError: 408, 425, 429 and 5xx, with `after_secs` from Retry-After.
            PermanentError: Everything else; the message names what to change.
        """
        if HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES or self.status == HTTPStatus.NOT_MODIFIED:
            return
        said = f"{self.call}: {self.status} {_phrase(self.status)}"
        if self.status in TRY_LATER or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = "" if self.retry_after_secs is None else f"; the server asks to wait {self.retry_after_secs:.0f} s"
            raise TemporaryError(f"{said}{wait}; it will be tried again", after_secs=self.retry_after_secs)
        raise PermanentError(f"{said}: {_next_step(self.status, self.headers)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Answer):
    """An answer whose body is in memory.

    Attributes:
        url: The URL asked, redacted.
        content: The body, content encoding removed.
    """

    url: str
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """Give the body as JSON.

        Raises:
            TemporaryError: It is none, as when a proxy answers in the vendor's place.
        """
        try:
            return json.loads(self.content)
        except ValueError:
            kind = self.headers.get("content-type", "no content type")
            raise TemporaryError(
                f"{self.call}: {self.status}, but the body ({kind}) is no JSON; it will be asked again"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Answer):
    """An answer whose body is in a file, which is gone when the `async with` ends.

    Attributes:
        path: The file.
        size_bytes: Its size.
        complete: Always true for a 2xx answer (a cut body raises); false when an error page was too long to keep whole.
    """

    path: Path
    size_bytes: int
    complete: bool = True


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(unknown status)"


def _next_step(status: int, headers: Mapping[str, str]) -> str:
    match status:
        case 401:
            return "the credentials were refused; check the connector's credential options"
        case 403:
            return "the credentials are known but not allowed to do this; give them the access right, or use others"
        case 407:
            return "the proxy refused the credentials; check http.proxy.url"
        case 404 | 410:
            return "nothing is there (any more); check the connector's URL options and its cursor"
        case _ if status in range(300, 400):
            return f"redirected to {_host_of(headers.get('location'))}, which is not followed; if it is right, configure that address"
        case _:
            return "the request was refused; check the connector's options against the vendor's documentation"


def _host_of(location: str | None) -> str:
    try:
        url = httpx.URL(location or "")
    except httpx.InvalidURL:
        return "an invalid address"
    return url.host if is_http_url(url) else "an invalid address"
