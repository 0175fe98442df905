"""Pods come and go as people, nodes and load would have it."""

from tests.k8s.released import AT_ONCE, MINIMAL, is_ready

TWO = {"workers": {"replicas": 2}}
FLOODS = {"floods": {"proxies": {"topics": "sockets.connection"}}}
FOLLOWING = {"kind": "floods", "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 4}}


def _evicted(release, pod):
    """Ask for the eviction of a pod, as a node does that is drained; give what is said against it."""
    metadata = {"name": pod, "namespace": release.namespace}
    given = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    place = f"/api/v1/namespaces/{release.namespace}/pods/{pod}/eviction"
    return release.cluster.kubectl("create", "--raw", place, "-f", "-", given=given).stderr


def _allowed(release):
    return release.object("pdb", "wh-worker")["status"].get("disruptionsAllowed")


def test_one_worker_may_be_away_at_a_time(release):
    """While one that was evicted has no node yet, the other may not be evicted; once it is back, it may."""
    release.install("-f", MINIMAL, *AT_ONCE, values=TWO)
    release.cluster.until(lambda: _allowed(release) == 1, "the budget is known")
    release.cluster.done("cordon", "--selector", "kubernetes.io/hostname")
    try:
        assert _evicted(release, "wh-worker-0") == ""
        release.cluster.until(lambda: _allowed(release) == 0, "the budget is used up")
        assert "would violate the pod's disruption budget" in _evicted(release, "wh-worker-1")
        assert is_ready(release.pods()["wh-worker-1"])
    finally:
        release.cluster.done("uncordon", "--selector", "kubernetes.io/hostname")
    release.cluster.until(lambda: _allowed(release) == 1, "the first one is back")
    assert _evicted(release, "wh-worker-1") == ""


def test_workers_are_scaled_by_hand(release):
    """`kubectl scale` gives as many ready workers, by the names that logs and members have; fewer again are the first of them."""
    release.install("-f", MINIMAL, *AT_ONCE)
    for replicas in (3, 1):
        release.cluster.done("scale", "statefulset/wh-worker", f"--replicas={replicas}", "--namespace", release.namespace)
        release.cluster.done("rollout", "status", "statefulset/wh-worker", "--timeout=60s", "--namespace", release.namespace)
        names = [f"wh-worker-{number}" for number in range(replicas)]
        release.cluster.until(lambda names=names: sorted(release.pods()) == names, f"there are {names}")


def test_an_upgrade_leaves_to_the_load_what_is_the_loads(release):
    """A consumer that follows the load has as many replicas after an upgrade as the load had given it."""
    release.install("-f", MINIMAL, *AT_ONCE, values=FLOODS | {"consumers": {"floods": FOLLOWING}})
    release.cluster.done("scale", "deployment/wh-floods", "--replicas=3", "--namespace", release.namespace)
    release.cluster.until(lambda: len(release.pods("floods")) == 3, "three run")
    changed = {"consumers": {"floods": FOLLOWING | {"podLabels": {"team": "soc"}}}}
    release.upgrade("-f", MINIMAL, *AT_ONCE, values=FLOODS | changed)
    assert release.object("deployment", "wh-floods")["spec"]["replicas"] == 3
    scaler = release.object("hpa", "wh-floods")
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "wh-floods"}
