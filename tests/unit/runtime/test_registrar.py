"""Proves that tasks which start together share one connection to the registry, and that none is kept."""

import pytest

from wellhead.errors import PermanentError
from wellhead.runtime.registrar import Registrar


class Connection:
    def __init__(self, log):
        self.log = log
        log.append("open")

    def close(self):
        self.log.append("close")


def test_whoever_comes_meanwhile_shares_the_connection():
    """Two users at once have one connection, closed when the last has gone; whoever comes then gets another."""
    log = []
    registrar = Registrar({}, lambda _settings: Connection(log))
    with registrar.registry() as first:
        with registrar.registry() as second:
            assert first is second
        assert log == ["open"]
    assert log == ["open", "close"]
    with registrar.registry() as third:
        assert third is not first
    assert log == ["open", "close"] * 2


def test_a_user_that_fails_leaves_nothing_open():
    """An error inside the block passes through, and the connection is closed."""
    log = []
    registrar = Registrar({}, lambda _settings: Connection(log))
    with pytest.raises(KeyError), registrar.registry():
        raise KeyError("x")
    assert log == ["open", "close"]


def test_settings_that_cannot_be_used_are_told_each_time():
    """A registry that cannot be made is an error for each who asks, and spoils nothing for the next."""
    log = []

    def connect(_settings):
        log.append("tried")
        if len(log) < 2:
            raise PermanentError("schema.registry.url is not set")
        return Connection(log)

    registrar = Registrar({}, connect)
    with pytest.raises(PermanentError), registrar.registry():
        pass
    with registrar.registry():
        assert log == ["tried", "tried", "open"]
    assert log[-1] == "close"
