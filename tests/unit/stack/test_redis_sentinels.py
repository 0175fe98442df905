"""A Sentinel's configuration names the master, and every password in quotes."""

from pathlib import Path

from wellhead.stack.redis_sentinels import SentinelOptions, sentinel_conf


def test_two_of_three_must_agree():
    """The quorum is a majority, and a failover may take three times the silence that begins it."""
    found = sentinel_conf(20001, Path("/data"), 20002, SentinelOptions(name="attacks", down_after_ms=2000)).splitlines()

    assert "sentinel monitor attacks 127.0.0.1 20002 2" in found
    assert "sentinel down-after-milliseconds attacks 2000" in found
    assert "sentinel failover-timeout attacks 6000" in found
    assert not [line for line in found if "pass" in line]


def test_both_passwords_are_told_apart():
    """The master's password is the Sentinel's to give, its own is the clients' to give; neither shows in the options' text."""
    options = SentinelOptions(password="of master", sentinel_password="of sentinel")
    found = sentinel_conf(20001, Path("/data"), 20002, options).splitlines()

    assert 'sentinel auth-pass mymaster "of master"' in found
    assert 'requirepass "of sentinel"' in found
    assert "of " not in repr(options)
