import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from wellhead.telemetry.redaction import HIDDEN, Redactor

CANARY = "c4n4ry/ p+ss\"wörd'&x"
SECRETS = st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6 and "*" not in text)


@pytest.mark.parametrize(
    "spelling",
    [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        json.dumps(CANARY),
        repr(CANARY),
        f"got {CANARY}, twice {CANARY}",
    ],
)
def test_every_spelling_of_a_registered_secret(spelling):
    """A registered secret is hidden as it is, in URLs, in JSON and in a repr."""
    hidden = Redactor([CANARY]).text(f"before {spelling} after")
    assert "c4n4ry" not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")


@settings(deadline=None)
@given(SECRETS, st.text(), st.text())
def test_no_secret_survives_anywhere(secret, before, after):
    """Whatever stands around it, at any depth, as key, value or bytes, a registered secret is gone."""
    redactor = Redactor([secret])
    found = json.dumps(
        redactor.value({"a": [before + secret + after, {secret: (secret,)}], "b": secret.encode(), "c": {secret}}),
        ensure_ascii=False,
    )
    assert secret not in json.loads(json.dumps(found))


@settings(deadline=None)
@given(st.text(min_size=9), st.text(max_size=12))
def test_secret_inside_basic_auth(secret, user):
    """The base64 of user:secret is hidden although the secret's own base64 is not a part of it."""
    header = base64.b64encode(f"{user}:{secret}".encode()).decode()
    assert header not in Redactor([secret]).text(f"sent {header}")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Basic dXNlcjpjNG40cnk=", "Authorization: ***"),
        ("{'authorization': 'Bearer c4n4ry'}", "{'authorization': '***'}"),
        ("Set-Cookie: sid=c4n4ry; Path=/", "Set-Cookie: ***"),
        ("used Bearer eyJc4n4ry.x1.y2 there", "used Bearer *** there"),
        ("GET https://bob:c4n4ry@proxy.example.com:8080/x", "GET https://***@proxy.example.com:8080/x"),
        ("GET /v2/x?limit=5&api_key=c4n4ry&page=2", "GET /v2/x?limit=5&api_key=***&page=2"),
        ("GET /v2/x?key=c4n4ry", "GET /v2/x?key=***"),
        ("sasl.password=c4n4ry,ssl.ca=x", "sasl.password=***,ssl.ca=x"),
        ('{"access_token": "c4n4ry", "n": 1}', '{"access_token": \'***\', "n": 1}'),
        ("client_secret = 'c4n4ry with spaces'", "client_secret = ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nc4n4ry\n-----END RSA PRIVATE KEY-----", "***"),
        ("-----BEGIN PRIVATE KEY-----\nc4n4ry cut off", "***"),
    ],
)
def test_what_looks_like_a_secret(text, kept):
    """Headers, URLs, settings and keys are hidden without being registered, and what stands beside them stays readable."""
    assert Redactor().text(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "connectors.wss-acme.password: field required",
        "okta: 401 from acme.okta.com: token rejected. Set OKTA_TOKEN to one with logs.read",
        "Basic authentication failed",
        "https://api.example.com:8443/v2/intelligence/?limit=1000&update_id__gt=7",
        "3 tokens of 5",
    ],
)
def test_messages_stay_readable(text):
    """An error that only names a secret is not mutilated."""
    assert Redactor().text(text) == text


def test_keys_that_name_a_secret():
    """The value of a secret-looking key is hidden at any depth, whatever its type; None and flags stay."""
    seen = Redactor().fields(
        {
            "outer": [{"api-key": "a", "Password": 5, "sasl.password": ["x"], "auth_token": {"a": 1}}],
            "token": None,
            "has_secret": True,
        }
    )
    hidden = {"api-key": HIDDEN, "Password": HIDDEN, "sasl.password": HIDDEN, "auth_token": HIDDEN}
    assert seen == {"outer": [hidden], "token": None, "has_secret": True}


def test_secret_added_later():
    """A secret that a provider gives later is hidden from then on."""
    redactor = Redactor()
    assert redactor.text("c4n4ry") == "c4n4ry"
    redactor.add("c4n4ry")
    assert redactor.text("c4n4ry") == HIDDEN


def test_lines_of_a_key():
    """A secret of several lines is hidden line by line too, as a traceback indents it."""
    key = "-----HEAD-----\nAAAABBBBCCCCDDDD1\nEEEEFFFFGGGGHHHH2\n"
    assert Redactor([key]).text("  | AAAABBBBCCCCDDDD1\n  | EEEEFFFFGGGGHHHH2") == f"  | {HIDDEN}\n  | {HIDDEN}"


def test_short_secrets_do_not_eat_the_text():
    """A secret of one to three characters is left to keys and patterns."""
    redactor = Redactor(["a", "", "abc"])
    assert redactor.text("abc is a word") == "abc is a word"
    assert redactor.fields({"password": "abc"}) == {"password": HIDDEN}


def test_odd_values():
    """Objects without a text, bottomless nesting and pydantic secrets never break a line."""

    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    deep = []
    deep.append(deep)
    seen = Redactor().value({"mute": Mute(), "deep": deep, "secret_str": SecretStr("c4n4ry"), "plain": SecretStr("c4n4ry")})
    assert seen["mute"] == "<Mute>"
    assert "…" in json.dumps(seen["deep"], ensure_ascii=False)
    assert "c4n4ry" not in json.dumps(seen)


def test_long_lines_stay_cheap():
    """Patterns take time in proportion to the text, so a megabyte of one word cannot stall the log."""
    started = time.process_time()
    Redactor(["c4n4ry"]).text("a" * 300_000 + "://" * 1_000 + "token" * 10_000 + ":" * 10_000)
    assert time.process_time() - started < 5
