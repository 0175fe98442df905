"""Proves that a destination that fails in a row is left alone, and that a single try finds out for all."""

import pytest

from wellhead.errors import TemporaryError
from wellhead.http.breaker import Breaker
from wellhead.testing.clock import FakeClock


def tripped(clock):
    breaker = Breaker("push.example:443", 2, 30, clock)
    for _ in range(2):
        assert breaker.ask("GET /feed") is False
        breaker.failed()
    return breaker


def test_only_one_tries_at_a_time():
    """Once the time is over one may try, and none beside it until it is known how that went."""
    clock = FakeClock()
    breaker = tripped(clock)
    with pytest.raises(TemporaryError, match="left alone for 30 s") as caught:
        breaker.ask("GET /feed")
    assert (caught.value.after_secs, breaker.state) == (30, "open")
    clock.advance(30)
    assert breaker.ask("GET /feed") is True
    for _ in range(3):
        with pytest.raises(TemporaryError):
            breaker.ask("GET /feed")
    assert breaker.state == "half_open"
    breaker.gave_up()
    assert breaker.ask("GET /feed") is True


def test_how_the_try_goes_decides():
    """A try that fails leaves the destination alone for as long again; one that works opens it to all, and the count begins anew."""
    clock = FakeClock()
    breaker = tripped(clock)
    clock.advance(30)
    assert breaker.ask("GET /feed") is True
    breaker.failed()
    assert breaker.state == "open"
    clock.advance(30)
    assert breaker.ask("GET /feed") is True
    breaker.worked()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker.ask("GET /feed") is False
