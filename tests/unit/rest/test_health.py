import asyncio
import logging

import httpx
import pytest

from wellhead.rest.health import create_app


def asked(
    path, health=lambda: {"status": "healthy", "message": "fine"}, metrics=lambda: (b"page", "text/plain; version=0.0.4")
):
    """Give the answer of an application with this health and these metrics to GET `path`."""

    async def ask():
        transport = httpx.ASGITransport(create_app(health, metrics))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize(("status", "code"), [("healthy", 200), ("starting", 503), ("unhealthy", 500), ("odd", 500)])
def test_codes_are_those_of_connect(status, code):
    """200 is healthy, 503 starting, and everything else 500."""
    answer = asked("/health", lambda: {"status": status, "message": "m"})
    assert (answer.status_code, answer.json()["message"]) == (code, "m")


def test_detail_is_passed_on():
    """What the runtime says of connectors and tasks stands beside status and message."""
    detail = {"wss-acme": {"tasks": [{"id": 0, "state": "DEGRADED", "message": "no poll for 20 min"}]}}
    answer = asked("/health", lambda: {"status": "unhealthy", "message": "1 task is not fresh", "connectors": detail})
    assert answer.json() == {"status": "unhealthy", "message": "1 task is not fresh", "connectors": detail}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("status", "code"), [("healthy", 200), ("starting", 503), ("unhealthy", 200)])
def test_ready_once_started(status, code):
    """A worker with a failed task is still ready; one that starts is not yet."""
    assert asked("/ready", lambda: {"status": status, "message": ""}).status_code == code


@pytest.mark.parametrize(("member", "code"), [(True, 200), (False, 503)])
def test_ready_as_a_member_of_its_group(member, code):
    """Whatever else is wrong with it: a worker that is no member can do nothing for the group."""
    assert asked("/ready", lambda: {"status": "unhealthy", "message": "m", "member": member}).status_code == code


def test_live_asks_nobody():
    """Liveness depends on the event loop alone, not on what the health is."""

    def broken():
        raise RuntimeError("c4n4ry")

    assert asked("/live", broken).json()["status"] == "alive"


def test_broken_health_is_unhealthy_and_says_nothing_foreign(caplog):
    """Health that cannot be told is 500 with the error's type; its text goes to the log only."""

    def broken():
        raise RuntimeError("c4n4ry")

    with caplog.at_level(logging.ERROR):
        answer = asked("/health", broken)
    assert answer.status_code == 500
    assert "RuntimeError" in answer.json()["message"]
    assert "c4n4ry" not in answer.text
    assert "health could not be told" in caplog.text


def test_metrics():
    """The page is passed on with its own content type."""
    answer = asked("/metrics")
    assert (answer.content, answer.headers["content-type"]) == (b"page", "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/connectors", "/health/x", "/metrics/../etc"])
def test_nothing_else(path):
    """Other paths do not exist."""
    assert asked(path).status_code == 404


def test_no_writes():
    """Nothing may be written: other methods are refused."""

    async def ask():
        transport = httpx.ASGITransport(create_app(dict, lambda: (b"", "")))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
            return [(await client.request(method, "/health")).status_code for method in ("POST", "PUT", "DELETE", "PATCH")]

    assert asyncio.run(ask()) == [405] * 4
