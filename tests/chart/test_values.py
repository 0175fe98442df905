"""Values that Wellhead would refuse fail before anything is installed; those it takes pass, however they are written."""

import pytest
import yaml

from tests.chart.deployed import config_maps, laid_out
from tests.site.helm import ROOT, refusal, rendered
from wellhead.config import load

MINIMAL = ROOT / "helm/examples/minimal.yaml"
WSS = {
    "connector.class": "wss",
    "username": "${file:/run/secrets/wellhead/a/b}",
    "password": "${file:/run/secrets/wellhead/a/b}",
}
STORES = {"primary": {"url": "http://store:9200"}}
ATTACKS = {"topic": "wallarm.hit", "rules": "wallarm/basic", "redis.url": "redis://r:6379", "stores": STORES}

REFUSED = {
    "a misspelt word of a connector": ({"connectors": {"a": {**WSS, "poll.intervall.secs": 5}}}, "'poll.intervall.secs' not allowed"),
    "a wrong value, nested": ({"connectors": {"a": {**WSS, "poll": {"interval": {"secs": 0}}}}}, "/connectors/a/poll/interval/secs"),
    "an option of another class": ({"connectors": {"a": {**WSS, "api_key": "${file:/x}"}}}, "'api_key' not allowed"),
    "no such class": ({"connectors": {"a": {**WSS, "connector.class": "wsss"}}}, "must be one of"),
    "no class": ({"connectors": {"a": {"tenant": "x"}}}, "missing property 'connector.class'"),
    "a missing option": ({"connectors": {"a": {"connector.class": "wss", "username": "u"}}}, "missing property 'password'"),
    "a secret in a connector": ({"connectors": {"a": {**WSS, "password": "plain"}}}, "/connectors/a/password"),
    "a secret of the environment": ({"connectors": {"a": {**WSS, "password": "${env:X}"}}}, "/connectors/a/password"),
    "a misspelt word of a transform": ({"connectors": {"a": {**WSS, "transforms.x.typ": "Filter"}}}, "'transforms.x.typ' not allowed"),
    "a misspelt word of the worker": ({"worker": {"gruop.id": "x"}}, "'gruop.id' not allowed"),
    "a word that the chart sets": ({"worker": {"spool.dir": "/x"}}, "'spool.dir' not allowed"),
    "a secret of Kafka": ({"worker": {"kafka.sasl.password": "plain"}}, "/worker/kafka.sasl.password"),
    "a secret of Kafka, nested": ({"worker": {"kafka": {"sasl": {"password": "plain"}}}}, "/worker/kafka/sasl/password"),
    "a secret of the registry": ({"worker": {"schema": {"registry.basic.auth.user.info": "a:b"}}}, "user.info"),
    "a secret of a store": ({"attacks": {"a": {**ATTACKS, "stores.primary.password": "plain"}}}, "stores.primary.password"),
    "a secret of a target": ({"lookups": {"a": {"topic": "t", "files": "f", "logscale": {"token": "plain"}}}}, "/lookups/a/logscale/token"),
    "a limit of floods": ({"floods": {"a": {"topics": "x.connection", "limits": {"total.maxx": 1}}}}, "'total.maxx' not allowed"),
    "a limit in a list": ({"floods": {"a": {"topics": "x.connection", "gateways": [{"match": "a", "limits": {"x": 1}}]}}}, "'x' not allowed"),
    "no such kind": ({"consumers": {"a": {"kind": "lookup"}}}, "must be one of"),
    "a misspelt value": ({"workers": {"replica": 2}}, "'replica' not allowed"),
    "a secret in the environment": ({"defaults": {"extraEnv": [{"name": "A", "valueFrom": {}}]}}, "'valueFrom' not allowed"),
    "a port that only root may have": ({"defaults": {"ports": [{"name": "a", "port": 443}]}}, "/defaults/ports/0/port"),
    "nothing to run": ({"consumers": {"a": {"kind": "floods"}}}, "consumers.a: there is no entry under floods for it to run"),
    "no such entry": ({"consumers": {"a": {"kind": "attacks", "only": ["x"]}}, "attacks": {"a": ATTACKS}}, 'there is no entry "x" under attacks; there are: a'),
    "nobody at all": ({"workers": {"enabled": False}}, "nothing would run"),
    "a consumer called as the workers": ({"consumers": {"worker": {"kind": "floods"}}}, "this name is that of the workers"),
    "two that pull alone": ({"workers": {"mode": "alone", "replicas": 2}, "connectors": {"a": WSS}}, "would pull the same tenants"),
    "alone with nothing": ({"workers": {"mode": "alone"}}, "mode alone runs those of this file, and there are none"),
    "two for one state": ({"consumers": {"a": {"kind": "lookups", "replicas": 2}}, "lookups": {"a": {"topic": "t", "files": "f"}}}, "a lookup's state is one process's"),
    "workers by load": ({"workers": {"autoscaling": {"enabled": True}}}, "workers hold live connections"),
    "an API by lag": ({"consumers": {"a": {"kind": "attacks-api", "autoscaling": {"enabled": True, "lag": 5}}}, "attacks": {"a": ATTACKS}}, "it reads no topic"),
    "a volume for nothing": ({"consumers": {"a": {"kind": "attacks", "storage": {"persistent": True}}}, "attacks": {"a": ATTACKS}}, "it keeps nothing between starts"),
    "names where there are addresses": ({"networkPolicy": {"egress": [{"ports": [443], "hosts": ["a.example"]}]}}, "knows no names"),
    "a way to nowhere": ({"networkPolicy": {"egress": [{"ports": [443]}]}}, "says not where to"),
    "a registry that asks who we are": ({"schemas": {"register": True}, "worker": {"schema.registry.ssl.ca.location": "/x"}}, "the job takes the registry's address only"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_run_is_refused(case):
    """Nothing is installed, and the message names what is wrong."""
    values, told = REFUSED[case]
    assert told in refusal(values, "-f", MINIMAL)


def test_the_addresses_are_needed():
    """Without Kafka and a registry nothing is installed."""
    message = refusal({})
    assert "/worker" in message
    assert "missing property 'kafka" in message
    assert "missing property 'schema" in message


def _of_the_pod(text):
    return yaml.safe_load(text.replace("${env:", "${file:/run/secrets/wellhead/here/"))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_wellheads_examples_are_values(path, tmp_path):
    """What stands in a file of Wellhead's stands in values as it is, and says the same in the pod."""
    written = _of_the_pod(path.read_text())
    kinds = {"lookups": "lookups", "attacks": "attacks", "floods": "floods"}
    section = next((each for each in ("connectors", *kinds) if each in written), None)
    consumers = {"it": {"kind": kinds[section]}} if section in kinds else {}
    made = rendered(values={**written, "consumers": consumers})
    name = "wh-it" if consumers else "wh-worker"
    (config,) = [each for each in config_maps(made) if each["metadata"]["name"] == name]
    deployed = load(laid_out(config, made, tmp_path), environ={})
    if section is not None:
        assert {each.name for each in getattr(deployed, section)} == set(written[section])
    assert deployed.worker.kafka["bootstrap.servers"] == "127.0.0.1:9092"
