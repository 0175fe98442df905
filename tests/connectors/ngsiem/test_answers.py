"""What each answer amounts to."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from connectors.ngsiem.answers import UnclearError, broken, refusal, status_of
from connectors.ngsiem.options import NgsiemConfig
from wellhead.errors import PermanentError, TemporaryError

OPTIONS = NgsiemConfig(client_id="id", client_secret="simulated")
NOW_MS = 1_767_225_600_000


def answer(status: int, body: bytes = b"", **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.url = "https://user:pass@api.crowdstrike.com/x?token=abc"
    made._content = body
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (301, PermanentError, "Set ngsiem.cloud to the tenant's region"),
        (400, PermanentError, "search_domain falcon takes lookup files"),
        (401, PermanentError, "NGSIEM Lookup Files"),
        (403, PermanentError, "NGSIEM Lookup Files"),
        (404, PermanentError, "there is no search_domain falcon"),
        (405, PermanentError, "it refuses the request"),
        (408, UnclearError, "tried again"),
        (409, TemporaryError, "by someone else"),
        (413, PermanentError, "ngsiem.max_bytes"),
        (429, TemporaryError, "asks to wait"),
        (500, UnclearError, "the vendor's side failed"),
        (504, UnclearError, "the vendor's side failed"),
    ],
)
def test_a_status_says_its_recovery_and_the_next_step(status, kind, words):
    """The host and the trace id stand in the message; the URL's secrets and the body never do."""
    made = answer(status, b"body text", X_Cs_Traceid="trace-1")
    error = refusal(made, status, "uploading x.csv", OPTIONS, NOW_MS)
    assert type(error) is kind
    assert str(error).startswith(f"ngsiem: uploading x.csv: {status} from ")
    assert words in str(error)
    assert "trace-1" in str(error)
    assert not [secret for secret in ("body text", "abc", "pass") if secret in str(error)]


@pytest.mark.parametrize(
    ("headers", "after_secs"),
    [
        ({"Retry_After": "17"}, 17),
        ({"X_Ratelimit_Retryafter": str(NOW_MS // 1_000 + 12)}, 12),
        ({"X_Ratelimit_Retryafter": "1"}, 0),
        ({"X_Ratelimit_Retryafter": "soon"}, 30),
        ({}, 30),
    ],
)
def test_how_long_to_wait_is_told(headers, after_secs):
    """By seconds, by the vendor's epoch second, else by the window of its pace."""
    error = refusal(answer(429, **headers), 429, "x", OPTIONS, NOW_MS)
    assert error.after_secs == after_secs


@pytest.mark.parametrize(
    ("status", "body", "amounts_to"),
    [
        (200, b'{"errors": [], "resources": ["x.csv"]}', 200),
        (200, b'{"errors": [{"code": 403, "message": "m"}]}', 403),
        (207, b'{"errors": [{"code": 429}]}', 429),
        (200, b'{"errors": [{"message": "m"}]}', 500),
        (200, b'{"errors": ["m"]}', 500),
        (200, b"[]", 200),
        (200, b"{", 200),
        (500, b'{"errors": [{"code": 404}]}', 500),
    ],
)
def test_errors_inside_a_good_answer_count(status, body, amounts_to):
    """The API wraps some of them into a 200 or 207."""
    assert status_of(answer(status, body, Content_Type="application/json", Content_Length=str(len(body)))) == amounts_to


def _wrapped(cause: BaseException) -> requests.ConnectionError:
    reason = NewConnectionError(None, "x")  # type: ignore[arg-type]
    reason.__cause__ = cause
    return requests.ConnectionError(MaxRetryError(None, "http://secret.invalid/", reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (_wrapped(ConnectionRefusedError()), TemporaryError, "refused; nothing of it was taken"),
        (_wrapped(socket.gaierror()), TemporaryError, "not found (DNS)"),
        (_wrapped(ssl.SSLCertVerificationError()), PermanentError, "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.ProxyError(), TemporaryError, "HTTPS_PROXY"),
        (requests.exceptions.ConnectTimeout(), TemporaryError, "no connection in time"),
        (requests.exceptions.ReadTimeout(), UnclearError, "no answer in time"),
        (requests.exceptions.ChunkedEncodingError(), UnclearError, "the connection was lost"),
        (ConnectionResetError(), UnclearError, "the connection was lost"),
        (PermissionError(13, "Permission denied"), TemporaryError, "could not be read: Permission denied"),
        (KeyError("x"), UnclearError, "no answer that can be read (KeyError)"),
    ],
)
def test_a_call_without_an_answer_says_why(error, kind, words):
    """What was certainly not taken is told apart from what nobody can say."""
    told = broken(error, "uploading x.csv", "api.invalid")
    assert type(told) is kind
    assert words in str(told)
    assert "secret.invalid" not in str(told)
