"""What the chart makes of its examples is whole, safe, and what Wellhead itself reads."""

import json
import shutil
import textwrap
import tomllib

import click
import pytest
import yaml

from tests.chart.deployed import (
    EXAMPLES,
    SECRETS,
    WORKLOADS,
    config_maps,
    laid_out,
    main_container,
    named,
    of_kind,
    pods,
    words,
)
from tests.chart.sound import assert_fitting, assert_restricted
from tests.site.helm import CHART, ROOT, helm, rendered
from wellhead.cli import load_verb
from wellhead.config import load
from wellhead.config.secrets import looks_secret
from wellhead.tools.config import preflight


def example(name):
    return ROOT / "helm/examples" / f"{name}.yaml"


@pytest.fixture(scope="module", params=EXAMPLES)
def objects(request):
    return rendered("-f", example(request.param))


def test_versions_are_tied():
    """The chart, the image it names and the package have one version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (package, package)
    (container,) = named(rendered("-f", example("minimal")), "StatefulSet", "wh-worker")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == f"wellhead:{package}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_lint_finds_nothing(name):
    """`helm lint --strict` takes the chart with each example."""
    done = helm("lint", CHART, "--strict", "-f", example(name))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


def test_examples_are_all_tried():
    """No example lies beside those that are tested."""
    assert {path.stem for path in (ROOT / "helm/examples").iterdir()} == set(EXAMPLES)


def test_wellhead_reads_the_files(objects, tmp_path):
    """Each workload's files load as the pod would load them, and nothing is refused later by Kafka's client, schemas or rules."""
    found = config_maps(objects)
    assert found
    for each in found:
        folder = tmp_path / each["metadata"]["name"]
        folder.mkdir()
        deployment = load(laid_out(each, objects, folder), environ={})
        problems = [problem for problem in preflight(deployment) if "ssl." not in str(problem)]  # invented certificates
        assert not problems
        assert not deployment.warnings


def test_the_command_lines_are_wellheads(objects, tmp_path):
    """What a pod is told to run is a verb with words it takes, and files that its ConfigMap has."""
    seen = set()
    for name, _, spec in pods(objects):
        arguments = main_container(spec)["args"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        config = named(objects, "ConfigMap", volumes["config"]["configMap"]["name"]) if "config" in volumes else None
        told = []
        for word in arguments:
            if word.startswith("/etc/wellhead/"):
                path = tmp_path / word.rpartition("/")[2]
                path.write_text(config["data"][path.name])
                told.append(str(path))
            else:
                told.append(word)
        seen.add(_parsed(told))
        assert config is None or set(told) >= {str(tmp_path / each) for each in config["data"]}, name
    assert "doctor" in seen


def _parsed(words_given):
    command, rest = load_verb(words_given[0]), words_given[1:]
    called = [words_given[0]]
    while isinstance(command, click.Group):
        called.append(rest[0])
        command = command.get_command(click.Context(command), rest[0])
        rest = rest[1:]
    assert command is not None, words_given
    command.make_context(called[-1], list(rest))  # raises where a word is not taken
    return " ".join(called)


def test_pods_pass_the_restricted_standard(objects):
    """No pod asks for what the restricted Pod Security Standard refuses, nor has a token of Kubernetes or a writable root."""
    assert list(pods(objects))
    assert_restricted(objects)


def test_no_secret_stands_in_what_is_made(objects):
    """Options that hold secrets are references to files of Secrets; the environment holds none; no Secret is made."""
    assert not of_kind(objects, "Secret")
    for each in config_maps(objects):
        for word, value in words(each):
            if looks_secret(word):
                # A reference, or the path of a file that is one.
                assert f"{SECRETS}/" in str(value), (each["metadata"]["name"], word)
    for name, _, spec in pods(objects):
        for variable in main_container(spec).get("env", []):
            assert set(variable.get("valueFrom", {"fieldRef": 0})) == {"fieldRef"}, name


def test_what_belongs_together_fits(objects):
    """Names are Kubernetes' and unique, selectors select, mounts have volumes, and writable folders are volumes."""
    assert of_kind(objects, *WORKLOADS)
    assert_fitting(objects)


def test_probes_ask_where_wellhead_listens(objects):
    """The port of the probes is the one that the files name, on all interfaces; start and life ask /live, readiness asks /ready."""
    for each in of_kind(objects, *WORKLOADS):
        container = main_container(each["spec"]["template"]["spec"])
        (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "probes"]
        worker = dict(words(named(objects, "ConfigMap", each["metadata"]["name"])))
        listening = {worker.get("worker.listeners"), worker.get("worker.probe.listeners")}
        assert f"http://:{port}" in listening
        asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert [get["path"] for get in asked.values()] == ["/live", "/live", "/ready"]
        assert {get["port"] for get in asked.values()} == {"probes"}


