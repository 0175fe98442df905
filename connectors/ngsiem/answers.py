"""Takes an answer of the Falcon API or the lack of one, gives the error it amounts to; never quotes a body or a secret."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import requests

from connectors.ngsiem.options import SCOPES, NgsiemConfig
from wellhead import PermanentError, TemporaryError
from wellhead.http.hints import retry_after_secs

NOTHING_SENT: Final = "nothing of it was taken"
_BUSY_SECS: Final = 30.0
_JSON_MAX_BYTES: Final = 1 << 20
_MS_PER_SEC: Final = 1_000


class UnclearError(TemporaryError):
    """The call ended so that nobody can say whether the vendor did what it was asked for."""


def host_of(url: str) -> str:
    """Give host and port of a URL; user info stays out (I6)."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def status_of(answer: requests.Response) -> int:
    """Give the status an answer amounts to: its own, or that of the first error inside a body that says otherwise."""
    if answer.status_code >= HTTPStatus.BAD_REQUEST or not _is_short_json(answer):
        return int(answer.status_code)
    try:
        body = json.loads(answer.content)
    except ValueError:
        return int(answer.status_code)
    errors = body.get("errors") if isinstance(body, dict) else None
    if not errors:
        return int(answer.status_code)
    code = errors[0].get("code") if isinstance(errors, list) and isinstance(errors[0], dict) else None
    is_status = isinstance(code, int) and HTTPStatus.BAD_REQUEST <= code < 600  # noqa: PLR2004 - the end of HTTP's
    return int(code) if is_status and code is not None else HTTPStatus.INTERNAL_SERVER_ERROR


def _is_short_json(answer: requests.Response) -> bool:
    length = answer.headers.get("Content-Length", "0")
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    return is_json and length.isdecimal() and int(length) <= _JSON_MAX_BYTES


def refusal(answer: requests.Response, status: int, doing: str, options: NgsiemConfig, now_ms: int) -> Exception:
    """Give the error that a status of 300 or more amounts to.

    Args:
        answer: The answer, for its host, trace id and waiting time.
        status: What `status_of` gave.
        doing: What was being done, as in "uploading x.csv".
        options: For the scope and the place in the message.
        now_ms: Wall-clock epoch milliseconds.
    """
    trace = answer.headers.get("X-Cs-Traceid")
    where = f"ngsiem: {doing}: {status} from {host_of(answer.url)}" + (f" (trace id {trace})" if trace else "")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        after_secs = _wait_secs(answer, now_ms)
        return TemporaryError(f"{where}: too many calls, it asks to wait; {NOTHING_SENT}", after_secs=after_secs)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return UnclearError(f"{where}: the vendor's side failed; it is tried again", after_secs=_retry_after(answer, now_ms))
    if status == HTTPStatus.CONFLICT:
        return TemporaryError(f"{where}: the file is being changed by someone else; it is tried again")
    return PermanentError(f"{where}: {_next_step(status, options)}")


def _next_step(status: int, options: NgsiemConfig) -> str:
    scope = SCOPES[options.api]
    place = f"search_domain {options.search_domain}" if options.api == "content" else f"repository {options.repository}"
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return f"a fresh token was refused. Check that the API client still exists and has the scope '{scope}' (read and write)"
        case HTTPStatus.FORBIDDEN:
            return (
                f"the API client may not do this. Give it the scope '{scope}' (read and write) in the Falcon console, and check "
                "that its IP allow list has this machine"
            )
        case HTTPStatus.NOT_FOUND:
            return f"there is no {place} that the API client can see. Set ngsiem.search_domain or ngsiem.repository to one of its own"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"the file is larger than the tenant takes. Set ngsiem.max_bytes (now {options.max_bytes:,}) to its limit"
        case _ if status < HTTPStatus.BAD_REQUEST:
            return "it redirects elsewhere. Set ngsiem.cloud to the tenant's region"
        case _:
            return f"it refuses the request. Check the file's name and columns, and that {place} takes lookup files"


def _retry_after(answer: requests.Response, now_ms: int) -> float | None:
    return retry_after_secs(answer.headers.get("Retry-After"), now_ms=now_ms)


def _wait_secs(answer: requests.Response, now_ms: int) -> float:
    asked = _retry_after(answer, now_ms)
    if asked is not None:
        return asked
    # Falcon's own header names the epoch second at which a call is free again.
    epoch = answer.headers.get("X-Ratelimit-Retryafter", "")
    return max(0.0, int(epoch) - now_ms / _MS_PER_SEC) if epoch.isdecimal() else _BUSY_SECS


def broken(error: Exception, doing: str, host: str) -> Exception:
    """Give the error for a call that brought no whole answer.

    Args:
        error: What the HTTP library or the disk raised.
        doing: What was being done.
        host: The API's host and port.
    """
    where = f"ngsiem: {doing}: {host}"
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return PermanentError(
                    f"{where}: its certificate is not trusted ({getattr(cause, 'verify_message', 'unknown authority')}). Where a proxy inspects TLS, name its "
                    "authority's file in REQUESTS_CA_BUNDLE"
                )
            case socket.gaierror():
                return TemporaryError(f"{where}: the host name was not found (DNS); {NOTHING_SENT}")
            case ConnectionRefusedError():
                return TemporaryError(f"{where}: the connection was refused; {NOTHING_SENT}")
    match error:
        case requests.exceptions.ProxyError():
            return TemporaryError(f"{where}: the proxy gave no connection; check HTTPS_PROXY; {NOTHING_SENT}")
        case requests.exceptions.ConnectTimeout():
            return TemporaryError(f"{where}: no connection in time; {NOTHING_SENT}")
        case requests.exceptions.ReadTimeout():
            return UnclearError(f"{where}: no answer in time; it is tried again")
        case requests.exceptions.RequestException() | ConnectionError():
            return UnclearError(f"{where}: the connection was lost; it is tried again")
        case OSError():
            return TemporaryError(f"{where}: the local file could not be read: {error.strerror or type(error).__name__}")
        case _:
            return UnclearError(f"{where}: no answer that can be read ({type(error).__name__}); it is tried again")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None)]
        waiting += [argument for argument in each.args if isinstance(argument, BaseException)]
