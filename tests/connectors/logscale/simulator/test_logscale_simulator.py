"""The simulated cluster, asked by a plain HTTP client."""

from __future__ import annotations

import httpx
import pytest

from connectors.logscale.simulator import Settings, create
from wellhead.testing.server import serve

FILES = "/api/v1/repositories/threat-intel/files"


@pytest.fixture
def client():
    simulator = create(Settings(max_file_bytes=100))
    token = {"Authorization": f"Bearer {simulator.settings.token}"}
    with serve(simulator) as url, httpx.Client(base_url=url, headers=token, trust_env=False) as made:
        yield made


def upload(client, content: bytes = b"a,b\n1,2\n", name: str = "x.csv", part: str = "file"):
    return client.post(FILES, files={part: (name, content)}).status_code


def test_a_file_can_be_put_fetched_and_deleted(client):
    """And is gone then."""
    assert upload(client) == 200
    assert client.get(f"{FILES}/x.csv").content == b"a,b\n1,2\n"
    assert [client.delete(f"{FILES}/x.csv").status_code for _ in range(2)] == [204, 404]
    assert client.get(f"{FILES}/x.csv").status_code == 404


def test_head_is_not_allowed(client):
    """As the real one answers."""
    upload(client)
    assert client.head(f"{FILES}/x.csv").status_code == 405


@pytest.mark.parametrize(
    ("content", "name", "part", "status"),
    [
        (b"\xef\xbb\xbfa\n1\n", "x.csv", "file", 400),
        (b"a,b\n1\n", "x.csv", "file", 400),
        (b"a\n\xff\n", "x.csv", "file", 400),
        (b"", "x.csv", "file", 400),
        (b"a\n1\n", "x.exe", "file", 400),
        (b"a\n1\n", "x.csv", "upload", 400),
        (b"a\n" + b"1\n" * 60, "x.csv", "file", 413),
    ],
)
def test_what_cannot_be_looked_up_is_refused(client, content, name, part, status):
    """Byte-order mark, uneven rows, other encodings, emptiness, odd names, no file, too many bytes."""
    assert upload(client, content, name, part) == status


def test_strangers_and_strange_places_are_refused(client):
    """By token, then by repository."""
    assert client.get(f"{FILES}/x.csv", headers={"Authorization": "Bearer other"}).status_code == 401
    assert client.get("/api/v1/repositories/elsewhere/files/x.csv").status_code == 404


def test_the_admin_sees_changes_and_removes_files(client):
    """Another process may look in, and take a file away to see it come back."""
    upload(client)
    listed = client.get("/_sim/files").json()
    assert [(file["place"], file["name"], file["nbytes"]) for file in listed] == [("threat-intel", "x.csv", 8)]
    assert client.get("/_sim/files/threat-intel/x.csv").content == b"a,b\n1,2\n"
    assert client.put("/_sim/files/threat-intel/y.csv", content=b"y\n").status_code == 200
    assert client.delete("/_sim/files/threat-intel/x.csv").status_code == 204
    assert client.get("/_sim/files/threat-intel/x.csv").status_code == 404
    assert client.get("/_sim/state").json()["state"]["uploads"] == 2


def test_a_token_that_was_given_is_not_shown():
    """Only the invented one is (I6)."""
    assert "simulated-logscale-token" in create(Settings()).hint("http://x")
    assert "perhaps-real" not in create(Settings(token="perhaps-real")).hint("http://x")
