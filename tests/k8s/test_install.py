"""An installation comes up as each example has it, and goes without a trace."""

import pytest

from tests.chart.deployed import EXAMPLES, WORKLOADS
from tests.k8s.released import AT_ONCE, MINIMAL, is_ready
from tests.site.helm import ROOT

OPERATORS = {
    "PodMonitor": ("monitoring.coreos.com", "v1"),
    "PrometheusRule": ("monitoring.coreos.com", "v1"),
    "ScaledObject": ("keda.sh", "v1alpha1"),
    "CiliumNetworkPolicy": ("cilium.io", "v2"),
}
ONCE = {"topics": {"create": True}, "schemas": {"register": True}}


@pytest.fixture(scope="session")
def operators(cluster):
    """The kinds of operators that examples speak of, which take any field: there is nobody here who would read them."""
    for kind, (group, version) in OPERATORS.items():
        plural = f"{kind.lower()}s".replace("policys", "policies")
        names = {"kind": kind, "plural": plural, "singular": kind.lower()}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        served = {"name": version, "served": True, "storage": True, "schema": schema}
        spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [served]}
        metadata = {"name": f"{plural}.{group}"}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": metadata,
            "spec": spec,
        }
        cluster.done("create", "-f", "-", given=definition)
    cluster.done("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")


@pytest.fixture
def volumes(cluster, namespace):
    """What a cluster's storage would give: a volume for whoever claims one, and the claim that an example takes for granted."""
    for name in ("first", "second"):
        spec = {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "hostPath": {"path": "/mnt"},
        }
        metadata = {"name": f"{namespace}-{name}"}
        cluster.done(
            "create", "-f", "-", given={"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
        )
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "lookups", "namespace": namespace}
    given = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim}
    cluster.done("create", "-f", "-", given=given)
    yield
    cluster.done("delete", "pv", f"{namespace}-first", f"{namespace}-second", "--wait=false")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_comes_up(release, operators, volumes, example):
    """`helm install --wait` of an example as it stands ends well: all its pods are admitted, have a node and are ready."""
    release.install("-f", ROOT / "helm/examples" / f"{example}.yaml")
    workloads = [each for kind in WORKLOADS for each in release.objects(kind.lower())]
    assert workloads
    for each in workloads:
        name, wanted = each["metadata"]["name"], each["spec"]["replicas"]
        assert (each["status"]["readyReplicas"], each["status"]["updatedReplicas"]) == (wanted, wanted), name
        pods = release.pods(each["metadata"]["labels"]["app.kubernetes.io/component"])
        assert len(pods) == wanted, name
        assert all(is_ready(pod) and pod["spec"]["nodeName"] for pod in pods.values()), name


def test_it_waits_for_pods(release):
    """`helm install --wait` does not end well where a pod finds no node; with --atomic nothing is left of it."""
    before = release.everything()
    nowhere = {"workers": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}}
    done = release.refusal("install", "-f", MINIMAL, "--atomic", "--timeout", "5s", values=nowhere)
    assert "context deadline exceeded" in done
    release.cluster.until(lambda: release.everything() <= before, "what was begun is gone")


def test_jobs_run_where_they_belong(release):
    """Schemas are registered before there is anything else, topics are made after, by jobs that are gone once they have succeeded."""
    release.install("-f", MINIMAL, *AT_ONCE, values=ONCE)
    events = release.cluster.objects("events", "--namespace", release.namespace)
    completed = [each["involvedObject"]["name"] for each in events if each["reason"] == "Completed"]
    assert sorted(completed) == ["wh-schemas", "wh-topics"]
    order = {
        each["involvedObject"]["name"]: each["metadata"]["creationTimestamp"]
        for each in events
        if each["reason"] == "SuccessfulCreate"
    }
    assert order["wh-schemas"] <= order["wh-worker"] <= order["wh-topics"]
    assert release.objects("jobs") == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_nothing_is_left(release, operators, volumes, example):
    """`helm uninstall` takes everything of an example that came by it, of every kind there is, but for claims with data in them."""
    before = release.everything()
    once = ONCE if example in ("minimal", "many-tenants") else {"topics": {"create": True}}
    release.install("-f", ROOT / "helm/examples" / f"{example}.yaml", *AT_ONCE, values=once)
    assert {"statefulset.apps/wh-worker", "networkpolicy.networking.k8s.io/wh", "configmap/wh-worker"} <= release.everything()
    release.uninstall()
    kept = {"persistentvolumeclaim/data-wh-lookups-0"} if example == "ha" else set()
    release.cluster.until(lambda: release.everything() - before == kept, "nothing is there that was not before")
