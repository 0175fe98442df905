"""What the guide to the REST API tells a reader to write is written and run here, as it stands."""

import asyncio
import base64
import os
import re
import subprocess
import sys
from pathlib import Path

from certificates import Authority

from wellhead.config.load import load_worker
from wellhead.rest.access import Access
from wellhead.rest.contract import Role
from wellhead.rest.tls import server_context

GUIDE = Path(__file__).parents[2] / "docs/guide/rest.md"
BLOCK = re.compile(r"^```(?:bash|yaml) (?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_files_of_the_guide_let_their_users_in(tmp_path):
    """The guide's commands make files, and its settings take them: the user, the token and the certificate each have their role."""
    found = {block["path"]: block["text"] for block in BLOCK.finditer(GUIDE.read_text())}
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-ec", found["users"]], cwd=tmp_path, input="pw\n", text=True, env={"PATH": python}, check=True, timeout=60
    )
    script = found["tokens"].replace("openssl rand -hex 32", "printf tok")
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, env={"PATH": python}, check=True, timeout=60)
    authority = Authority(tmp_path, "clients-ca")
    authority.file.rename(tmp_path / "clients-ca.crt")
    for path, name in zip(authority.issue("server"), ("tls.crt", "tls.key"), strict=True):
        path.rename(tmp_path / name)
    (tmp_path / "worker.yaml").write_text(found["worker.yaml"].replace("/etc/wellhead", str(tmp_path)))
    settings = load_worker([tmp_path / "worker.yaml"], environ={})
    assert server_context(settings).cert_store_stats()["x509_ca"] == 1
    access = Access.of(settings)

    def role(authorization=None, peer=None):
        headers = {"authorization": authorization} if authorization else {}
        return asyncio.run(access.caller(headers, peer, "10.0.0.9")).role

    assert role("Basic " + base64.b64encode(b"alice:pw").decode()) is Role.ADMIN
    assert role("Bearer tok") is Role.OPERATOR
    assert (role(peer="alice"), role(peer="bob")) == (Role.ADMIN, Role.READ_ONLY)
