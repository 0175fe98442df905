"""Takes what httpx raised, gives a reason a person can act on and whether asking again may help, never text that came over the wire."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError


class BrokenCallError(Exception):
    """An attempt that brought no complete answer; stays inside this room.

    Attributes:
        reason: What happened, fit for a message.
        sent: Whether the vendor may have seen the request.
        answered: Whether the answer's header came.
    """

    def __init__(self, reason: str, response: httpx.Response | None = None, *, sent: bool = True) -> None:
        self.reason = reason + _progress(response)
        self.sent = sent
        self.answered = response is not None
        super().__init__(self.reason)


def failure_of(
    error: httpx.HTTPError | httpx.InvalidURL, call: str, settings: HttpSettings, response: httpx.Response | None
) -> Exception:
    """Give the `BrokenCallError` or `PermanentError` that `error` amounts to.

    Args:
        error: What httpx raised.
        call: Method, host and path.
        settings: For the limits that were hit.
        response: The answer whose body was being read; None when none had come.
    """
    match error:
        case httpx.ConnectTimeout():
            return BrokenCallError(f"no connection within {settings.connect_timeout_secs:g} s", sent=False)
        case httpx.ConnectError():
            return _of_connect(error, call)
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return BrokenCallError(f"no byte for {settings.read_timeout_secs:g} s", response)
        case httpx.ProxyError():
            return _of_proxy(error, call)
        case httpx.RemoteProtocolError():
            return BrokenCallError(_of_protocol(str(error)), response)
        case httpx.DecodingError():
            return BrokenCallError("the body does not match its content encoding", response)
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError() | httpx.InvalidURL():
            return PermanentError(f"{call}: the request is not valid HTTP; check the URL and the header values it is made from")
        case _:
            return BrokenCallError("the connection was lost", response)


def untrusted(error: ssl.SSLCertVerificationError, call: str) -> PermanentError:
    """Give the error for a server whose certificate is not trusted."""
    return PermanentError(
        f"{call}: the server's certificate is not trusted ({error.verify_message}); "
        "where a proxy inspects TLS, set http.ca.file to its certificate authority"
    )


def _of_connect(error: httpx.ConnectError, call: str) -> Exception:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return untrusted(cause, call)
        if isinstance(cause, ssl.SSLError):
            return BrokenCallError("the TLS handshake failed", sent=False)
        if isinstance(cause, socket.gaierror):
            return BrokenCallError("the host name was not found (DNS)", sent=False)
        if isinstance(cause, ConnectionRefusedError):
            return BrokenCallError("the connection was refused", sent=False)
    return BrokenCallError("the connection could not be opened", sent=False)


def _of_proxy(error: httpx.ProxyError, call: str) -> Exception:
    status = str(error)[:3]
    if status == "407":
        return PermanentError(f"{call}: the proxy refused the credentials (407); check http.proxy.url")
    return BrokenCallError(f"the proxy answered {status if status.isdigit() else 'no'} to CONNECT", sent=False)


def _of_protocol(text: str) -> str:
    # h11 quotes the peer's bytes in some of its messages, so only known ones are told apart and none is passed on.
    if "incomplete" in text or "without sending complete message body" in text:
        return "the body was cut"
    if "without sending a response" in text:
        return "the server closed the connection without an answer"
    if "too long" in text or "too large" in text:
        return "the answer's header is over 100 KiB"
    return "the answer is not valid HTTP"


def _progress(response: httpx.Response | None) -> str:
    if response is None:
        return ""
    expected = response.headers.get("content-length", "")
    of_expected = f" of {int(expected):,}" if expected.isdecimal() else ""
    return f" after {response.num_bytes_downloaded:,}{of_expected} bytes"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
