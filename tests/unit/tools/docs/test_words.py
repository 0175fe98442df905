"""Schemas of words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from pydantic import Field, SecretStr, ValidationError

from wellhead.config.flatten import flatten
from wellhead.config.floods import LimitSettings
from wellhead.config.http import HttpSettings
from wellhead.config.model import PassThrough, Settings
from wellhead.config.words import all_words, gather
from wellhead.tools.docs.words import OPEN, leaves_of, open_definition, tree


class Inner(Settings):
    url: str = Field(description="Where it is.")
    api_key: SecretStr | None = Field(None, description="Who we are.")


class Outer(Settings):
    name_of: str = Field(pattern="^[a-z]+$", description="A name.")
    count: int = Field(3, ge=1, le=9, description="A number.")
    password: SecretStr = Field(description="A secret.")
    parts: tuple[str, ...] = Field((), description="A list.")
    path: Path | None = Field(None, description="A path.")
    one: Inner = Field(description="One.")
    many: dict[str, Inner] = Field(default_factory=dict, description="Many by name.")
    kafka: PassThrough = Field(
        description="Handed on.",
        json_schema_extra={"open": True, "required_words": {"servers": "Where."}},
    )
    hidden: str = Field("", description="Not written.", json_schema_extra={"internal": True})


LEAST = {"name.of": "a", "password": "${file:/x}", "one.url": "u", "kafka.servers": "k"}


def schema_of(model):
    definitions = {OPEN: open_definition()}
    return {**tree(list(leaves_of(model)), "it", definitions), "$defs": definitions}


OUTER = validator_for(schema_of(Outer))


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"one": {"api.key": "${file:/x:y}"}},
        {"one.api.key": None},
        {"many": {"a": {"url": "u"}}},
        {"many.a.url": "u"},
        {"many.a": {"url": "u", "api": {"key": "${file:/x}"}}},
        {"kafka": {"ssl": {"ca.location": "/x"}, "acks": 1}},
        {"kafka.ssl.key.location": "/x", "kafka.sasl.password": "${file:/x}"},
        {"count": "7"},
        {"count": "${file:/x}"},
        {"name.of": "${tenant}"},
        {"parts": "a, b"},
        {"parts": ["a"]},
        {"parts": ["a", 1]},
        {"path": "/x"},
    ],
    ids=repr,
)
def test_what_wellhead_reads_is_taken(words):
    """Words may be dotted, nested or anything between; a reference may stand for any value, and text where text is read."""
    assert OUTER.is_valid({**LEAST, **words})


@pytest.mark.parametrize(
    "words",
    [
        {"cuont": 1},
        {"count": 10},
        {"count": "many"},
        {"name.of": "A"},
        {"password": "plain"},
        {"password": "${env:X}"},
        {"one": {"api.key": "plain"}},
        {"many.a.api.key": "plain"},
        {"many": {"a": {"api": {"key": "plain"}}}},
        {"many": {"a": {"uri": "u"}}},
        {"many.a.uri": "u"},
        {"kafka.sasl.password": "plain"},
        {"kafka": {"sasl": {"password": "plain"}}},
        {"kafka": {"ssl": {"key.pem": "plain"}}},
        {"hidden": "x"},
    ],
    ids=repr,
)
def test_what_wellhead_refuses_is_refused(words):
    """So is a secret that is no reference to a file, in settings that are handed on, too."""
    assert not OUTER.is_valid({**LEAST, **words})


@pytest.mark.parametrize("word", LEAST)
def test_what_is_needed_is_needed(word):
    """A word without a default is missed, however deep it stands."""
    assert not OUTER.is_valid({other: value for other, value in LEAST.items() if other != word})


@st.composite
def spelled(draw, model, values):
    """Give some words of a model, each nested in some way."""
    words = sorted(word for word, _ in all_words(model))
    written = {}
    for word in draw(st.lists(st.sampled_from(words), unique=True, max_size=6)):
        parts = word.split(".")
        cuts = sorted(draw(st.sets(st.integers(1, len(parts) - 1)))) if len(parts) > 1 else []
        keys = [".".join(parts[begin:end]) for begin, end in zip([0, *cuts], [*cuts, len(parts)], strict=True)]
        level = written
        for key in keys[:-1]:
            level = level.setdefault(key, {}) if isinstance(level, dict) else None
        if (
            isinstance(level, dict) and keys[-1] not in level
        ):  # else a shorter or longer word stands there: budget.group and budget.group.calls
            level[keys[-1]] = draw(values)
    return written


VALUES = (
    st.integers(-2, 40_000)
    | st.floats(-1, 1e6)
    | st.sampled_from([0, 1, 0.5, 1.0, True, False, None, "", "3", "0.5", "-", "live", "/x", "a b", "${file:/x}", "true"])
)


@pytest.mark.parametrize("model", [LimitSettings, HttpSettings])
@given(data=st.data())
def test_nothing_is_refused_that_wellhead_takes(model, data):
    """Of any words with any values, in any spelling: what Wellhead's own loader takes, the schema takes."""
    written = data.draw(spelled(model, VALUES))
    flat, twice = flatten(written)
    gathered, unknown = gather({word: value for word, value in flat.items() if value is not None}, model)
    try:
        model.model_validate(gathered)
    except ValidationError:
        return
    # The chart takes secrets from files only, helm takes nulls away, and a truth in place of a number can only be a mistake.
    beside = (value is None or "url" in word or (isinstance(value, bool) and word != "trace") for word, value in flat.items())
    if not (twice or unknown or any(beside)):
        assert validator_for(schema_of(model)).is_valid(written)


@pytest.mark.parametrize("model", [LimitSettings, HttpSettings])
@given(data=st.data())
def test_no_word_is_taken_that_wellhead_does_not_know(model, data):
    """One letter more in any word, in any spelling, is refused."""
    written = data.draw(spelled(model, st.just("${file:/x}")).filter(bool))
    assert validator_for(schema_of(model)).is_valid(written)
    level = written
    while True:
        key = data.draw(st.sampled_from(sorted(level)))
        if not isinstance(level[key], dict):
            break
        level = level[key]
    level[f"{key}x"] = level.pop(key)
    assert not validator_for(schema_of(model)).is_valid(written)
