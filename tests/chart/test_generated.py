"""Whatever values the schema takes, what is made of them is safe, fits together, and is what Wellhead reads."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chart.deployed import WORKLOADS, config_maps, laid_out, of_kind
from tests.chart.sound import assert_fitting, assert_restricted
from tests.site.helm import rendered
from wellhead.config import load

SECRET = "${file:/run/secrets/wellhead/any/thing}"
SECTIONS = {
    "connectors": {
        "one": {"connector.class": "wss", "username": "u", "password": SECRET, "topic.creation.default": {"partitions": 6}},
        "two": {"connector.class": "threatstream", "tenant": "b", "user": "u", "api_key": SECRET},
    },
    "lookups": {
        "near": {"topic": "threatstream.indicator", "files": ["threatstream/ip"], "directory.path": "/mnt/a"},
        "far": {"topic": "threatstream.indicator", "files": "threatstream/url", "target": "logscale"}
        | {"logscale": {"url": "https://l.example", "token": SECRET, "repository": "r"}},
    },
    "attacks": {
        "hits": {"topic": "wallarm.hit", "rules": "wallarm/basic", "redis": {"url": "redis://r:6379/0", "password": SECRET}}
        | {"stores": {"primary": {"url": "https://s.example:9200"}}},
    },
    "floods": {"proxies": {"topics": "sockets.connection, webgateway.access_log", "limits": {"share": {"max": 0.4}}}},
}
KINDS = {"lookups": "lookups", "attacks": "attacks", "attacks-api": "attacks", "floods": "floods"}
names = st.sampled_from(["y", "no", "on", "a"]) | st.from_regex(r"\A[a-z]([a-z0-9-]{0,22}[a-z0-9])?\Z").filter("worker".__ne__)
labels = st.dictionaries(st.sampled_from(["team", "cost-centre", "example.org/owner"]), st.sampled_from(["soc", "a-b", "1"]))


@st.composite
def workloads(draw, scalable, stateful):
    many = draw(st.booleans()) and scalable
    values = {
        "replicas": draw(st.integers(0, 40)) if scalable else 1,
        "probePort": draw(st.integers(1024, 65535)),
        "podLabels": draw(labels),
        "podAnnotations": draw(labels),
        "startupSecs": draw(st.integers(2, 600)),
        "preStopSleepSecs": draw(st.integers(0, 30)),
        "terminationGracePeriodSeconds": draw(st.none() | st.integers(1, 900)),
        "storage": {"size": draw(st.sampled_from(["1Gi", "500Mi"])), "persistent": draw(st.booleans()) and stateful},
        "autoscaling": {"enabled": many and not stateful, "maxReplicas": draw(st.integers(4, 9))},
        "ports": draw(
            st.sampled_from([[], [{"name": "no", "port": 1025}], [{"name": "log", "port": 5514, "protocol": "UDP"}]])
        ),
        "extraEnv": draw(st.sampled_from([[], [{"name": "TZ", "value": "Europe/Vienna"}]])),
        "worker": draw(st.sampled_from([{}, {"log.level": "DEBUG"}, {"log": {"format": "console"}}])),
        "pdb": {"enabled": draw(st.booleans())},
    }
    return {key: values[key] for key in draw(st.sets(st.sampled_from(sorted(values))))}


@st.composite
def consumers(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    only = draw(st.lists(st.sampled_from(sorted(SECTIONS[KINDS[kind]])), unique=True))
    shared = draw(workloads(scalable=kind != "lookups", stateful=kind == "lookups"))
    return {**shared, "kind": kind, "only": only}


@st.composite
def releases(draw):
    alone = draw(st.booleans())
    return {
        **SECTIONS,
        "fullnameOverride": draw(st.just("") | names),
        "worker": draw(
            st.sampled_from(
                [
                    {"kafka.bootstrap.servers": "k:9092", "schema.registry.url": "http://r:8081"},
                    {"kafka": {"bootstrap": {"servers": ["k:9092", "l:9093"]}}, "schema": {"registry": {"url": "https://r"}}},
                ]
            )
        ),
        "secrets": [{"name": "any", "secret": draw(names), "optional": draw(st.booleans())}],
        "workers": draw(workloads(scalable=not alone, stateful=True))
        | {"mode": "alone" if alone else "group", "staticMembership": draw(st.booleans())},
        "consumers": draw(st.dictionaries(names, consumers(), max_size=4)),
        "monitoring": {"podMonitor": {"enabled": draw(st.booleans())}},
        "networkPolicy": {"enabled": draw(st.booleans()), "flavor": draw(st.sampled_from(["kubernetes", "cilium"]))},
    }


@given(releases())
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_taken_runs(values):
    """Generated values of the chart give objects that are safe and fit, a workload for each entry, and files that load."""
    objects = rendered(values=values)
    assert len(of_kind(objects, *WORKLOADS)) == 1 + len(values["consumers"])
    assert_restricted(objects)
    assert_fitting(objects)
    for each in config_maps(objects):
        with TemporaryDirectory() as folder:
            deployment = load(laid_out(each, objects, Path(folder)), environ={})
        assert deployment.worker.kafka["bootstrap.servers"].startswith("k:9092")
