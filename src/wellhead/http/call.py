"""Takes what a connector asks for, gives a call that is safe to write on the wire, never echoes a header's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from wellhead.errors import PermanentError
from wellhead.http.redact import Redactor, place

SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
MAX_PORT = 65535
PRINTABLE = range(0x20, 0x7F)

Params = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to make, perhaps several times.

    Attributes:
        name: Method, host and path: all of it that a message may show.
        idempotent: Whether it may be sent again when nobody knows if it arrived.
    """

    method: str
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False, default=None)
    name: str
    idempotent: bool


def build_call(
    method: str,
    url: str,
    redactor: Redactor,
    *,
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    idempotent: bool | None = None,
) -> Call:
    """Merge `params` into `url` and check everything that would otherwise fail deep in a library with the value in its message.

    Raises:
        PermanentError: The URL is no http(s) URL, or a header cannot be sent.
    """
    target = _target(url, params)
    name = redactor.text(f"{method} {place(target)}")
    for header, value in (headers or {}).items():
        _require_sendable(header, value, name)
    return Call(
        method=method,
        url=target,
        headers=dict(headers or {}),
        content=content,
        name=name,
        idempotent=method in SAFE_TO_REPEAT if idempotent is None else idempotent,
    )


def _target(url: str, params: Params | None) -> httpx.URL:
    try:
        target = httpx.URL(url)
        if params:
            target = target.copy_merge_params(dict[str, Any](params))
    except (httpx.InvalidURL, TypeError):
        target = httpx.URL()
    if not is_http_url(target):
        # The URL itself stays out of the message: what makes it invalid is often a password with a "/" or "@" in it.
        raise PermanentError(
            "a URL is not valid: it needs http:// or https://, a host name, and a port up to 65535 if any; check the URL options"
        )
    return target


def is_http_url(url: httpx.URL) -> bool:
    """Tell whether `url` names a host that can be asked; httpx itself takes many a typing error for a host name."""
    host_is_plain = re.fullmatch(rb"[A-Za-z0-9._:-]+", url.raw_host) is not None
    return url.scheme in ("http", "https") and host_is_plain and (url.port or 1) in range(1, MAX_PORT + 1)


def _require_sendable(header: str, value: str, call: str) -> None:
    if not all(ord(char) in PRINTABLE or char == "\t" for char in value) or value != value.strip():
        raise PermanentError(
            f"{call}: the value of header {header} has a line break, outer space or non-ASCII character; "
            "check the option it comes from (a secret's file often ends in a line break)"
        )
