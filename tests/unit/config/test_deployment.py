"""Tests of the frozen result."""

import dataclasses

import pytest


def test_a_deployment_is_frozen(loaded, sound):
    """What was checked is what runs."""
    deployment = loaded(sound)
    with pytest.raises(dataclasses.FrozenInstanceError):
        deployment.connectors = ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        deployment.connectors[0].streams = ()


def test_secrets_of_all_parts_are_gathered_longest_first(loaded, sound):
    """One list redacts a whole worker's output."""
    deployment = loaded(sound + "    legacy_password: legacy-p4ss\n", overrides=("kafka.sasl.password=kafka-p4ssword",))
    assert deployment.secrets() == ["kafka-p4ssword", "t0ken-of-acme", "legacy-p4ss"]
    assert deployment.connectors[0].secrets() == ["t0ken-of-acme", "legacy-p4ss"]
    assert deployment.connectors[0].name == "one"