def test_a_pod_has_the_time_that_the_runtime_needs():
    """The grace period covers the pause before SIGTERM, the worker's own grace and what ends after it."""
    values = {"worker": {"task": {"shutdown": {"graceful.timeout.ms": 61_500}}}}
    made = rendered("-f", example("ha"), values=values)
    seconds = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for each in of_kind(made, *WORKLOADS)
    }
    assert seconds == {"wh-worker": 62 + 15, "wh-lookups": 62 + 15, "wh-attacks": 62 + 15, "wh-attacks-api": 5 + 62 + 15}


def test_a_consumer_has_a_group_of_its_own():
    """Its group is named after it, so that two consumers never take each other's partitions, and may be told otherwise."""
    consumers = {"floods": {"kind": "floods"}, "more": {"kind": "floods", "worker": {"group": {"id": "mine"}}}}
    made = rendered("-f", example("many-tenants"), values={"worker": {"group.id": "soc"}, "consumers": consumers})
    groups = {each["metadata"]["name"]: dict(words(each))["worker.group.id"] for each in config_maps(made)}
    assert groups["wh-worker"] == "soc"
    assert groups["wh-floods"] == "soc-floods"
    assert groups["wh-more"] == "mine"


def test_changed_configuration_replaces_pods_and_nothing_else_does():
    """The pods of a workload are made anew when its own files change, not when those of another do."""

    def sums(values):
        made = of_kind(rendered("-f", example("many-tenants"), values=values), *WORKLOADS)
        return {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["annotations"]["checksum/config"] for each in made
        }

    before = sums({})
    after = sums({"floods": {"proxies": {"limits": {"established.max": 3000}}}})
    assert {name for name in before if before[name] != after[name]} == {"wh-floods"}


def test_numbers_stay_whole():
    """A large number reaches Kafka as it was written, not as 2.592e+09."""
    values = {"worker": {"runs.topic.retention.ms": 2592000000, "kafka": {"metadata.max.age.ms": 86400000}}}
    (config,) = config_maps(rendered("-f", example("minimal"), values=values))
    worker = yaml.safe_load(config["data"]["worker.yaml"])["worker"]
    assert worker["runs.topic.retention.ms"] == 2592000000
    assert str(worker["kafka.metadata.max.age.ms"]) == "86400000"


def test_where_pods_may_go():
    """Without a list they may go to the ports that the values name, with one to these places and DNS only; names need Cilium."""
    ports = {"worker": {"otlp.endpoint": "http://collector:4318"}, "networkPolicy": {"egress": []}}
    (open_policy,) = of_kind(rendered("-f", example("ha"), values=ports), "NetworkPolicy")
    anywhere = [rule for rule in open_policy["spec"]["egress"] if "to" not in rule]
    assert [port["port"] for rule in anywhere for port in rule["ports"]] == [26379, 4318, 443, 6379, 9094, 9200]
    (policy,) = of_kind(rendered("-f", example("ha")), "NetworkPolicy")
    assert all(rule["to"] for rule in policy["spec"]["egress"])
    assert {"port": 53, "protocol": "UDP"} in policy["spec"]["egress"][0]["ports"]
    (cilium,) = of_kind(rendered("-f", example("air-gapped")), "CiliumNetworkPolicy")
    hosts = [host for rule in cilium["spec"]["egress"] for host in rule.get("toFQDNs", [])]
    assert hosts == [
        {"matchName": "kafka.internal.example"},
        {"matchPattern": "*.brokers.internal.example"},
        {"matchName": "registry.internal.example"},
    ]


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("redis://r/0", [443, 6379, 80, 9092]),
        ("rediss+cluster://r,s:7001", [443, 6379, 7001, 80, 9092]),
        ("redis+sentinel://r/master", [26379, 443, 6379, 80, 9092]),
        ("redis://127.0.0.1:6399", [443, 80, 9092]),
    ],
)
def test_ports_that_are_not_written_are_the_usual_ones(url, ports):
    """An address without a port means the one its scheme is known by; what is beside the process in the pod is no place to go."""
    attacks = {"a": {"topic": "wallarm.hit", "rules": "wallarm/basic", "redis.url": url, "stores.p.url": "https://s"}}
    values = {
        "worker": {"kafka.bootstrap.servers": "k", "schema.registry.url": "http://r"},
        "attacks": attacks,
        "consumers": {"a": {"kind": "attacks"}},
    }
    (policy,) = of_kind(rendered(values=values), "NetworkPolicy")
    assert [port["port"] for rule in policy["spec"]["egress"] if "to" not in rule for port in rule["ports"]] == ports


