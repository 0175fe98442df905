import asyncio

import bcrypt
import connect_client
from memory_cluster import MemoryCluster

from wellhead.config.access import AccessSettings
from wellhead.rest.access import Access
from wellhead.rest.app import create_api
from wellhead.rest.serving import serve

WORDS = {"connector.class": "wss", "username": "u", "password": "open-sesame", "topic.prefix": "acme."}


def managed(settings, auth=None):
    """Give what a third party's client says of a served API with these settings."""

    async def run():
        api = create_api(MemoryCluster(), Access.of(settings), lambda: (b"", "text/plain"))
        async with await serve(api, "http://127.0.0.1:0") as serving:
            return await asyncio.to_thread(connect_client.manage, serving.urls[0], "acme", WORDS, auth)

    return asyncio.run(run())


def test_a_third_partys_client_manages_a_connector():
    """Whatever a Connect client of another author can do with a connector works over real sockets, unmodified."""
    said = managed(AccessSettings())
    assert (said["validated"], said["made"], said["listed"], said["of state"], said["left"]) == (
        0,
        "acme",
        ["acme"],
        ["acme"],
        [],
    )
    assert said["running"]["tasks"][0]["state"] == "RUNNING"
    assert said["config"] == {**WORDS, "name": "acme", "tasks.max": "1", "password": "******"}
    assert said["restarted"]["connector"]["state"] == "RESTARTING"
    assert (said["stopped"]["connector"]["state"], said["stopped"]["tasks"]) == ("STOPPED", [])
    assert said["topics"] == {"acme": {"topics": ["acme.wss.access_log"]}}
    assert {each["type"] for each in said["plugins"]} == {"source"}


def test_it_may_have_to_say_who_it_is(tmp_path):
    """The same with a user name and a password, as the client sends them."""
    users = tmp_path / "users"
    users.write_text(f"ops:{bcrypt.hashpw(b'pw', bcrypt.gensalt(4)).decode()}:admin\n")
    assert managed(AccessSettings(rest_auth_basic_file=users), "ops:pw")["left"] == []
