"""Tests of what a Redis URL says."""

import pytest

from wellhead.config.attacks import RedisPlace, RedisSettings


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://h", RedisPlace("alone", (("h", 6379),))),
        ("rediss://h:7000/2", RedisPlace("alone", (("h", 7000),), 2, tls=True)),
        ("redis://[::1]:7000", RedisPlace("alone", (("::1", 7000),))),
        ("redis+sentinel://a,b:27000/mymaster/1", RedisPlace("sentinel", (("a", 26379), ("b", 27000)), 1, "mymaster")),
        ("rediss+sentinel://a/m", RedisPlace("sentinel", (("a", 26379),), 0, "m", tls=True)),
        ("redis+cluster://a:7000,b", RedisPlace("cluster", (("a", 7000), ("b", 6379)))),
        ("rediss+cluster://a/0", RedisPlace("cluster", (("a", 6379),), tls=True)),
    ],
)
def test_a_url_names_servers_a_database_and_a_master(url, place):
    """Ports are the usual ones unless given; TLS is said by the scheme."""
    assert RedisSettings(url=url).place() == place
