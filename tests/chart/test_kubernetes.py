"""What the chart makes is what Kubernetes takes, field by field, and what its critics would have."""

import kubernetes_validate
import pytest
from kubernetes_validate import SchemaNotFoundError, ValidationError

from tests.chart.deployed import EXAMPLES
from tests.site.helm import ROOT, rendered
from tests.site.kube_score import found_by_kube_score

OLDEST, NEWEST = "1.27", "1.37"  # of Chart.yaml, and of the schemas at hand
OPERATORS = {"PodMonitor", "PrometheusRule", "ScaledObject", "CiliumNetworkPolicy"}
"""Kinds of others, of which Kubernetes has no schema."""
EVERYTHING = {"topics": {"create": True}, "schemas": {"register": True}}

EXCEPTIONS = {
    "container-ephemeral-storage-request-and-limit": "what is written goes to emptyDir volumes, each with its sizeLimit",
    "container-image-pull-policy": "tags are versions that never change, and an air-gapped node has them already",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread pods over hosts and zones",
    "statefulset-has-host-podantiaffinity": "likewise",
}
BY_CILIUM = {"pod-networkpolicy": "where may be gone to is Cilium's to say, whose policies kube-score does not know"}
"""What kube-score wants and the chart does not do, and why."""


@pytest.fixture(scope="module", params=EXAMPLES)
def objects(request):
    words = ("-f", ROOT / "helm/examples" / f"{request.param}.yaml")
    values = EVERYTHING if request.param in ("minimal", "many-tenants") else {"topics": {"create": True}}
    return rendered(*words, values=values)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_field(objects, version):
    """Each object is valid by the schema of its kind, with no field that the kind has not."""
    unknown = set()
    for each in objects:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except SchemaNotFoundError:
            unknown.add(each["kind"])
    assert unknown <= OPERATORS


def test_a_misspelt_field_is_found(objects):
    """The schemas are the strict ones: a word that no kind has does not pass."""
    (worker,) = [each for each in objects if each["kind"] == "StatefulSet" and each["metadata"]["name"] == "wh-worker"]
    spec = {**worker["spec"], "replica": 3}
    with pytest.raises(ValidationError, match="replica"):
        kubernetes_validate.validate({**worker, "spec": spec}, NEWEST, strict=True)


def test_critics_find_only_what_is_meant(objects):
    """kube-score is content but for the exceptions, each of which says why."""
    found = found_by_kube_score(objects)
    with_cilium = any(each["kind"] == "CiliumNetworkPolicy" for each in objects)
    meant = EXCEPTIONS | (BY_CILIUM if with_cilium else {})
    assert {(check, name) for check, name in found if check not in meant} == set()
    assert "container-image-pull-policy" in {check for check, _ in found}, "kube-score has looked"
