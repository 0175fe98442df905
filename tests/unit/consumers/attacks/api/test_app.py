import asyncio

import httpx
import pytest
from scripted_stores import FOUND, Rig, ScriptedStore

from wellhead.config.access import AccessSettings
from wellhead.consumers.attacks.api.app import create_api, description
from wellhead.errors import PermanentError, TemporaryError
from wellhead.rest.access import Access
from wellhead.rest.description import operations
from wellhead.testing.clock import FakeClock

AWAY = TemporaryError("store 'primary' at 127.0.0.1:1: cannot be reached", after_secs=7.2)
ID = FOUND["id"]


def asked(path, store=None, *, method="GET", health=None, **serve):
    """Give the answer of an API over a scripted store."""

    async def inside():
        clock = FakeClock(auto=True)
        async with Rig(clock, {"primary": store or ScriptedStore(FOUND), "second": ScriptedStore(FOUND)}, **serve) as rig:
            access = Access.of(AccessSettings(), clock)
            api = create_api(rig.answering, access, lambda: health or {"status": "healthy"}, lambda: (b"page", "text/plain"))
            transport = httpx.ASGITransport(api)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8086") as client:
                return await client.request(method, path)

    return asyncio.run(inside())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/attacks?clint=1", "clint: unknown parameter; known here: client, from, to,"),
        ("/v1/hits?state=open", "state: unknown parameter"),
        ("/v1/attacks?limit=0", "limit: must be greater than or equal to 1"),
        ("/v1/attacks?limit=1001", "limit: must be at most 1000 (serve.page.max)"),
        ("/v1/attacks?limit=x", "limit: must be a valid integer"),
        ("/v1/attacks?state=odd&client=x", "client: must be a valid integer\nstate: must be 'open', 'closed' or 'merged'"),
        ("/v1/attacks?from=2026-02-02&to=2026-02-01", "from must be before to"),
        ("/v1/attacks?sort=hits", "sort: must be 'last_time' or 'id'"),
        ("/v1/attacks?cursor=abc", "cursor: is not one of this question's"),
        (f"/v1/attacks/{ID}?client=x", "client: must be a valid integer"),
        (f"/v1/attacks/{ID}/hits?limit=-1", "limit: must be"),
        ("/v1/counts?by=colour", "by: must be 'client', 'day'"),
        ("/v1/counts?top=1001", "top: must be less than or equal to 1000"),
        (f"/v1/attacks/{'x' * 65}", "attack_id: must have at most 64 characters"),
    ],
)
def test_a_refusal_says_what_may_stand_there(path, told):
    """What cannot be asked is 400 and names the parameter and what it may be; the store is not asked."""
    store = ScriptedStore(FOUND)
    answer = asked(path, store)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)
    assert told in answer.json()["message"]
    assert store.asked == []


@pytest.mark.parametrize("path", ["/v1/attacks/no-such", f"/v1/attacks/{ID}/hits", "/v1/nothing", "/v2/attacks", "/"])
def test_what_is_not_there_is_not_found(path):
    """An attack that is not there, and a path that is none, are 404 with a message."""
    answer = asked(path, ScriptedStore())
    assert (answer.status_code, answer.json()["error_code"]) == (404, 404)


def test_a_store_that_is_away_says_when_to_try_again():
    """A store that is away is 503 with `Retry-After`; one that refuses us is 502."""
    answer = asked("/v1/attacks", ScriptedStore(error=AWAY))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "8")
    assert "cannot be reached" in answer.json()["message"]
    assert asked("/v1/attacks", ScriptedStore(error=PermanentError("401"))).status_code == 502


def test_an_unforeseen_failure_says_nothing_foreign():
    """What nobody foresaw is 500 by its kind alone; its text stays in the log."""
    answer = asked("/v1/attacks", ScriptedStore(error=RuntimeError("c4n4ry")))
    assert answer.status_code == 500
    assert "c4n4ry" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(method):
    """There is no method but reading."""
    answer = asked("/v1/attacks", method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_an_answer_names_its_store():
    """Every answer says which store it is from, and is taken for nothing but JSON."""
    answer = asked("/v1/attacks")
    assert answer.headers["x-wellhead-store"] == "primary"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert asked("/v1/attacks", **{"shift.percent": 100}).headers["x-wellhead-store"] == "second"


def test_a_page_is_as_long_as_wished():
    """Without a limit a page has 100 entries, or what `page.max` allows; its request asks for one more, to know whether there is more."""
    for path, serve, expected in (
        ("/v1/hits", {}, 101),
        ("/v1/hits", {"page.max": 20}, 21),
        ("/v1/hits?limit=7", {}, 8),
    ):
        store = ScriptedStore(FOUND)
        asked(path, store, **serve)
        assert store.asked[0][1]["size"] == expected


def test_probes():
    """/health answers by status, /ready once started, /live always, /metrics the page."""
    assert asked("/health", health={"status": "unhealthy", "message": "m"}).status_code == 500
    assert asked("/ready", health={"status": "starting"}).status_code == 503
    assert asked("/ready", health={"status": "unhealthy"}).status_code == 200
    assert asked("/live").status_code == 200
    assert asked("/metrics").text == "page"


def test_everything_is_described():
    """Each operation and parameter of the published description has words, each question an example and its refusals."""
    made = description()
    assert {path for _, path, _ in operations(made)} >= {"/v1/attacks", "/v1/attacks/{attack_id}", "/v1/attacks/{attack_id}/hits", "/v1/hits", "/v1/counts"}  # fmt: skip
    for _, path, operation in operations(made):
        assert operation["summary"], path
        assert operation["description"], path
        assert all(each["description"] for each in operation.get("parameters", ()))
        if path.startswith("/v1"):
            assert {"200", "400", "401", "403", "429", "502", "503"} <= operation["responses"].keys()
    for name in ("Attack", "Hit", "AttacksPage", "HitsPage"):
        assert made["components"]["schemas"][name]["examples"]
