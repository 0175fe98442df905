"""An answer's status becomes the recovery, in words for a person."""

from pathlib import Path

import pytest

from wellhead import PermanentError, TemporaryError
from wellhead.http import Download, Response


def response(status, *, wait=None, **headers: str):
    call = "GET vendor.example/logs"
    return Response(status=status, headers=headers, call=call, retry_after_secs=wait, url="u", content=b"s3same")


@pytest.mark.parametrize("status", [200, 204, 206, 304])
def test_good_statuses_pass(status):
    """2xx and 304 raise nothing."""
    assert response(status).raise_for_status() is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_temporary_and_keeps_the_vendors_wait(status):
    """These raise TemporaryError with after_secs from Retry-After, None without one."""
    with pytest.raises(TemporaryError, match=rf"GET vendor\.example/logs: {status} .*asks to wait 90 s; it will be") as caught:
        response(status, wait=90.4).raise_for_status()
    assert caught.value.after_secs == 90.4
    with pytest.raises(TemporaryError) as caught:
        response(status).raise_for_status()
    assert caught.value.after_secs is None


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (400, "check the connector's options"),
        (401, "Unauthorized: the credentials were refused; check the connector's credential options"),
        (403, "give them the access right"),
        (404, "check the connector's URL options"),
        (407, r"check http\.proxy\.url"),
        (410, "cursor"),
        (423, "Locked: the request was refused"),
        (302, "redirected to an invalid address"),
        (101, "refused"),
        (499, "unknown status"),
    ],
)
def test_what_needs_a_person_is_permanent_and_says_what_to_do(status, step):
    """Everything else raises PermanentError with the next step."""
    with pytest.raises(PermanentError, match=step):
        response(status).raise_for_status()


def test_a_redirect_names_the_other_host_only():
    """The target's host is named; its path, query and user are not; an unreadable one is called so."""
    with pytest.raises(PermanentError, match=r"redirected to cdn\.example, which is not followed") as caught:
        response(302, location="https://mole:s3same@cdn.example/s3same?sig=s3same").raise_for_status()
    assert "s3same" not in str(caught.value)
    with pytest.raises(PermanentError, match="redirected to an invalid address"):
        response(302, location="http://[s3same").raise_for_status()


def test_a_repr_shows_neither_body_nor_headers():
    """What ends in a log by accident holds no secret."""
    download = Download(status=200, headers={"x": "s3same"}, call="GET v/", path=Path("f"), size_bytes=1)
    assert "s3same" not in repr(response(200, token="s3same")) + repr(download)


def test_a_body_that_should_be_json_is_read_or_tried_again():
    """JSON is parsed; a login page in its place is a TemporaryError that names its type and shows none of it."""
    page = {"headers": {"content-type": "text/html"}, "call": "GET v.example/", "url": "u"}
    assert Response(status=200, content=b'{"a": [1]}', **page).json() == {"a": [1]}
    with pytest.raises(TemporaryError, match=r"GET v\.example/: 200, but the body \(text/html\) is no JSON") as caught:
        Response(status=200, content=b"<html>s3same", **page).json()
    assert "s3same" not in str(caught.value)
