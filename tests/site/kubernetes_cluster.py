"""Gives a real Kubernetes, built once from its locked sources, on loopback, whose nodes only say that they run pods; never one that outlives this process."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from go_built import go_built

from wellhead.stack.ports import LOOPBACK, PortLease, is_listening
from wellhead.stack.process import ServerProcess

HERE = Path(__file__).parent
VERSION, KWOK_VERSION = "1.36.3", "0.8.0"
_OF_VERSION = "k8s.io/component-base/version"
LINK = f"-s -w -X {_OF_VERSION}.gitVersion=v{VERSION} -X {_OF_VERSION}.gitMajor=1 -X {_OF_VERSION}.gitMinor=36"
NODES = ("one", "two")
START_SECS = 90.0


@cache
def kubernetes() -> Path:
    """Give etcd, the control plane and kubectl: one program."""
    return go_built("kubetest", VERSION, HERE / "kubetest_lock", ".", link=LINK)


@cache
def kwok() -> Path:
    """Give what says in the nodes' stead that pods run."""
    return go_built("kwok", KWOK_VERSION, HERE / "kwok_lock", "sigs.k8s.io/kwok/cmd/kwok")


class KubernetesCluster:
    """The servers; open in a `with` block.

    No container runs, ever: what the API server, its admission, the controllers and the scheduler do is real, and each pod that
    gets as far as a node is ready there.

    Attributes:
        kubeconfig: The file by which clients find it and may do everything.
    """

    def __enter__(self) -> Self:
        self._place = tempfile.TemporaryDirectory(prefix="wellhead-kubernetes-")
        self._folder = Path(self._place.name)
        self.kubeconfig = self._folder / "kubeconfig"
        self._lease = PortLease()
        self._servers: list[ServerProcess] = []
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        # Its data goes with it, so nobody needs to end cleanly.
        for server in reversed(self._servers):
            server.kill()
        self._lease.release()
        self._place.cleanup()

    def kubectl(self, *words: str | Path, given: object = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; `given` goes to its standard input as JSON."""
        command = [str(kubernetes()), "kubectl", "--kubeconfig", str(self.kubeconfig), *map(str, words)]
        text = None if given is None else json.dumps(given)
        environ = {"PATH": os.environ["PATH"], "HOME": str(self._folder)}
        return subprocess.run(command, env=environ, input=text, capture_output=True, text=True, check=False, timeout=120)

    def done(self, *words: str | Path, given: object = None) -> str:
        """Run kubectl, which must succeed; give what it printed."""
        ended = self.kubectl(*words, given=given)
        assert ended.returncode == 0, f"{words}: {ended.stderr}"
        return ended.stdout

    def objects(self, *words: str) -> list[dict[str, Any]]:
        """Give what `kubectl get WORDS` finds."""
        found = json.loads(self.done("get", *words, "--output", "json"))
        return list(found["items"])

    def until(self, reached: Callable[[], object], what: str, secs: float = START_SECS) -> None:
        """Wait until `reached()` holds; else fail with the cluster's events."""
        deadline_secs = time.monotonic() + secs
        while not reached():
            assert time.monotonic() < deadline_secs, (
                f"{what}: not reached; {self.kubectl('get', 'events', '-A').stdout[-4_000:]}"
            )
            time.sleep(0.1)

    def _start(self) -> None:
        token = secrets.token_hex(16)
        etcd, peer, port, controllers, scheduler = self._lease.take(5)
        api = f"https://{LOOPBACK}:{port}"
        self._write_files(token, api)
        self._run("etcd", _etcd_words(etcd, peer), lambda log: "ready to serve client requests" in log)
        self._run("kube-apiserver", _api_words(etcd, port), lambda _log: self._is_ready(api, token))
        common = ("--kubeconfig=kubeconfig", "--leader-elect=false", f"--bind-address={LOOPBACK}")
        words = (
            *common,
            f"--secure-port={controllers}",
            "--cert-dir=controllers",
            "--service-account-private-key-file=key.pem",
        )
        self._run("kube-controller-manager", words, lambda _log: is_listening(controllers))
        self._run(
            "kube-scheduler",
            (*common, f"--secure-port={scheduler}", "--cert-dir=scheduler"),
            lambda _log: is_listening(scheduler),
        )
        for name in NODES:
            labels = {"kubernetes.io/hostname": name}
            self.done(
                "create", "-f", "-", given={"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            )
        words = ("--kubeconfig", "kubeconfig", "--config", str(HERE / "kwok_lock/stages.yaml"), "--manage-all-nodes=true")
        words += ("--node-ip", LOOPBACK, "--node-port", "0", "--node-lease-duration-seconds", "40")
        self._run("kwok", words, lambda _log: True, [str(kwok())])
        self.done("wait", "--for=condition=Ready", f"--timeout={START_SECS}s", "node", "--all")
        self.done("wait", "--for=create", f"--timeout={START_SECS}s", "serviceaccount/default")

    def _run(
        self, name: str, words: tuple[str, ...], is_ready: Callable[[str], bool], program: list[str] | None = None
    ) -> None:
        server = ServerProcess(name, [*(program or [str(kubernetes()), name]), *words], self._folder, is_ready)
        self._servers.append(server)
        server.start()
        server.wait_ready(START_SECS)

    def _write_files(self, token: str, api: str) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (self._folder / "key.pem").write_bytes(secret)
        (self._folder / "public.pem").write_bytes(public)
        (self._folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        cluster = {"server": api, "certificate-authority": str(self._folder / "api/apiserver.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))

    def _is_ready(self, api: str, token: str) -> bool:
        try:
            trust = ssl.create_default_context(cafile=str(self._folder / "api/apiserver.crt"))
            request = urllib.request.Request(f"{api}/readyz", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def _etcd_words(port: int, peer: int) -> tuple[str, ...]:
    clients, peers = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer}"
    ours = (f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}", "--data-dir=etcd", "--unsafe-no-fsync")
    return (
        *ours,
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    )


def _api_words(etcd: int, port: int) -> tuple[str, ...]:
    return (
        f"--etcd-servers=http://{LOOPBACK}:{etcd}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        "--cert-dir=api",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=public.pem",
        "--service-account-signing-key-file=key.pem",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",
    )
