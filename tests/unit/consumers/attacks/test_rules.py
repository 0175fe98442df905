"""Proves that rules are read as data, that what is wrong with them is told at once, and that two texts never pass for one rule."""

import pytest

from wellhead.consumers.attacks.rules import load_rule, load_rules
from wellhead.errors import ConfigError

GOOD = {
    "rule": "mine",
    "version": 1,
    "description": "Mine.",
    "record": "wallarm.hit",
    "event": "wallarm.attack_event",
    "by": "[type, domain]",
}
BURST = {**GOOD, "rule": "crowd", "by": "[ip]", "over": 5}


@pytest.fixture
def written(tmp_path):
    def write(words, name="rule"):
        path = tmp_path / f"{name}.yaml"
        path.write_text("\n".join(f"{word}: {value}" for word, value in words.items() if value is not None) + "\n")
        return str(path)

    return write


def told(names) -> str:
    with pytest.raises(ConfigError) as caught:
        load_rules(names)
    return str(caught.value)


def test_the_shipped_rules_fit_together():
    """What the connector ships says what the vendor documents: an hour's gap, and more than 50 hits of one sender in 15 minutes."""
    rules = load_rules(["wallarm/basic", "wallarm/by_source_ip"])
    assert (rules.base.by, rules.base.gap_secs) == (("type", "parameter", "domain", "path"), 3600)
    assert rules.burst is not None
    assert (rules.burst.over, rules.burst.within_secs, rules.burst.by) == (50, 900, ("ip",))
    assert rules.burst.exceptions["type"] == ("brute", "dirbust", "bola", "overlimit_res", "data_bomb", "vpatch")
    assert rules.shown == ("type", "parameter", "domain", "path", "method")
    assert rules.retain_ms(3600) == 7_200_000
    assert load_rules(["wallarm/similar"]).base.by[-2:] == ("method", "ip")


def test_every_problem_of_every_rule_is_told(written):
    """A column that does not exist, a rule that is not there and one without its version are named in one go."""
    text = told([written({**GOOD, "by": "[type, domian]"}, "one"), "wallarm/basik", written({**GOOD, "version": None}, "two")])
    assert "domian is no column of wallarm.hit" in text
    assert "did you mean wallarm/basic?" in text
    assert "version" in text


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([BURST], "exactly one rule without `over` is needed"),
        ([GOOD, {**GOOD, "rule": "other"}], "found: mine, other"),
        ([GOOD, BURST, {**BURST, "rule": "mob"}], "at most one rule with `over`"),
        ([GOOD, {**BURST, "by": "[domain]"}], "groups by the sender alone: by: [ip]"),
        ([{**GOOD, "event": None}], "names no `event`"),
    ],
)
def test_rules_that_do_not_fit_together_are_refused(rules, said, written):
    """One rule for every hit, at most one beside it for senders."""
    assert said in told([written(rule, f"r{number}") for number, rule in enumerate(rules)])


def test_a_digest_tells_texts_apart_but_not_their_description(written):
    """What a rule does is in its digest; what is said of it is not."""
    digest = load_rule(written(GOOD))[1]
    assert load_rule(written({**GOOD, "description": "Said otherwise."}))[1] == digest
    assert load_rule(written({**GOOD, "gap.secs": 10}))[1] != digest
    assert load_rule(written({**GOOD, "by": "[domain, type]"}))[1] != digest
