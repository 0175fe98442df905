"""Takes the objects that the chart makes, fails where they are not safe or do not fit together; never changes one."""

import re

from tests.chart.deployed import WORKLOADS, main_container, of_kind, pods

DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def assert_restricted(objects):
    """Fail where a pod asks for what the restricted Pod Security Standard refuses, has a token of Kubernetes or a writable root."""
    for name, _, spec in pods(objects):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"]["type"] == "RuntimeDefault", name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim", "csi", "ephemeral"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert "privileged" not in own, name
            assert {"requests", "limits"} <= container["resources"].keys(), name
            assert not any("hostPort" in port for port in container.get("ports", [])), name


def assert_fitting(objects):
    """Fail unless names are Kubernetes' and unique, selectors select, mounts have volumes, and writable folders are volumes."""
    identities = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(identities)) == len(identities)
    assert all(DNS_LABEL.fullmatch(name) for _, name in identities)
    texts = [text for each in objects for text in _labels(each["metadata"])]
    texts += [text for _, metadata, _ in pods(objects) for text in _labels(metadata)]
    texts += [spec["serviceAccountName"] for _, _, spec in pods(objects) if "serviceAccountName" in spec]
    texts += [
        volume["secret"]["secretName"] for _, _, spec in pods(objects) for volume in spec["volumes"] if "secret" in volume
    ]
    texts += [port["name"] for _, _, spec in pods(objects) for port in main_container(spec).get("ports", [])]
    assert all(isinstance(text, str) for text in texts), texts
    workloads = of_kind(objects, *WORKLOADS)
    labels = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in workloads}
    for each in workloads:
        own = each["spec"]["selector"]["matchLabels"]
        assert [name for name, its in labels.items() if own.items() <= its.items()] == [each["metadata"]["name"]]
    for each in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        spec = each["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        chosen = selector.get("matchLabels", selector)
        assert any(chosen.items() <= its.items() for its in labels.values()), each["metadata"]["name"]
    for each in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        assert each["spec"]["scaleTargetRef"]["name"] in labels
    for name, _, spec in pods(objects):
        claimed = {"data"} if name.startswith("StatefulSet/") else set()
        volumes = {volume["name"] for volume in spec["volumes"]} | claimed
        mounts = {mount["mountPath"]: mount for mount in main_container(spec)["volumeMounts"]}
        assert {mount["name"] for mount in mounts.values()} <= volumes, name
        assert "/tmp" in mounts, name


def _labels(metadata):
    return [*metadata.get("labels", {}).values(), *metadata.get("annotations", {}).values()]
