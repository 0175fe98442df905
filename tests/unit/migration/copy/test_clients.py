"""Who is meant by what was written for --clients."""

import pytest

from wellhead.errors import ConfigError
from wellhead.migration.copy.clients import parse_clients


def test_all_leaves_nobody_out():
    """And needs no filter."""
    everyone = parse_clients("all")
    assert 7 in everyone
    assert "acme" in everyone
    assert None in everyone
    assert everyone.query("client_id") == []


def test_numbers_names_and_ranges():
    """A number is one however it is written; a range has both its ends."""
    some = parse_clients(" 12, 100-199,acme ")
    assert [client in some for client in (12, "12", 100, 199, "150", "acme")] == [True] * 6
    assert [client in some for client in (13, 99, 200, "zeta", None)] == [False] * 5
    assert some.query("c") == [
        {
            "bool": {
                "should": [{"terms": {"c": [12, "acme"]}}, {"range": {"c": {"gte": 100, "lte": 199}}}],
                "minimum_should_match": 1,
            }
        }
    ]


@pytest.mark.parametrize("text", ["", "12,,13", "9-3", "12,"])
def test_what_names_nobody_is_refused(text):
    """With how to write it."""
    with pytest.raises(ConfigError, match="names no client"):
        parse_clients(text)
