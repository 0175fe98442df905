"""Tests of the process around lookups: health, stopping, and trouble that is told."""

import asyncio
import json
import urllib.request

import pytest

from wellhead.config.load import load
from wellhead.consumers.lookup.service import LookupService
from wellhead.errors import ConfigError

TEXT = """\
worker:
  kafka: {{bootstrap.servers: "127.0.0.1:1", socket.connection.setup.timeout.ms: "1000"}}
  schema.registry.url: http://127.0.0.1:1
  listeners: http://127.0.0.1:0
lookups:
  ti:
    topic: threatstream.indicator
    files: threatstream/ip
    state.dir: {folder}/state
    output.dir: {folder}/out
    directory.path: {folder}/there
"""


@pytest.fixture
def deployment(tmp_path):
    path = tmp_path / "a.yaml"

    def deployment(change=("", "")):
        path.write_text(TEXT.format(folder=tmp_path).replace(*change))
        return load([path], environ={})

    return deployment


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_health_starts_and_then_says_what_is_wrong(deployment):
    """503 before the first run has ended; 500 with the alert and the problem while the broker is away; nothing was written."""

    async def scenario():
        async with LookupService(deployment()) as service:
            (url,) = service.urls
            starting = await asyncio.to_thread(ask, f"{url}/health")
            running = asyncio.create_task(service.run(once=True))
            good = await running
            return starting, good, await asyncio.to_thread(ask, f"{url}/health"), service.abandoned

    (code, _), good, (later, state), abandoned = asyncio.run(scenario())
    assert (code, good, later, abandoned) == (503, False, 500, False)
    assert state["lookups"]["ti"]["alerts"] == ["run_failed"]
    assert "could not be read to its end" in state["lookups"]["ti"]["problems"][0]


def test_a_mapping_that_cannot_be_used_is_told_at_once(deployment):
    """No half of a service starts."""
    with pytest.raises(ConfigError, match=r"lookups\.ti\.files: threatstream/urls: there is no such mapping"):
        LookupService(deployment(("threatstream/ip", "threatstream/urls")))
