"""Redaction keeps what helps and nothing that opens a door."""

import logging
import re
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wellhead.http.redact import Redactor, is_sensitive, silence_http_libraries


def test_a_url_keeps_its_place_and_the_names_of_its_parameters():
    """User info, query values and the fragment go; scheme, host, port, path and names stay."""
    url = "https://mole:s3same@vendor.example:8443/a/b?token=s3same&from=7&from=8#s3same"
    assert Redactor().url(url) == "https://vendor.example:8443/a/b?token=***&from=***&from=***"


def test_what_is_no_url_is_not_shown():
    """A malformed URL is replaced whole, as its secret may be anywhere."""
    assert Redactor().url("http://mole:s3/same@vendor:port/") == "(invalid URL)"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "X-APIUsername",
        "X-APIPassword",
        "X-Api-Key",
        "api-token",
        "X-WallarmApi-Secret",
        "X-Auth-User",
        "X-Amz-Signature",
        "Location",
        "X-Session-Id",
        "client-credential",
    ],
)
def test_headers_that_open_doors_are_masked(name):
    """Known and unknown credential headers are masked by name, whatever their case."""
    assert Redactor().headers({name: "s3same"}) == {name.lower(): "***"}
    assert is_sensitive(name.upper())


def test_plain_headers_stay_readable():
    """Headers without credentials are shown, except for a literal secret in them."""
    shown = Redactor(["s3same"]).headers([("Content-Type", "text/plain"), ("X-Echo", "you said s3same")])
    assert shown == {"content-type": "text/plain", "x-echo": "you said ***"}


@settings(deadline=None)
@given(
    secret=st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="*"), min_size=4, max_size=20),
    safe=st.text(string.punctuation.replace("%", "")),
)
@example(secret="000%", safe="")
def test_a_literal_secret_is_masked_however_a_url_spells_it(secret, safe):
    """As it is, or percent-encoded with any set of characters left alone, in either case, a literal secret never survives."""
    redactor = Redactor([secret])
    escaped = quote(secret, safe=safe)
    small_hex = re.sub("%..", lambda match: match[0].lower(), escaped)
    spellings = [secret, escaped, small_hex, quote_plus(secret)]
    assert [redactor.text(f"<{spelling}>") for spelling in spellings] == ["<***>"] * 4


def test_a_secret_too_short_to_be_one_is_left():
    """Masking every "a" would eat the message; such a value is no secret."""
    assert Redactor(["a", ""]).text("a banana") == "a banana"


def test_the_longest_of_nested_secrets_is_masked_whole():
    """A secret that contains another does not leave its rest."""
    assert Redactor(["s3same", "s3same-open"]).text("x s3same-open y") == "x *** y"


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "httpcore.proxy"])
def test_the_libraries_loggers_stay_closed_at_any_level(name, caplog):
    """Even set to debug afterwards, they pass warnings only."""
    silence_http_libraries()
    with caplog.at_level(logging.DEBUG, logger=name):
        logging.getLogger(name).info("GET https://u:s3same@vendor.example/")
        logging.getLogger(name).debug("headers")
        logging.getLogger(name).warning("kept")
    assert [record.message for record in caplog.records] == ["kept"]
    assert len([f for f in logging.getLogger(name).filters if f.__name__ == "_warnings_only"]) == 1
