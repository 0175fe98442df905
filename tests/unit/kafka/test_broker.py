"""Whether a broker answers is asked seldom, answered quickly, and explained."""

import pytest

from wellhead.errors import TemporaryError
from wellhead.kafka.broker import Broker
from wellhead.testing.clock import FakeClock


def test_a_broker_that_is_away_is_named_with_the_reason() -> None:
    """The text names the address and the connection's own reason."""
    broker = Broker({"bootstrap.servers": "127.0.0.1:1"}, clock=FakeClock(), timeout_secs=0.3)
    assert not broker.available()
    with pytest.raises(TemporaryError, match=r"kafka at 127\.0\.0\.1:1 does not answer.*Connection refused"):
        broker.check()
    broker.close()
