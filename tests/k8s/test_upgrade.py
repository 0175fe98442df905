"""A release becomes what new values say, and what it was before."""

from tests.k8s.released import AT_ONCE, MINIMAL

REPLICAS = 2
CHANGED = {"worker": {"log.level": "DEBUG"}, "workers": {"replicas": REPLICAS}}
MISFIT = {"defaults": {"extraVolumeMounts": [{"name": "nowhere", "mountPath": "/mnt/a"}]}}
"""Values that the schema takes, and of which the API server refuses what they make."""


def _uid(release):
    return release.pods()["wh-worker-0"]["metadata"]["uid"]


def _words(release):
    return release.object("configmap", "wh-worker")["data"]["worker.yaml"]


def test_an_upgrade_replaces_pods_whose_files_changed(release):
    """New values are in the pods' files, there are as many pods as they say, and each pod is one that was started with them."""
    release.install("-f", MINIMAL, *AT_ONCE)
    old = _uid(release)
    release.upgrade("-f", MINIMAL, *AT_ONCE, values=CHANGED)
    assert "log.level: DEBUG" in _words(release)
    assert sorted(release.pods()) == [f"wh-worker-{number}" for number in range(REPLICAS)]
    assert _uid(release) != old
    assert release.statuses() == ["superseded", "deployed"]


def test_an_upgrade_that_changes_nothing_replaces_nobody(release):
    """The same values once more leave the pods alone."""
    release.install("-f", MINIMAL, *AT_ONCE)
    old = _uid(release)
    release.upgrade("-f", MINIMAL, *AT_ONCE)
    assert _uid(release) == old


def test_a_rollback_brings_back_what_was(release):
    """Files, number of pods and what the pods are made from are those of the first revision."""
    release.install("-f", MINIMAL, *AT_ONCE)
    words, template = _words(release), release.object("statefulset", "wh-worker")["spec"]["template"]
    release.upgrade("-f", MINIMAL, *AT_ONCE, values=CHANGED)
    release.rollback(1)
    assert _words(release) == words
    assert release.object("statefulset", "wh-worker")["spec"]["template"] == template
    assert sorted(release.pods()) == ["wh-worker-0"]
    assert release.statuses() == ["superseded", "superseded", "deployed"]


def test_an_upgrade_that_is_refused_changes_nobody(release):
    """Where the API server refuses something of an upgrade, --atomic leaves the pods that ran, and their files."""
    release.install("-f", MINIMAL, *AT_ONCE)
    old, words = _uid(release), _words(release)
    told = release.refusal("upgrade", "-f", MINIMAL, *AT_ONCE, "--atomic", "--timeout", "60s", values=CHANGED | MISFIT)
    assert "volumeMounts" in told
    assert (_uid(release), _words(release)) == (old, words)
