"""What `wellhead doctor --ask-vendor` asks the portal: its list of files, beside the session that the worker reads."""

import asyncio
import json

import pytest

from connectors.wss import simulator as wss
from connectors.wss.source import WssConfig, connector
from wellhead import PermanentError
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Driver
from wellhead.testing.server import serve


def driver(simulator, url, **options):
    config = WssConfig.model_validate({**simulator.options(url), **options})
    return Driver(connector, connector.streams[0], config, FakeClock(start_ms=simulator.clock.now_ms()))


def test_the_session_stands_as_it_stood():
    """The portal is asked for its list alone, once; tokens, downloads and the tenant's quiet are as before."""
    simulator = wss.create(wss.Settings())
    with serve(simulator) as url:
        before = json.dumps(simulator.state()["tenants"], sort_keys=True)
        assert asyncio.run(driver(simulator, url).probe()) == "its list of hourly files"
        assert json.dumps(simulator.state()["tenants"], sort_keys=True) == before
        assert [request.path for request in simulator.requests] == ["/reportpod/logs/list"]


def test_refused_credentials_are_told_with_their_options():
    """A wrong password is found without a poll, and not shown."""
    simulator = wss.create(wss.Settings())
    with serve(simulator) as url, pytest.raises(PermanentError, match="`username` and `password`") as told:
        asyncio.run(driver(simulator, url, password="wr0ng-one").probe())
    assert "wr0ng-one" not in str(told.value)
