"""Takes answers of every status and shape, proves which recovery each one names and that only a whole page passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.threatstream.answer import check, page_in
from wellhead import PermanentError, TemporaryError
from wellhead.http import Response


def answer(status: int, body: Any = None, after_secs: float | None = None) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = "GET api.example/api/v2/intelligence/"
    return Response(
        status=status, headers={}, call=call, retry_after_secs=after_secs, url="https://api.example", content=content
    )


def test_a_200_passes() -> None:
    """What comes with 200 may be a page."""
    assert check(answer(200)) is None


@pytest.mark.parametrize(("status", "option"), [(400, "page_limit"), (401, "api_key"), (403, "user"), (404, "url")])
def test_what_a_person_must_change_is_named(status: int, option: str) -> None:
    """A refusal that time does not heal names the option and the call."""
    with pytest.raises(PermanentError, match=f"`{option}`") as caught:
        check(answer(status))
    assert "api.example" in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_time_heals_is_asked_again_when_the_vendor_says(status: int) -> None:
    """The wait is the vendor's, where it names one."""
    with pytest.raises(TemporaryError) as caught:
        check(answer(status, after_secs=7))
    assert caught.value.after_secs == 7


@pytest.mark.parametrize(
    ("body", "header_secs", "expected_secs"),
    [
        ({"errors": [{"code": 429, "message": "API rate limit exceeded"}], "resources": []}, 30.0, 30.0),
        ({"errors": [{"code": 429, "message": "API rate limit exceeded"}], "resources": []}, None, None),
        ({"resources": [{"status_code": 429, "headers": {"Retry-After": "12"}}]}, None, 12.0),
        ({"resources": [{"status_code": 429, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}}]}, None, None),
    ],
)
def test_a_429_inside_a_207_is_a_429(body: Any, header_secs: float | None, expected_secs: float | None) -> None:
    """A gateway's 207 is never a page; the wait stands in its header or in the one it passes on, if it is a number."""
    with pytest.raises(TemporaryError, match="429") as caught:
        check(answer(207, body, header_secs))
    assert caught.value.after_secs == expected_secs


@pytest.mark.parametrize("body", [{"errors": [{"code": 500}]}, b"<html>", [], None])
def test_any_other_207_is_asked_again(body: Any) -> None:
    """Parts that are no page are not read."""
    with pytest.raises(TemporaryError, match="207"):
        check(answer(207, body))


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"[]", b"{}", b'{"objects": {}}', b'{"objects": null}', b'{"objects": [', b"7"]
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """A maintenance page, an error object or half a body is no page, also with status 200."""
    with pytest.raises(ValueError, match="body"):
        page_in(body)


@pytest.mark.parametrize("link", [None, "", "0", 0, {}])
def test_no_link_is_no_link(link: Any) -> None:
    """Null, empty and "0" all mean the last page; so does what is no text."""
    assert page_in(json.dumps({"meta": {"next": link}, "objects": []}).encode()).link is None


def test_a_page_without_meta_is_the_last() -> None:
    """Objects alone are a page."""
    assert page_in(b'{"objects": [1]}').objects == [1]
    assert page_in(b'{"objects": [], "meta": null}').link is None


def test_broken_characters_cost_themselves_and_not_the_page() -> None:
    """Bytes that are not UTF-8 and halves of surrogate pairs are replaced; the rest of the page is read."""
    page = page_in(b'{"objects": [{"value": "a\xff\\ud800b"}]}')
    assert page.objects == [{"value": "a\N{REPLACEMENT CHARACTER}?b"}]
