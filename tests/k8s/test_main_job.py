"""What the cluster would run does the main job: pods taken from it are run here, against a real Kafka and a vendor that breaks."""

import json
import re
from pathlib import Path

import pytest
from deployed import deployed

from tests.chart.deployed import of_kind
from tests.k8s.kubelet import Container
from tests.k8s.released import AT_ONCE
from tests.site.helm import rendered
from wellhead.stack.ports import PortLease

SECRET = "/run/secrets/wellhead/wss"


@pytest.fixture
def tenant(stack, unique, tmp_path):
    """A tenant and topics of the test's own."""
    with deployed(stack, unique, tmp_path) as made:
        made.may_be_polling = True
        yield made


@pytest.fixture
def values(tenant, release):
    """Values for that tenant, whose credentials lie in a Secret of the namespace."""
    written = json.loads(tenant.file().read_text())
    worker, connector = written["worker"], written["connectors"]["wss-acme"]
    lease = PortLease()
    rest, probes = lease.take(2)
    # Where it listens besides probes; a pod has a loopback of its own, this machine's is shared.
    worker["listeners"] = f"http://127.0.0.1:{rest}"
    # A group has its topics alone, and the tests share a Kafka.
    worker |= {f"{each}.topic": f"{tenant.prefix}{each}" for each in ("config.storage", "status.storage", "budget")}
    del worker["spool.dir"]
    secret = {}
    for word in ("username", "password"):
        secret[word], connector[word] = connector[word], f"${{file:{SECRET}/{word}}}"
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wss-acme"}, "stringData": secret}
    release.cluster.done("create", "--namespace", release.namespace, "-f", "-", given=given)
    yield {**written, "secrets": [{"name": "wss", "secret": "wss-acme"}], "workers": {"probePort": probes}}
    lease.release()


def test_the_worker_of_the_cluster_does_the_main_job(release, values, tenant, tmp_path):
    """The pod's own command line pulls the tenant exactly once, is ready when it should be, and ends cleanly in the time it has."""
    release.install(*AT_ONCE, values=values)
    pod = release.pods()["wh-worker-0"]
    with Container(release.cluster, pod, tmp_path) as container:
        release.cluster.until(lambda: container.passes("readinessProbe"), "it is ready")
        release.cluster.until(lambda: len(tenant.records()) >= tenant.held(), "all records are there")
        release.cluster.until(lambda: tenant.runs()[-1]["outcome"] == "caught_up", "it has come to the end of what there is")
        assert container.passes("livenessProbe")
        container.process.terminate()
        assert container.process.wait(pod["spec"]["terminationGracePeriodSeconds"]) == 0, container.said()[-3_000:]
    tenant.assert_exactly_once()


def test_what_runs_has_the_rights_of_the_pod(release, values, tmp_path):
    """It is the pod's user, without capabilities and no way to any, on a root that it cannot write: as the chart has it, not as the tests are run."""
    release.install(*AT_ONCE, values=values)
    pod = release.pods()["wh-worker-0"]
    with Container(release.cluster, pod, tmp_path) as container:
        release.cluster.until(lambda: container.passes("startupProbe"), "it has started")
        told = Path(f"/proc/{container.process.pid}/status").read_text()
        facts = dict(re.findall(r"^(\w+):\t(.*)$", told, re.MULTILINE))
        (root,) = re.findall(r" / / (r[ow])", Path(f"/proc/{container.process.pid}/mountinfo").read_text())
    assert (facts["Uid"].split()[0], facts["Groups"].strip()) == ("10001", "10001")
    assert {int(facts[each], 16) for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (facts["NoNewPrivs"], root) == ("1", "ro")


def test_helm_test_would_end_well(release, values, tenant, tmp_path):
    """While a worker runs, the pod of `helm test`, admitted as it stands, finds nothing wrong with Kafka, registry and vendor."""
    release.install(*AT_ONCE, values=values)
    (doctor,) = of_kind(rendered(values=values), "Pod")
    release.cluster.done("create", "--namespace", release.namespace, "-f", "-", given=doctor)
    folders = [tmp_path / name for name in ("worker", "doctor")]
    for folder in folders:
        folder.mkdir()
    with Container(release.cluster, release.pods()["wh-worker-0"], folders[0]) as worker:
        release.cluster.until(lambda: worker.passes("readinessProbe"), "the worker is ready")
        with Container(release.cluster, release.object("pod", "wh-doctor"), folders[1]) as test:
            ended = test.process.wait(60)
            assert ended == 0, test.said()
            assert "wss-acme" in test.said()
