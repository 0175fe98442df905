"""Tests of the words of one store."""

import pytest
from pydantic import ValidationError

from wellhead.config.store import StoreSettings


def test_a_store_needs_nothing_but_an_address():
    """One address or several; what else there is has a default that works."""
    assert StoreSettings(url="http://h:9200").url == ("http://h:9200",)
    assert StoreSettings(url="https://a:9200, https://b:9200/path").url == ("https://a:9200", "https://b:9200/path")


@pytest.mark.parametrize("url", ["", "h:9200", "ftp://h", "http://", "http://h?x=1", "http://user:pass@h"])
def test_what_is_no_address_is_refused(url):
    """A login in it would stand in every message."""
    with pytest.raises(ValidationError):
        StoreSettings(url=url)


def test_a_key_or_a_user_but_not_both():
    """Which one counted would be a guess."""
    assert StoreSettings(url="http://h", api_key="k").api_key is not None
    with pytest.raises(ValidationError, match="cannot stand together"):
        StoreSettings(url="http://h", api_key="k", username="u", password="p")