def test_alerts_and_dashboards_are_those_of_the_folders():
    """Each file becomes an object of its own, unchanged but for where the runbooks are."""
    made = rendered("-f", example("ha"))
    written = [
        yaml.safe_load(path.read_text().replace("docs/runbooks/", "https://wiki.example/wellhead/runbooks/"))
        for path in sorted((CHART / "alerts").glob("*.yaml"))
    ]
    assert [each["spec"] for each in of_kind(made, "PrometheusRule")] == written
    boards = {
        name: json.loads(text)
        for each in of_kind(made, "ConfigMap")
        if "grafana_dashboard" in each["metadata"]["labels"]
        for name, text in each["data"].items()
    }
    assert boards == {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}


def test_empty_folders_are_fine(tmp_path):
    """A chart without alerts and dashboards installs as well."""
    copy = tmp_path / "wellhead"
    shutil.copytree(CHART, copy, ignore=shutil.ignore_patterns("alerts", "dashboards"))
    done = helm("template", "wh", copy, "-f", example("ha"))
    assert done.returncode == 0, done.stderr
    assert "PrometheusRule" not in done.stdout


def test_schemas_are_registered_before_anything_runs():
    """Where that is wished, a job does it with the address of the registry, before each installation and upgrade."""
    (job,) = of_kind(rendered("-f", example("minimal"), values={"schemas": {"register": True, "topicPrefix": "eu."}}), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    arguments = main_container(job["spec"]["template"]["spec"])["args"]
    assert _parsed(arguments) == "schemas register"
    assert arguments[-4:] == ["--registry-url", "http://registry.kafka.svc:8081", "--topic-prefix", "eu."]


@pytest.mark.parametrize(("name", "group"), [("minimal", True), ("air-gapped", False)])
def test_topics_are_made_where_that_is_wished(name, group, tmp_path):
    """A job does it as the workers themselves would: with their files, credentials and limits."""
    values = {"topics": {"create": True}, "workers": {"mode": "group" if group else "alone", "replicas": 1}}
    made = rendered("-f", example(name), values=values)
    (job,) = of_kind(made, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    spec = job["spec"]["template"]["spec"]
    worker = named(made, "StatefulSet", "wh-worker")["spec"]["template"]["spec"]
    arguments = main_container(spec)["args"]
    assert _parsed([*arguments[:2], __file__, *(["--group"] if "--group" in arguments else [])]) == "topics create"
    assert ("--group" in arguments) is group
    assert {each["name"] for each in main_container(worker)["volumeMounts"]} >= {
        each["name"] for each in main_container(spec)["volumeMounts"]
    }
    assert spec["securityContext"] == worker["securityContext"]


def test_static_members_are_named_after_their_pods():
    """Each worker's group.instance.id is its pod's name, and the session outlasts a restart."""
    made = rendered("-f", example("ha"))
    env = main_container(named(made, "StatefulSet", "wh-worker")["spec"]["template"]["spec"])["env"]
    fields = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in env if "valueFrom" in each}
    assert fields == {"WELLHEAD_REST_ADVERTISED_HOST_NAME": "metadata.name", "WELLHEAD_GROUP_INSTANCE_ID": "metadata.name"}
    assert dict(words(named(made, "ConfigMap", "wh-worker")))["worker.session.timeout.ms"] == 45000


def test_notes_name_the_next_commands(tmp_path):
    """After an installation it says how to see whether all is well, and how to make the first connector."""
    copy = tmp_path / "wellhead"
    shutil.copytree(CHART, copy)
    notes = copy / "templates/NOTES.txt"
    # helm shows notes only where it has a cluster, so they are rendered as an object here.
    head = "kind: ConfigMap\nmetadata: {name: notes}\ndata:\n  text: |\n"
    (copy / "templates/notes.yaml").write_text(head + textwrap.indent(notes.read_text(), "    "))
    done = helm("template", "wh", copy, "--namespace", "soc", "-f", example("minimal"))
    assert done.returncode == 0, done.stderr
    (text,) = [each["data"]["text"] for each in yaml.safe_load_all(done.stdout) if each["metadata"]["name"] == "notes"]
    assert "helm test wh -n soc" in text
    assert "kubectl port-forward -n soc wh-worker-0 8083:8083" in text
    assert "Pods may go anywhere on the ports 443, 8081, 9092." in text
