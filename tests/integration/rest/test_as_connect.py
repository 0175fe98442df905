"""Proves on real workers and a real broker what the unit tests prove in memory: clients of Connect find what they know."""

import asyncio

import connect_client
import httpx
import pytest
from connect_golden import replay
from grouped import Group, grouped

from wellhead.stack import Stack

PATIENCE_SECS = 60.0


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path):
    with grouped(stack, unique, tmp_path) as made:
        yield made


def test_every_recorded_exchange_against_a_real_worker(group: Group):
    """91 exchanges of a real Connect, one after the other, are answered by a worker as by Connect, or as the table says."""
    member = group.join()
    options = group.base.simulator.options(group.base.url)
    fill = {
        "vendor": options["url"],
        "username": options["username"],
        "password": options["password"],
        "wrong_password": "open-barley",
        "prefix": group.base.prefix,
    }

    async def ask():
        async with httpx.AsyncClient(base_url=member.api.base_url, timeout=90, trust_env=False) as client:
            return await replay(client, fill, patience_secs=PATIENCE_SECS)

    wrong = asyncio.run(ask())
    assert not wrong, "\n".join(wrong)


def test_a_third_partys_client_manages_a_real_worker(group: Group):
    """Whatever a Connect client of another author can do with a connector works against a worker, unmodified."""
    member = group.join()
    said = connect_client.manage(str(member.api.base_url).rstrip("/"), "acme", group.config())
    assert (said["validated"], said["made"], said["left"]) == (0, "acme", [])
    assert said["running"]["connector"]["worker_id"] == member.worker_id
    assert said["stopped"]["tasks"] == []
    assert said["topics"] == {"acme": {"topics": [f"{group.base.prefix}wss.access_log"]}}
