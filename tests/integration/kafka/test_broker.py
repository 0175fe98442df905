"""Proves that an absent broker is noticed, named, and seen when it comes back."""

import time

import pytest

from wellhead.errors import TemporaryError
from wellhead.kafka.broker import Broker
from wellhead.testing.clock import FakeClock


def test_notices_the_death_and_the_return_of_a_broker(lone_broker, lab_at) -> None:
    """Available, not available once it is killed, available again after its restart."""
    broker = Broker(lab_at(lone_broker.bootstrap_servers).admin_config, timeout_secs=2.0, fresh_secs=0.0)
    assert broker.available()
    assert broker.last_error is None
    lone_broker.kafka.kill()
    assert not broker.available()
    assert lone_broker.bootstrap_servers in (broker.last_error or "")
    with pytest.raises(TemporaryError, match="does not answer"):
        broker.check()
    lone_broker.kafka.restart()
    deadline = time.monotonic() + 20
    while not broker.available():
        assert time.monotonic() < deadline, broker.last_error
    broker.check()
    broker.close()
    assert broker.available()


def test_an_answer_holds_for_a_while(lone_broker, lab_at) -> None:
    """Within `fresh_secs` the former answer is given without a question, afterwards the broker is asked again."""
    clock = FakeClock()
    broker = Broker(lab_at(lone_broker.bootstrap_servers).admin_config, clock=clock, timeout_secs=1.0, fresh_secs=5.0)
    assert broker.available()
    lone_broker.kafka.kill()
    assert broker.available()
    clock.advance(6.0)
    assert not broker.available()
