"""Takes an answer of LogScale's file API or the lack of one, gives the error it amounts to; never quotes a body or a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import httpx

from connectors.logscale.options import LogscaleConfig
from wellhead import PermanentError, TemporaryError
from wellhead.http.hints import retry_after_secs

NOTHING_SENT: Final = "nothing of it was taken"
_BUSY_SECS: Final = 30.0


class UnclearError(TemporaryError):
    """The call ended so that nobody can say whether LogScale did what it was asked for."""


def refusal(answer: httpx.Response, doing: str, options: LogscaleConfig, now_ms: int) -> Exception:
    """Give the error that a status of 300 or more amounts to.

    Args:
        answer: The answer; its body is not looked at.
        doing: What was being done, as in "uploading x.csv".
        options: For the repository and the limit in the message.
        now_ms: Wall-clock epoch milliseconds.
    """
    status = answer.status_code
    where = f"logscale: {doing}: {status} from {_host(answer.url)}"
    after_secs = retry_after_secs(answer.headers.get("Retry-After"), now_ms=now_ms)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait_secs = _BUSY_SECS if after_secs is None else after_secs
        return TemporaryError(f"{where}: too many calls, it asks to wait; {NOTHING_SENT}", after_secs=wait_secs)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return UnclearError(f"{where}: the cluster failed; it is tried again", after_secs=after_secs)
    return PermanentError(f"{where}: {_next_step(status, options)}")


def _next_step(status: int, options: LogscaleConfig) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return "the token is refused. Set logscale.token to one that is valid and has not expired"
        case HTTPStatus.FORBIDDEN:
            return f"the token may not do this. Give it the permission to change files ('ChangeFiles') of {options.repository}"
        case HTTPStatus.NOT_FOUND:
            return f"there is no repository {options.repository} that the token can see. Check logscale.repository and logscale.url"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"the file is larger than the cluster takes. Set logscale.max_bytes (now {options.max_bytes:,}) to its limit"
        case _ if status < HTTPStatus.BAD_REQUEST:
            return "it redirects elsewhere. Set logscale.url to the cluster's own address"
        case _:
            return f"it refuses the request. Check the file's name and columns, and that {options.repository} takes files"


def broken(error: httpx.HTTPError, doing: str, url: httpx.URL, options: LogscaleConfig) -> Exception:
    """Give the error for a call that brought no whole answer.

    Args:
        error: What the HTTP library raised.
        doing: What was being done.
        url: Where; only its host is told.
        options: For the limits that were hit.
    """
    where = f"logscale: {doing}: {_host(url)}"
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return PermanentError(
                    f"{where}: its certificate is not trusted ({getattr(cause, 'verify_message', 'unknown authority')}); set logscale.ca_file to its authority's"
                )
            case socket.gaierror():
                return TemporaryError(f"{where}: the host name was not found (DNS); {NOTHING_SENT}")
            case ConnectionRefusedError():
                return TemporaryError(f"{where}: the connection was refused; {NOTHING_SENT}")
    match error:
        case httpx.ConnectTimeout():
            return TemporaryError(f"{where}: no connection within {options.connect_timeout_secs:g} s; {NOTHING_SENT}")
        case httpx.ConnectError() | httpx.ProxyError():
            return TemporaryError(f"{where}: the connection could not be opened; {NOTHING_SENT}")
        case httpx.TimeoutException():
            return UnclearError(f"{where}: no byte for {options.read_timeout_secs:g} s; it is tried again")
        case _:
            return UnclearError(f"{where}: the connection was lost; it is tried again")


def _host(url: httpx.URL) -> str:
    # netloc has no user info, unlike the URL itself (I6).
    return url.netloc.decode("ascii")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
