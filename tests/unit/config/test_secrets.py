"""Tests of what may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from wellhead.config.secrets import MASK, Hidden, literals, looks_secret, masked, redactable, scrub


@pytest.mark.parametrize(
    "name",
    [
        "password", "sasl.password", "ssl.key.password", "ssl.keystore.password", "basic.auth.user.info", "token", "access_token",
        "client_secret", "api_key", "apiKey", "API-KEY", "key", "passphrase", "credentials", "Authorization", "ssl.key.pem",
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config", "tokens", "cookie",
    ],
)  # fmt: skip
def test_secret_names(name):
    """An option named like a secret is one, in any spelling."""
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "ssl.key.location",
        "ssl.ca.location",
        "username",
        "sasl.username",
        "bootstrap.servers",
        "key_columns",
        "token_url",
        "monkey",
        "",
        "url",
    ],
)
def test_innocent_names(name):
    """A path to a key, or a word that only ends alike, is shown."""
    assert not looks_secret(name)


def test_masked_goes_into_every_shape():
    """Secrets are masked by name, by type, by provider and inside addresses, at any depth."""
    shown = masked(
        "",
        {
            "user": "u",
            "password": "p4ssword",
            "typed": SecretStr("t1ped"),
            "given": Hidden("g1ven", "${env:G}"),
            "plain_hidden": Hidden("h1dden"),
            "url": "http://user:p4ss@host/",
            "deep": [{"api_key": "k3y"}, ("x", Hidden("y", "${env:Y}"))],
            "none": None,
            "on": True,
        },
    )
    assert shown == {
        "user": "u",
        "password": MASK,
        "typed": MASK,
        "given": "${env:G}",
        "plain_hidden": MASK,
        "url": f"http://{MASK}@host/",
        "deep": [{"api_key": MASK}, ["x", "${env:Y}"]],
        "none": None,
        "on": True,
    }


def test_literals_finds_every_secret():
    """What is masked can also be redacted elsewhere."""
    value = {
        "password": "p4ssword",
        "a": [SecretStr("t1ped")],
        "b": Hidden("g1ven"),
        "url": "amqp://u:p4ss@h/",
        "secrets": ["s-one", "s-two"],
        "plain": "x",
    }
    assert set(literals("", value)) == {"p4ssword", "t1ped", "g1ven", "p4ss", "s-one", "s-two"}


def test_short_literals_are_not_redacted():
    """A two-letter secret would blank out half of every log line."""
    assert redactable(["ab", "abcd", "abcdef", "abcd", "   "]) == ["abcdef", "abcd"]


@given(st.text(), st.lists(st.text("abcd", min_size=4), max_size=3))
def test_scrub_leaves_no_secret(text, secrets):
    """After scrubbing, no secret is left in the text, whatever contains whatever."""
    whole = text + "".join(secrets) + text
    assert not any(secret in scrub(whole, secrets) for secret in secrets)


def test_hidden_is_usable_but_not_shown():
    """The value works as text, its repr does not tell it."""
    hidden = Hidden("value")
    assert hidden == "value"
    assert "value" not in repr([hidden])
