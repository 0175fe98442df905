"""Proves where a redirect leads, and where it never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.push.redirects import following, host_of

HERE = "https://push.example/events?x=1"


@pytest.mark.parametrize(
    ("url", "location", "leads"),
    [
        (HERE, "/other", "https://push.example/other"),
        (HERE, "other?y=2", "https://push.example/other?y=2"),
        (HERE, "https://push.example:443/a", "https://push.example:443/a"),
        ("http://push.example/events", "https://push.example/events", "https://push.example/events"),
        ("http://PUSH.example:8080/events", "http://push.example:8080/b", "http://push.example:8080/b"),
    ],
)
def test_the_same_host_is_followed_with_credentials(url, location, leads):
    """A redirect within the host and port, or from http up to https, is followed as it is."""
    found = following(url, 302, location)
    assert found is not None
    assert (found.url, found.is_same) == (leads, True)


@pytest.mark.parametrize(
    "location",
    [
        "https://other.example/events",
        "http://push.example/events",
        "https://push.example:8443/events",
        "https://user:password@push.example/events",
        "ftp://push.example/events",
        "https://push.example:99999/",
        "",
        None,
    ],
)
def test_elsewhere_is_not_followed(location):
    """Another host or port, a step down from TLS, and what is no address are not followed."""
    assert following(HERE, 302, location) is None


def test_a_host_that_is_allowed_gets_no_credentials():
    """Another host is followed where the options name it, without credentials, and never down from TLS."""
    hosts = ("other.example", "third.example:8443")
    found = following(HERE, 307, "https://other.example/events", hosts=hosts)
    assert found is not None
    assert not found.is_same
    assert following(HERE, 307, "https://third.example:8443/", hosts=hosts) is not None
    assert following(HERE, 307, "https://third.example/", hosts=hosts) is None
    assert following(HERE, 307, "https://other.example:8443/", hosts=hosts) is None
    assert following(HERE, 307, "http://other.example/", hosts=hosts) is None


def test_a_post_never_becomes_a_get():
    """A POST is followed only where it stays one, and only redirects are."""
    assert following(HERE, 302, "/other", method="POST") is None
    assert following(HERE, 308, "/other", method="POST") is not None
    assert following(HERE, 304, "/other") is None
    assert following(HERE, 200, "/other") is None


@given(st.text())
def test_any_location_is_survived(location):
    """Whatever a server writes there leads to the same host or nowhere."""
    found = following(HERE, 302, location)
    assert found is None or host_of(found.url) == "push.example"
