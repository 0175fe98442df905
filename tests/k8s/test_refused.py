"""What cannot run is refused where that is noticed first, and nothing of it stays."""

from tests.k8s.released import MINIMAL
from tests.site.helm import rendered

MISSPELT = {"connectors": {"a": {"connector.class": "push", "tenant": "acme", "poll.intervall.secs": 5}}}
MISFIT = {"defaults": {"extraVolumeMounts": [{"name": "nowhere", "mountPath": "/mnt/a"}]}}
"""Values that the schema takes; what is made of them the API server does not."""


def test_the_schema_refuses_before_anything_is_installed(release):
    """A word that Wellhead does not know ends `helm install` before the first object, and there is no release."""
    before = release.everything()
    assert "'poll.intervall.secs' not allowed" in release.refusal("install", "-f", MINIMAL, values=MISSPELT)
    assert release.everything() <= before


def test_what_the_server_refuses_is_named(release):
    """A mount of a volume that there is not fails `helm install` by the name of the field, and --atomic leaves nothing of it."""
    before = release.everything()
    told = release.refusal("install", "-f", MINIMAL, "--atomic", "--timeout", "60s", values=MISFIT)
    assert 'spec.template.spec.containers[0].volumeMounts[3].name: Not found: "nowhere"' in told
    release.cluster.until(lambda: release.everything() <= before, "what was begun is gone")


def test_the_server_takes_no_unknown_field(release):
    """Every object of the chart is one that the API server takes with no field it does not know, and it would name such a field."""
    asked = ("create", "--dry-run=server", "--validate=strict", "--namespace", release.namespace, "-f", "-")
    objects = rendered("-f", MINIMAL, values={"topics": {"create": True}, "schemas": {"register": True}})
    for each in objects:
        if each["kind"] != "Pod":  # whose account is not there yet
            release.cluster.done(*asked, given=each)
    (worker,) = [each for each in objects if each["kind"] == "StatefulSet"]
    worker["spec"]["replica"] = 2
    assert 'unknown field "spec.replica"' in release.cluster.kubectl(*asked, given=worker).stderr
