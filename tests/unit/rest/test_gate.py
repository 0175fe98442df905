import asyncio
import base64
import hashlib
import logging

import bcrypt
import httpx
import pytest
from memory_cluster import MemoryCluster
from starlette.responses import PlainTextResponse

from wellhead.config import WorkerSettings
from wellhead.config.access import AccessSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.rest.access import Access
from wellhead.rest.app import ROUTERS, create_api
from wellhead.rest.gate import PROBES, Gate
from wellhead.testing.clock import FakeClock

LOOPBACK = "http://127.0.0.1:8083"


def asked(method, path, *, settings=None, cluster=None, base_url=LOOPBACK, clock=None, **more):
    """Give the answer of an API with these settings."""
    access = Access.of(settings or AccessSettings(), clock or FakeClock())
    api = create_api(cluster or MemoryCluster(), access, lambda: (b"page", "text/plain"))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=base_url) as client:
            return await client.request(method, path, **more)

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def hashed():
    return bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()


@pytest.fixture
def three_roles(tmp_path, hashed):
    path = tmp_path / "users"
    path.write_text(f"reader:{hashed}:read-only\noperator:{hashed}:operator\nadmin:{hashed}:admin\n")
    return AccessSettings(rest_auth_basic_file=path)


WRITES = [
    (method, route.path) for router in ROUTERS for route in router.routes for method in sorted(route.methods) if method != "GET"
]
FOR_OPERATORS = {"pause", "resume", "stop", "restart", "validate"}


def test_every_write_needs_its_role(three_roles):
    """Readers may change nothing; operators may only run and try; admins get past the gate everywhere."""
    api = create_api(MemoryCluster(), Access.of(three_roles, FakeClock()), lambda: (b"", ""))

    async def ask():
        said = {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=LOOPBACK) as client:
            for method, path in WRITES:
                where = path.format(name="c", task=0, plugin="wss", logger="root", backfill="b")
                params = {"version": 1} if path.endswith("rollback") else {}
                for user in ("reader", "operator", "admin"):
                    answer = await client.request(method, where, params=params, auth=(user, "pw"))
                    said[method, path, user] = answer.status_code
        return said

    said = asyncio.run(ask())
    assert len(WRITES) >= 15
    for method, path in WRITES:
        is_operators = path.rpartition("/")[2] in FOR_OPERATORS
        assert said[method, path, "reader"] == 403, path
        assert (said[method, path, "operator"] == 403) is not is_operators, path
        assert said[method, path, "admin"] not in {401, 403}, path


def test_operators_may_try_out_what_only_admins_may_do(three_roles):
    """A dry run of cursors is an operator's; the deed is not."""
    dry = asked("DELETE", "/connectors/c/offsets?dryRun=true", settings=three_roles, auth=("operator", "pw"))
    assert dry.status_code == 404
    assert asked("DELETE", "/connectors/c/offsets", settings=three_roles, auth=("operator", "pw")).status_code == 403


@pytest.mark.parametrize("path", ["/", "/connectors", "/connectors/c", "/openapi.json", "/docs", "/admin/loggers", "/nope"])
def test_without_a_name_nothing_is_told(three_roles, path):
    """Whoever does not say who they are gets 401 in Connect's shape, and how to say it, even where there is nothing."""
    answer = asked("GET", path, settings=three_roles)
    assert answer.json() == {"error_code": 401, "message": "User cannot access the resource."}
    assert answer.headers["www-authenticate"] == 'Basic realm="wellhead"'


@pytest.mark.parametrize("path", sorted(PROBES))
def test_probes_are_open(three_roles, path):
    """Probes and scrapers are let in without a name, under any host, and are not counted."""
    few = three_roles.model_copy(update={"rest_max_requests_per_sec": 0.001})
    assert asked("GET", path, settings=few, base_url="http://10.1.2.3:8083").status_code == 200


def test_a_body_is_bounded_by_what_is_said_and_by_what_comes():
    """Too long a body is 413, whether its length is told or it comes in pieces; a shorter one is read."""

    async def pieces():
        for _ in range(64):
            yield b" " * 1024

    settings = AccessSettings(rest_max_body_bytes=32 * 1024)
    said = asked("POST", "/connectors", settings=settings, json={"config": {"a": "x" * 40_000}})
    assert said.status_code == 413
    assert said.json()["message"] == "the body is longer than 32768 bytes (rest.max.body.bytes)"
    headers = {"content-type": "application/json"}
    assert asked("POST", "/connectors", settings=settings, content=pieces(), headers=headers).status_code == 413
    assert asked("POST", "/connectors", settings=settings, json={"config": {"a": "x" * 30_000}}).status_code == 400


def test_too_many_requests():
    """Beyond the rate an address gets 429 and when to come again; after a while it is answered once more."""
    clock = FakeClock()
    api = create_api(MemoryCluster(), Access.of(AccessSettings(rest_max_requests_per_sec=2), clock), lambda: (b"", ""))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=LOOPBACK) as client:
            first = [await client.get("/connectors") for _ in range(3)]
            clock.advance(1)
            return [*first, await client.get("/connectors")]

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert answers[2].json()["error_code"] == 429
    assert answers[2].headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8083", 200), ("[::1]:8083", 200), ("localhost", 200), ("evil.example", 403), ("wellhead.internal:8083", 403)],
)
def test_a_stranger_may_not_point_his_name_here(host, status):
    """Without passwords, a request under another name than this machine's is refused: it may come from a stranger's page."""
    assert asked("GET", "/connectors", headers={"host": host}).status_code == status


