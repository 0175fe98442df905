"""A call is checked before anything below us can fail with a secret in its message."""

import pytest

from wellhead import PermanentError
from wellhead.http.call import build_call
from wellhead.http.redact import Redactor


def test_params_are_merged_and_encoded():
    """Parameters join those of the URL; odd characters are encoded; the name holds none of them."""
    call = build_call("GET", "https://v.example/a?x=1", Redactor(), params={"q": "a b&c", "n": 3, "ok": True, "none": None})
    assert str(call.url) == "https://v.example/a?x=1&q=a+b%26c&n=3&ok=true&none="
    assert call.name == "GET v.example/a"


@pytest.mark.parametrize(("method", "given", "idempotent"), [("GET", None, True), ("POST", None, False), ("POST", True, True)])
def test_reading_methods_may_be_repeated(method, given, idempotent):
    """GET may be repeated, POST only when the caller says so."""
    assert build_call(method, "https://v.example", Redactor(), idempotent=given).idempotent is idempotent


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vendor.example/x",
        "ftp://vendor.example",
        "https://",
        "http://u:s3/same@v:x/",
        "http://[s3same",
        "https://v:99999999/",
    ],
)
def test_what_is_no_http_url_is_refused_without_showing_it(url):
    """An unusable URL raises PermanentError that says what a URL needs, not what was given."""
    with pytest.raises(PermanentError, match="needs http:// or https://") as caught:
        build_call("GET", url, Redactor())
    assert "s3" not in str(caught.value)


def test_nothing_secret_is_in_its_repr_or_name():
    """URL, headers and body stay out of the repr, and a literal secret in the path is masked in the name."""
    call = build_call(
        "GET", "https://v.example/hook/s3same?k=s3same", Redactor(["s3same"]), headers={"A": "s3same"}, content=b"s3same"
    )
    assert "s3same" not in repr(call)
    assert call.name == "GET v.example/hook/***"
