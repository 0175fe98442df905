"""Everything the description allows, and much that it does not, is asked; nothing may end in a failure of the server."""

import asyncio

import schemathesis
from described import FEW, asked
from memory_cluster import MemoryCluster

from wellhead.config.access import AccessSettings
from wellhead.rest.access import Access
from wellhead.rest.app import create_api
from wellhead.rest.contract import Caller, Role
from wellhead.testing.clock import FakeClock

WORDS = {"connector.class": "wss", "username": "u", "password": "p"}

KNOWN = {"name": "c", "plugin": "wss", "logger": "root", "task": 0, "backfill": "b"}
BY = Caller("test", Role.ADMIN, "127.0.0.1")

CLUSTER = MemoryCluster(lambda _loaded: {"token": "t", "start_ms": 0})
API = create_api(CLUSTER, Access.of(AccessSettings(rest_max_requests_per_sec=1e9), FakeClock()), lambda: (b"", "text/plain"))
schema = schemathesis.openapi.from_asgi("/openapi.json", API, headers={"host": "127.0.0.1"})


@schema.parametrize()
@FEW
def test_nothing_that_can_be_asked_fails(case):
    """Each operation answers whatever is sent as the description says, never with 5xx, for names that there are and for others."""
    responses = [asked(case)]
    if case.path_parameters:
        if "c" not in CLUSTER.names():
            asyncio.run(CLUSTER.create("c", WORDS, by=BY))
        case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
        responses.append(asked(case))
    assert all(response.status_code < 500 for response in responses)
