"""Everything the description allows, and much that it does not, is asked of the read API; nothing may end in a failure of the server."""

import schemathesis
from described import FEW, asked
from scripted_stores import FOUND, Rig, ScriptedStore

from wellhead.config.access import AccessSettings
from wellhead.consumers.attacks.api.app import create_api
from wellhead.rest.access import Access
from wellhead.testing.clock import FakeClock

RIG = Rig(FakeClock(auto=True), {"primary": ScriptedStore(FOUND), "second": ScriptedStore(FOUND)})
API = create_api(
    RIG.answering,
    Access.of(AccessSettings(rest_max_requests_per_sec=1e9), FakeClock()),
    lambda: {"status": "healthy", "message": ""},
    lambda: (b"", "text/plain"),
)
schema = schemathesis.openapi.from_asgi("/openapi.json", API, headers={"host": "127.0.0.1"})


@schema.parametrize()
@FEW
def test_nothing_that_can_be_asked_fails(case):
    """Each question answers whatever is sent as the description says, never with 5xx, for an attack that there is and for others."""
    responses = [asked(case)]
    if case.path_parameters:
        case.path_parameters = {"attack_id": FOUND["id"]}
        responses.append(asked(case))
    assert all(response.status_code < 500 for response in responses)
