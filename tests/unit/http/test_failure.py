"""What httpx raises becomes a reason a person can act on."""

import socket
import ssl

import httpx
import pytest

from wellhead.errors import PermanentError
from wellhead.http import HttpSettings
from wellhead.http.failure import BrokenCallError, failure_of

SETTINGS = HttpSettings(connect_timeout_secs=3, read_timeout_secs=7)


def caused(error, *causes: BaseException):
    for outer, inner in zip((error, *causes), causes, strict=False):
        outer.__cause__ = inner
    return error


def untrusted():
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    return error


def judge(error, response=None):
    return failure_of(error, "GET v.example/x", SETTINGS, response)


@pytest.mark.parametrize(
    ("error", "reason", "sent"),
    [
        (httpx.ConnectTimeout("s3same"), "no connection within 3 s", False),
        (caused(httpx.ConnectError("s3same"), OSError(), socket.gaierror()), "the host name was not found (DNS)", False),
        (
            caused(httpx.ConnectError("s3same"), ExceptionGroup("s3same", [ConnectionRefusedError()])),
            "the connection was refused",
            False,
        ),
        (caused(httpx.ConnectError("s3same"), ssl.SSLError()), "the TLS handshake failed", False),
        (httpx.ConnectError("s3same"), "the connection could not be opened", False),
        (httpx.ReadTimeout("s3same"), "no byte for 7 s", True),
        (httpx.WriteTimeout("s3same"), "no byte for 7 s", True),
        (httpx.ProxyError("s3same"), "the proxy answered no to CONNECT", False),
        (httpx.ProxyError("502 s3same"), "the proxy answered 502 to CONNECT", False),
        (httpx.RemoteProtocolError("illegal status line: s3same"), "the answer is not valid HTTP", True),
        (httpx.ReadError("s3same"), "the connection was lost", True),
    ],
)
def test_a_failure_that_may_pass_has_a_reason_of_our_own(error, reason, sent):
    """Each gives a fixed reason, says whether the vendor may have seen the request, and quotes nothing."""
    failure = judge(error)
    assert (type(failure), failure.reason, failure.sent, failure.answered) == (BrokenCallError, reason, sent, False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            caused(httpx.ConnectError("x"), untrusted()),
            "(self-signed certificate); where a proxy inspects TLS, set http.ca.file",
        ),
        (httpx.ProxyError("407 s3same"), "check http.proxy.url"),
        (httpx.LocalProtocolError("s3same"), "check the URL and the header values"),
        (httpx.UnsupportedProtocol("s3same"), "check the URL and the header values"),
    ],
)
def test_a_failure_that_needs_a_person_names_the_option(error, said):
    """An untrusted certificate, a refusing proxy and an unsendable request are permanent."""
    failure = judge(error)
    assert isinstance(failure, PermanentError)
    assert said in str(failure)
    assert "s3same" not in str(failure)


def test_a_failure_in_the_body_says_how_far_it_came():
    """With an answer begun, the bytes that came and those announced are named."""
    begun = httpx.Response(200, headers={"content-length": "123456"})
    failure = judge(httpx.ReadTimeout(""), begun)
    assert (failure.reason, failure.answered) == ("no byte for 7 s after 0 of 123,456 bytes", True)
