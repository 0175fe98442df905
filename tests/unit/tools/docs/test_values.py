"""The schema of the chart's values."""

from pathlib import Path

import pytest
import yaml
from jsonschema_rs import validator_for

from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.config.words import all_words
from wellhead.tools.docs.values import KINDS, values_schema

CHART = Path(__file__).parents[4] / "helm/wellhead"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = values_schema(VALUES, ["wss", "push"])
LEAST = {"worker": {"kafka.bootstrap.servers": "k:9092", "schema.registry.url": "http://r"}}


def test_the_defaults_need_addresses_and_nothing_else():
    """values.yaml with the two addresses is what the chart takes."""
    assert not validator_for(SCHEMA).is_valid(VALUES)
    assert validator_for(SCHEMA).is_valid({**VALUES, **LEAST})


def test_every_default_has_its_place_in_the_schema():
    """No value of the chart can be misspelt, except where any may stand."""

    def misspelt(values, path):
        for key, value in values.items():
            yield [*path, f"{key}x"]
            if isinstance(value, dict):
                yield from misspelt(value, [*path, key])

    for path in misspelt(VALUES, []):
        values = {path[-1]: {}}
        for key in reversed(path[:-1]):
            values = {key: values}
        free = {"resources", "nodeSelector", "affinity", "podLabels", "podAnnotations", "labels", "annotations"}
        free |= {"podSecurityContext", "securityContext", "dns"}
        if not free & set(path[:-1]):
            assert not validator_for(SCHEMA).is_valid({**LEAST, **values}), path


@pytest.mark.parametrize("kind", KINDS)
def test_a_consumer_may_say_whatever_defaults_may(kind):
    """What stands under `defaults` stands under a consumer and under the workers, too."""
    consumers = {"it": {**VALUES["defaults"], "kind": kind, "replicas": 2, "only": ["a"]}}
    workers = {**VALUES["defaults"], **VALUES["workers"]}
    assert validator_for(SCHEMA).is_valid({**LEAST, "consumers": consumers, "workers": workers})
    assert not validator_for(SCHEMA).is_valid({**LEAST, "consumers": {"it": {**consumers["it"], "controller": "DaemonSet"}}})


@pytest.mark.parametrize("name", ["It", "a_b", "9", "", "-a", "a" * 25])
def test_a_consumers_name_is_one_of_kubernetes(name):
    """It stands in the names of objects, so what Kubernetes would refuse is refused."""
    assert not validator_for(SCHEMA).is_valid({**LEAST, "consumers": {name: {"kind": "floods"}}})
    assert validator_for(SCHEMA).is_valid({**LEAST, "consumers": {"a-b": {"kind": "floods"}}})


def test_every_word_of_the_worker_is_known_but_what_the_chart_sets():
    """All options of the worker may be written, except those that the chart depends on."""
    known = SCHEMA["$defs"]["worker"]["properties"]
    words = {word for word, _ in all_words(WorkerSettings)}
    missing = {"spool.dir", "probe.listeners", "group.instance.id", "rest.advertised.host.name", "rest.advertised.port"}
    assert words - set(known) == missing


def test_a_connector_has_the_words_of_its_class():
    """Those of every connector and of its own class, and none of another."""
    secret = "${file:/run/secrets/wellhead/a/b}"
    wss = {"connector.class": "wss", "username": "u", "password": secret}
    chain = {
        "transforms": "a",
        "transforms.a.type": "MaskField",
        "transforms.a.hash.key": secret,
        "predicates": {"p": {"type": "x"}},
    }

    def takes(entry):
        return validator_for(SCHEMA).is_valid({**LEAST, "connectors": {"it": entry}})

    assert takes(wss)
    assert takes({**wss, **chain, "http": {"budget.reserve": 5}})
    assert not takes({**wss, "transforms.a.hash.key": "plain"})
    assert not takes({**wss, "channels": "a"})
    assert takes({"connector.class": "push", "channels": "a"})
    assert not takes({"connector.class": "threatstream", "user": "u", "api_key": secret})
    words = {word for word, _ in all_words(ConnectorSettings)} - {"name", "transforms", "predicates"}
    assert words <= SCHEMA["$defs"]["connector"]["properties"].keys()
