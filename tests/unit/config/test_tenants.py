"""Proves that one definition becomes one connector for each of its tenants, and that no tenant notices the others."""

import json
from pathlib import Path

import pytest

from wellhead.config.load import load
from wellhead.errors import ConfigError

WORKER = {"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry.url": "http://127.0.0.1:1"}
WSS = {"connector.class": "wss", "url": "http://127.0.0.1:1", "username": "${tenant}-reader", "topic.prefix": "${tenant}."}


def loaded(folder: Path, environ=None, **options):
    path = folder / "deployment.json"
    path.write_text(
        json.dumps({"worker": WORKER, "connectors": {"fan": {**WSS, "password": "${env:PW_${tenant}}", **options}}})
    )
    return load([path], environ=environ or {"PW_acme": "one", "PW_beta": "two"}).connectors


def test_each_tenant_has_its_own_options_and_secrets(tmp_path):
    """`${tenant}` stands for the tenant's name everywhere, also inside a reference to a secret."""
    acme, beta = loaded(tmp_path, tenants="acme, beta")
    assert [each.settings.tenant for each in (acme, beta)] == ["acme", "beta"]
    assert [each.settings.topic_of("x") for each in (acme, beta)] == ["acme.x", "beta.x"]
    assert [each.config.password.get_secret_value() for each in (acme, beta)] == ["one", "two"]
    assert (acme.fanned_out, acme.config.username) == (True, "acme-reader")


def test_a_connector_without_a_list_is_itself(tmp_path):
    """Without tenants nothing is replaced and nothing is fanned out."""
    (only,) = loaded(tmp_path, tenant="acme", password="x", username="u", **{"topic.prefix": "t."})
    assert (only.settings.tenant, only.fanned_out) == ("acme", False)


def test_a_tenant_more_leaves_the_others_as_they_were(tmp_path):
    """What a tenant's tasks run with does not change with the list."""
    before = loaded(tmp_path, tenants=["acme"])
    after = loaded(tmp_path, tenants=["beta", "acme"])
    assert after[1] == before[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tenants": "a,a"}, "must list each tenant once"),
        ({"tenants": "a", "tenant": "b"}, "cannot stand together with tenant"),
        ({"tenants": "a b"}, "letters, digits"),
        ({"tenants": []}, "must list tenants"),
        ({"tenants": [f"t{number}" for number in range(1001)]}, "at most 1000"),
    ],
)
def test_a_bad_list_is_told(tmp_path, options, message):
    """A list that cannot be fanned out is a problem at its own path."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, **options)
    (problem,) = caught.value.problems
    assert (problem.path, message in problem.message) == ("connectors.fan.tenants", True)


def test_a_missing_secret_names_the_tenants_reference(tmp_path):
    """A tenant without its secret is told by the reference it has, once."""
    with pytest.raises(ConfigError, match="PW_beta"):
        loaded(tmp_path, environ={"PW_acme": "one"}, tenants="acme,beta")
