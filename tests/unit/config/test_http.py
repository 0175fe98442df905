"""Tests of `http.*`."""

import pytest
from pydantic import ValidationError

from wellhead.config import HttpSettings


def test_defaults_are_bounded():
    """No call waits for ever unless an operator says so."""
    made = HttpSettings()
    assert (made.connect_timeout_secs, made.read_timeout_secs, made.total_timeout_secs, made.download_timeout_secs) == (
        10,
        60,
        600,
        7200,
    )
    assert (made.max_connections_per_host, made.retry_max_attempts, made.retry_in_place_max_secs) == (4, 4, 10)


@pytest.mark.parametrize("proxy", ["proxy:3128", "ftp://proxy", "http://", ""])
def test_a_proxy_must_be_an_address(proxy):
    """A proxy that cannot be one is refused at the start."""
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"proxy.url": proxy})


def test_a_proxys_password_is_a_secret():
    """The address works, is never shown, and its password is redacted elsewhere even alone."""
    made = HttpSettings.model_validate({"proxy.url": "http://user:pr0xy-pass@proxy:3128"})
    assert made.proxy_url is not None
    assert made.proxy_url.get_secret_value() == "http://user:pr0xy-pass@proxy:3128"
    assert "pr0xy-pass" not in repr(made) + str(made) + made.model_dump_json()
    assert "pr0xy-pass" in made.secrets()


@pytest.mark.parametrize(
    "word",
    [
        "connect.timeout.secs",
        "read.timeout.secs",
        "total.timeout.secs",
        "download.timeout.secs",
        "max.connections.per.host",
        "retry.max.attempts",
    ],
)
def test_limits_are_positive(word):
    """Zero would mean never."""
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({word: 0})


@pytest.mark.parametrize(
    ("words", "missing"),
    [({"budget.group": "key"}, "http.budget.group"), ({"budget.group.calls": 600}, "http.budget.group.calls")],
)
def test_a_group_and_its_calls_come_together(words, missing):
    """A budget without a limit, or a limit of nobody, is a mistake and is refused at the start."""
    with pytest.raises(ValidationError, match=f"required with {missing}"):
        HttpSettings.model_validate(words)


def test_a_group_is_live_and_counts_by_the_minute():
    """The defaults are those of most vendors."""
    made = HttpSettings.model_validate({"budget.group": "key", "budget.group.calls": 600})
    assert (made.budget_class, made.budget_group_window_secs) == ("live", 60)
