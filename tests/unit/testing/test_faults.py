"""Faults strike when armed to, as often as armed to, and the same for the same seed."""

from __future__ import annotations

import pytest

from wellhead.errors import ConfigError
from wellhead.testing.faults import Faults, FaultSpec

KNOWN = {"abort": "stops", "slow": "dribbles"}


def strikes(spec: str, chances: int, seed: int = 1) -> list[bool]:
    faults = Faults(KNOWN, seed=seed)
    faults.arm(spec)
    return [faults.take("abort") for _ in range(chances)]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("abort", FaultSpec("abort")),
        ("abort:3", FaultSpec("abort", 3)),
        ("abort:*", FaultSpec("abort", None)),
        ("abort@2", FaultSpec("abort", after=2)),
        ("abort:*@5~0.25", FaultSpec("abort", None, 5, 0.25)),
    ],
)
def test_a_spec_reads_what_it_writes(text, spec):
    """Every form parses, and its text parses to the same again."""
    assert FaultSpec.parse(text) == spec
    assert FaultSpec.parse(str(spec)) == spec


@pytest.mark.parametrize("text", ["", "abort:", "abort:x", "ABORT", "abort~1.5", "abort 3"])
def test_a_malformed_spec_is_refused_with_the_form(text):
    """What is not of the form is refused, telling the form."""
    with pytest.raises(ConfigError, match="NAME"):
        FaultSpec.parse(text)


def test_an_unknown_fault_is_refused_with_the_closest():
    """A mistyped name is refused and the nearest one named."""
    with pytest.raises(ConfigError, match="did you mean abort"):
        Faults(KNOWN, seed=1).arm("abrt")


def test_a_fault_strikes_its_count_after_its_grace():
    """The first chances pass, then it strikes its count, then it is spent."""
    assert strikes("abort:2@1", 5) == [False, True, True, False, False]


def test_chance_follows_from_the_seed():
    """A probability strikes about that often, in the same places for the same seed."""
    once = strikes("abort:*~0.5", 200)
    assert once == strikes("abort:*~0.5", 200) != strikes("abort:*~0.5", 200, seed=2)
    assert 60 < sum(once) < 140


def test_what_is_not_armed_or_disarmed_does_not_strike():
    """Only armed faults strike, and the count of strikes stays."""
    faults = Faults(KNOWN, seed=1)
    faults.arm("abort:*")
    faults.arm("slow")
    assert faults.first(("slow", "abort")) == "slow"
    assert faults.first(("slow", "abort")) == "abort"
    faults.disarm("abort")
    assert faults.first(KNOWN) is None
    assert faults.struck == {"abort": 1, "slow": 1}
    assert faults.armed() == []
