"""Pods get in where only the restricted may, and can do nothing there with Kubernetes."""

from tests.chart.deployed import of_kind
from tests.k8s.released import AT_ONCE, MINIMAL
from tests.site.helm import rendered

KINDS = {
    "floods": {"proxies": {"topics": "sockets.connection"}},
    "consumers": {"floods": {"kind": "floods"}},
    "topics": {"create": True},
    "schemas": {"register": True},
}
FORBIDDEN = {"workers": {"extraVolumes": [{"name": "host", "hostPath": {"path": "/"}}]}}
PLAIN = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "plain",
            "image": "plain:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def _refused(release):
    """Give what the cluster said against pods of the namespace."""
    events = release.cluster.objects("events", "--namespace", release.namespace)
    return [each["message"] for each in events if each["reason"] == "FailedCreate"]


def _token_volumes(pod):
    return [each["name"] for each in pod["spec"]["volumes"] if each["name"].startswith("kube-api-access-")]


def _rights(release, account):
    """Give what an account may do, as the API server says it."""
    who = f"system:serviceaccount:{release.namespace}:{account}"
    return release.cluster.done("auth", "can-i", "--list", "--namespace", release.namespace, "--as", who)


def _may(release, *what):
    who = f"system:serviceaccount:{release.namespace}:wh"
    return release.cluster.kubectl("auth", "can-i", *what, "--namespace", release.namespace, "--as", who).stdout.strip()


def test_all_pods_pass_the_restricted_standard(release):
    """The API server, which enforces it in this namespace, admits workers, consumers and jobs."""
    release.install("-f", MINIMAL, *AT_ONCE, values=KINDS)
    assert _refused(release) == []


def test_the_test_pod_passes_it(release):
    """So is the pod of `helm test`."""
    release.install("-f", MINIMAL, *AT_ONCE)
    (doctor,) = of_kind(rendered("-f", MINIMAL), "Pod")
    release.cluster.done("create", "--namespace", release.namespace, "-f", "-", given=doctor)
    release.cluster.done("wait", "--for=condition=Ready", "--timeout=60s", "pod/wh-doctor", "--namespace", release.namespace)


def test_the_standard_is_enforced(release):
    """A value that asks for the node's own files gets no pod: admission is what lets the others in, not its absence."""
    told = release.refusal("install", "-f", MINIMAL, "--wait", "--timeout", "5s", values=FORBIDDEN)
    assert "context deadline exceeded" in told
    assert release.pods() == {}
    assert any('violates PodSecurity "restricted:latest": restricted volume types' in each for each in _refused(release))


def test_pods_have_no_token(release):
    """No pod has a token of Kubernetes mounted, as a pod that leaves it to Kubernetes does."""
    release.install("-f", MINIMAL, *AT_ONCE, values=KINDS)
    plain = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}, "spec": PLAIN}
    release.cluster.done("create", "--namespace", release.namespace, "-f", "-", given=plain)
    volumes = {each["metadata"]["name"]: _token_volumes(each) for each in release.objects("pods")}
    assert len(volumes.pop("plain")) == 1
    assert volumes
    assert not any(volumes.values())


def test_the_account_has_no_rights(release):
    """The service account may do what any account may that nobody gave anything, and neither secrets nor pods are of that."""
    release.install("-f", MINIMAL, *AT_ONCE)
    assert {each["spec"]["serviceAccountName"] for each in release.pods().values()} == {"wh"}
    assert [_may(release, verb, kind) for verb in ("get", "list", "create") for kind in ("secrets", "pods", "leases")] == [
        "no"
    ] * 9
    assert _rights(release, "wh") == _rights(release, "default")
