"""Proves on real workers that an API beyond loopback is not served unguarded, and that a guarded one knows who asks."""

import hashlib
import json
import subprocess
import sys

import bcrypt
import httpx
import pytest
import readback
from certificates import Authority
from grouped import NAME, Group, grouped
from worker_file import worker_section

from wellhead.stack import Stack

WAIT_SECS = 60


@pytest.mark.parametrize("listeners", ["http://0.0.0.0:0", "http://127.0.0.1:0,http://:0", "https://0.0.0.0:0"])
def test_an_unguarded_api_is_not_started(tmp_path, listeners):
    """A worker told to listen beyond this machine without TLS, or without a way to know who asks, ends with 2 and says what to set."""
    path = tmp_path / "worker.json"
    section = worker_section("127.0.0.1:1", "http://127.0.0.1:1", "t.", tmp_path)
    path.write_text(json.dumps({"worker": {**section, "listeners": listeners}}))
    ended = subprocess.run(
        [sys.executable, "-m", "wellhead", "worker", "-c", str(path)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECS,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "rest.auth.token.file" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path):
    with grouped(stack, unique, tmp_path) as made:
        yield made


@pytest.fixture
def guarded(group: Group, tmp_path):
    """Give a worker that asks for passwords, tokens or certificates, and the CA."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    (tmp_path / "users").write_text(f"reader:{hashed}:read-only\nadmin:{hashed}:admin\n")
    (tmp_path / "tokens").write_text(f"ci:{hashlib.sha256(b'tok').hexdigest()}:operator\n")
    member = group.start(
        **{
            "listeners": "https://127.0.0.1:0",
            "probe.listeners": "http://127.0.0.1:0",
            "rest.tls.certificate": str(certificate),
            "rest.tls.key": str(key),
            "rest.tls.client.ca": str(authority.file),
            "rest.auth.roles": "alice=admin",
            "rest.auth.basic.file": str(tmp_path / "users"),
            "rest.auth.token.file": str(tmp_path / "tokens"),
        }
    )
    group.until(member.started)
    return member, authority


def client(guarded, certificate=None, **said):
    member, authority = guarded
    return httpx.Client(
        base_url=member.started()[0]["listening"][0],
        verify=authority.trusted_by(certificate),
        timeout=WAIT_SECS,
        trust_env=False,
        **said,
    )


def test_a_guarded_worker_knows_who_asks(group: Group, guarded):
    """Over TLS each way to say who one is gives its role, none gives 401, probes stay open, and the audit names who did what."""
    member, authority = guarded
    with (
        client(guarded) as nobody,
        client(guarded, auth=("reader", "pw")) as reader,
        client(guarded, headers={"authorization": "Bearer tok"}) as operator,
        client(guarded, authority.issue("alice")) as alice,
    ):
        group.until(lambda: alice.get("/").status_code == 200)
        assert nobody.get("/connectors").status_code == 401
        assert nobody.get("/live").status_code == 200
        assert httpx.get(f"{member.started()[0]['listening'][1]}/metrics", trust_env=False).status_code == 200
        assert httpx.get(f"{member.started()[0]['listening'][1]}/connectors", trust_env=False).status_code == 404
        body = {"name": NAME, "config": group.config()}
        assert [each.post("/connectors", json=body).status_code for each in (reader, operator, alice)] == [403, 403, 201]
        assert reader.get("/connectors").json() == [NAME]
        assert operator.put(f"/connectors/{NAME}/pause").status_code == 202
        assert reader.put(f"/connectors/{NAME}/resume").status_code == 403
    entries = readback.values(group.base.bootstrap, f"{group.base.prefix}audit")
    by = [json.dumps(entry) for entry in entries]
    assert any("alice" in entry and "create" in entry for entry in by), by
    assert any('"ci"' in entry for entry in by), by
    assert not any("reader" in entry for entry in by)
    assert not any(group.config()["password"] in entry for entry in by)
