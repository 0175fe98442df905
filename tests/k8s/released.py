"""Takes a cluster and a namespace, gives one release of the chart there: what helm does with it, and what the cluster then holds."""

import json

from tests.site.helm import CHART, ROOT, helm

NAME = "wh"
MINIMAL = ROOT / "helm/examples/minimal.yaml"
# A pod that kwok calls ready is: waiting longer for that shows nothing.
AT_ONCE = ("--set", "defaults.minReadySeconds=0")
# Kept beside a namespace's objects by Kubernetes itself, or told of them.
_NOT_OURS = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}


class Release:
    """A release by the name `wh`."""

    def __init__(self, cluster, namespace):
        self.cluster = cluster
        self.namespace = namespace

    def helm(self, verb, *words, values=None):
        """Run helm for the release; give how it ended."""
        place = ("--namespace", self.namespace, "--kubeconfig", self.cluster.kubeconfig)
        return helm(verb, NAME, *words, *place, values=values)

    def install(self, *words, values=None):
        """Install and wait until all is ready."""
        self._succeeds("install", CHART, "--wait", "--timeout", "60s", *words, values=values)

    def upgrade(self, *words, values=None):
        """Upgrade and wait until all is ready."""
        self._succeeds("upgrade", CHART, "--wait", "--timeout", "60s", *words, values=values)

    def rollback(self, revision):
        """Go back to a revision and wait until all is ready."""
        self._succeeds("rollback", str(revision), "--wait", "--timeout", "60s")

    def uninstall(self):
        """Take it away, and wait until it is."""
        self._succeeds("uninstall", "--wait", "--timeout", "60s")

    def refusal(self, verb, *words, values=None):
        """Install or upgrade, which must fail; give what helm says."""
        done = self.helm(verb, CHART, *words, values=values)
        assert done.returncode != 0, f"{verb} went well"
        return done.stderr

    def statuses(self):
        """Give the status of each revision, oldest first."""
        done = self.helm("history", "--output", "json")
        assert done.returncode == 0, done.stderr
        return [each["status"] for each in json.loads(done.stdout)]

    def objects(self, kind):
        """Give all of a kind in the namespace."""
        return self.cluster.objects(kind, "--namespace", self.namespace)

    def object(self, kind, name):
        """Give one by name."""
        (found,) = [each for each in self.objects(kind) if each["metadata"]["name"] == name]
        return found

    def pods(self, component="worker"):
        """Give a workload's pods, by name, that are not on their way out."""
        found = self.cluster.objects("pods", "--namespace", self.namespace, "-l", f"app.kubernetes.io/component={component}")
        return {each["metadata"]["name"]: each for each in found if "deletionTimestamp" not in each["metadata"]}

    def everything(self):
        """Give all that is in the namespace, of every kind that the API server has, and all that is in none."""
        found = set()
        for scope in ("--namespaced=true", "--namespaced=false"):
            kinds = self.cluster.done("api-resources", "--verbs=list", scope, "--output", "name").split()
            asked = ",".join(kind for kind in kinds if kind not in _NOT_OURS)
            found |= set(self.cluster.done("get", asked, "--namespace", self.namespace, "--output", "name").split())
        return found

    def _succeeds(self, verb, *words, values=None):
        done = self.helm(verb, *words, values=values)
        assert done.returncode == 0, done.stderr + self.cluster.kubectl("get", "events", "-n", self.namespace).stdout[-3_000:]


def is_ready(pod):
    """Tell whether Kubernetes takes it for ready."""
    return any((each["type"], each["status"]) == ("Ready", "True") for each in pod["status"].get("conditions", []))
