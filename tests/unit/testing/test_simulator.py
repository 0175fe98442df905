"""The base of every simulator arms faults of both kinds and knows what it holds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from wellhead.errors import ConfigError
from wellhead.testing.simulator import SimulatorSettings


def test_settings_arm_faults_of_both_kinds(toy):
    """A fault of the transport is armed, a fault of the content shapes the data."""
    simulator = toy(faults=["http_500:2", "odd:3"])
    assert [str(spec) for spec in simulator.faults.armed()] == ["http_500:2"]
    assert [str(spec) for spec in simulator.content.values()] == ["odd:3"]


def test_an_unknown_fault_is_refused_at_once(toy):
    """A mistyped fault never waits until the first request."""
    with pytest.raises(ConfigError, match="did you mean cut_body"):
        toy(faults=["cutbody"])


def test_every_known_fault_says_what_it_does(toy):
    """Status, body, vendor and content faults are all listed, each with a sentence."""
    known = toy().known_faults()
    assert {"http_429", "cut_body", "short", "odd"} <= known.keys()
    assert all(told.endswith(".") for told in known.values())


def test_identities_are_those_of_the_sound_records(toy):
    """Broken records have none."""
    assert toy().identities() == {("1", "é")}


def test_unknown_settings_are_refused():
    """A setting nobody reads is an error."""
    with pytest.raises(ValidationError):
        SimulatorSettings.model_validate({"sed": 1})


def test_every_setting_is_described():
    """The command line's help comes from the descriptions."""
    assert all(field.description for field in SimulatorSettings.model_fields.values())
