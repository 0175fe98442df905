"""Gives a real Kubernetes to the tests of this folder, which run only where it is named, as `make test-k8s` does: the first time a build of many minutes."""

import uuid
from pathlib import Path

import pytest
from kubernetes_cluster import KubernetesCluster

from tests.k8s.released import Release

HERE = Path(__file__).parent
BUILD_SECS = 3600


def pytest_ignore_collect(collection_path, config):
    """Leave the folder out where a folder above it was asked for."""
    named = [(config.invocation_params.dir / word.partition("::")[0]).resolve() for word in config.args]
    return None if any(HERE in (path, *path.parents) for path in named) else True


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILD_SECS))


@pytest.fixture(scope="session")
def cluster():
    """One cluster for all tests of a process: each has a namespace of its own, and makes good what else it changes."""
    with KubernetesCluster() as running:
        yield running


@pytest.fixture
def namespace(cluster):
    """A namespace where only pods are admitted that the restricted Pod Security Standard allows."""
    name = f"soc-{uuid.uuid4().hex[:8]}"
    cluster.done("create", "namespace", name)
    cluster.done("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    cluster.done(
        "wait", "--for=create", "--timeout=60s", "--namespace", name, "serviceaccount/default", "configmap/kube-root-ca.crt"
    )
    yield name
    cluster.done("delete", "namespace", name, "--wait=false")


@pytest.fixture
def release(cluster, namespace):
    """The release that the test installs."""
    return Release(cluster, namespace)