def test_its_advertised_name_is_its_own():
    """The name a worker is known by is believed."""
    words = {"kafka": {"bootstrap.servers": "b:1"}, "schema.registry": {"url": "http://r:1"}}
    settings = WorkerSettings(**words, rest_advertised_host_name="wellhead.internal")
    assert asked("GET", "/connectors", settings=settings, headers={"host": "wellhead.internal:8083"}).status_code == 200


def test_pages_of_other_sites_change_nothing():
    """A browser that is made to send a write by another site's page is refused; same-site pages, tools and reads are not."""
    cross = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert asked("POST", "/connectors/c/restart", headers=cross).status_code == 403
    assert asked("GET", "/connectors", headers=cross).status_code == 200
    assert asked("POST", "/connectors/c/restart", headers={"sec-fetch-site": "same-origin"}).status_code == 404
    assert asked("POST", "/connectors/c/restart").status_code == 404
    old = {"origin": "https://evil.example", "host": "127.0.0.1:8083"}
    assert asked("POST", "/connectors/c/restart", headers=old).status_code == 403, (
        "a browser that says only where the page is from"
    )
    own = {"origin": "http://127.0.0.1:8083", "host": "127.0.0.1:8083"}
    assert asked("POST", "/connectors/c/restart", headers=own).status_code == 404


def test_pages_that_are_let_in():
    """By default no page of another origin may read an answer; access.control.allow.origin lets those it names in."""
    page = {"origin": "https://ui.example"}
    assert "access-control-allow-origin" not in asked("GET", "/connectors", headers=page).headers
    settings = AccessSettings(access_control_allow_origin="https://ui.example", access_control_allow_methods="GET,PUT")
    assert asked("GET", "/connectors", settings=settings, headers=page).headers["access-control-allow-origin"] == page["origin"]
    other = asked("GET", "/connectors", settings=settings, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    preflight = {**page, "access-control-request-method": "PUT"}
    assert asked("OPTIONS", "/connectors/c/pause", settings=settings, headers=preflight).status_code == 200
    cross = {"sec-fetch-site": "cross-site", **page}
    assert asked("PUT", "/connectors/c/pause", settings=settings, headers=cross).status_code == 404


def test_paths_and_methods_as_connects_server_has_them():
    """A slash at the end means nothing, HEAD is GET without a body, OPTIONS says what there is."""
    assert asked("GET", "/connectors/").json() == []
    head = asked("HEAD", "/connectors")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "2")
    options = asked("OPTIONS", "/connectors/c/offsets")
    assert (options.status_code, options.headers["allow"]) == (200, "DELETE, GET, HEAD, OPTIONS, PATCH")
    assert asked("PUT", "/docs").headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (TemporaryError("Kafka is away"), 503, "Kafka is away"),
        (PermanentError("the topic is gone"), 500, "the topic is gone"),
        (ValueError("s3cret"), 500, "the request failed unexpectedly (ValueError); the worker's log says more"),
    ],
)
def test_errors_of_the_cluster(error, status, message, caplog):
    """What passes is 503 with a time to come again, what does not 500; an unforeseen error shows its kind alone."""
    cluster = MemoryCluster()

    def fail():
        raise error

    cluster.names = fail
    with caplog.at_level(logging.CRITICAL):
        answer = asked("GET", "/connectors", cluster=cluster)
    assert (answer.status_code, answer.json()) == (status, {"error_code": status, "message": message})
    assert ("retry-after" in answer.headers) is (status == 503)


def test_a_request_takes_no_longer_than_connects():
    """An answer that does not come in time is 500 in Connect's shape, and what asked is let go."""

    async def never(scope, receive, send):
        await asyncio.Event().wait()

    async def ask():
        gate = Gate(never, Access.of(AccessSettings()), request_secs=0.01)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=LOOPBACK) as client:
            return await client.get("/connectors")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.json()["message"].startswith("Request timed out after 0.01 s")


def test_who_asks_is_noted_with_every_write(three_roles):
    """The cluster is told who asks, in which role and from where, for the audit."""
    cluster = MemoryCluster()
    words = {"connector.class": "wss", "username": "u", "password": "p"}
    asked("PUT", "/connectors/c/config", settings=three_roles, cluster=cluster, auth=("admin", "pw"), json=words)
    ((what, name, by),) = cluster.calls
    assert (what, name, by.name, by.role.word, by.address) == ("create", "c", "admin", "admin", "127.0.0.1")


def test_other_protocols_pass():
    """What is no HTTP request, such as the server's lifespan, is none of the gate's business."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Gate(app, Access.of(AccessSettings()))({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_an_answer_that_has_begun_is_not_begun_again():
    """An error after the first byte ends the answer instead of mixing another one in."""

    async def app(scope, receive, send):
        await PlainTextResponse("begun")(scope, receive, send)
        raise TemporaryError("too late")

    async def ask():
        gate = Gate(app, Access.of(AccessSettings()))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=LOOPBACK) as client:
            return await client.get("/connectors")

    assert asyncio.run(ask()).text == "begun"


def test_tokens_and_passwords_stand_in_no_answer(tmp_path, hashed):
    """No refusal repeats what was sent to prove who asks."""
    (tmp_path / "tokens").write_text(f"ci:{hashlib.sha256(b'tok').hexdigest()}:admin\n")
    settings = AccessSettings(rest_auth_token_file=tmp_path / "tokens")
    sent = base64.b64encode(b"alice:hunter2").decode()
    for said in (f"Basic {sent}", "Bearer hunter2", "hunter2"):
        answer = asked("GET", "/connectors", settings=settings, headers={"authorization": said})
        assert answer.status_code == 401
        assert "hunter2" not in answer.text + str(answer.headers)
        assert sent not in answer.text + str(answer.headers)
