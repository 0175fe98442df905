"""Tests of binding a connector's transforms to one of its streams."""

from dataclasses import replace

import pytest

from wellhead.clock import SystemClock
from wellhead.config.transforms import TRANSFORMS
from wellhead.errors import ConfigError
from wellhead.transforms import bind

RULES = {
    "transforms": "drop,fill",
    "transforms.drop.type": "Filter",
    "transforms.drop.predicate": "old",
    "predicates.old.type": "FieldIsNull",
    "predicates.old.field": "usr",
    "transforms.fill.type": "InsertField",
    "transforms.fill.static.field": "nbytes",
    "transforms.fill.static.value": "x",
}


def test_every_problem_is_told_at_once(feed):
    """Problems of transforms and predicates come together, each with its path."""
    with pytest.raises(ConfigError) as error:
        bind(feed.connector_of(RULES), feed.stream, feed.schema, SystemClock())
    assert str(error.value).splitlines() == [
        "connector feed, stream event: 2 problems",
        "  connectors.feed.predicates.old.field: stream event has no field 'usr'; did you mean user?",
        "  connectors.feed.transforms.fill.static.field: nbytes is long; only a text field can be filled",
    ]


def test_a_transform_for_other_streams_is_left_out(feed):
    """What is for one stream need not fit another."""
    connector = feed.connector_of({**RULES, "transforms.drop.streams": "event", "transforms.fill.streams": "other"})
    with pytest.raises(ConfigError) as error:
        bind(connector, feed.stream, feed.schema, SystemClock())
    assert [problem.path for problem in error.value.problems] == ["connectors.feed.predicates.old.field"]
    other = replace(feed.stream, name="third")
    assert bind(connector, other, feed.schema, SystemClock()) == ()


def test_every_type_has_options_that_can_be_bound(feed):
    """No type is declared without code behind it."""
    words = {
        "Filter": {"predicate": "p"},
        "MaskField": {"fields": "url"},
        "ReplaceField": {"exclude": "score"},
        "InsertField": {"static.field": "session", "static.value": ""},
    }
    assert words.keys() == TRANSFORMS.keys()
    for kind, options in words.items():
        given = {f"transforms.it.{word}": value for word, value in {"type": kind, **options}.items()}
        if kind == "InsertField":
            given["transforms.it.static.field"] = "user"
        assert feed.transforms({**given, "predicates.p.type": "FieldIsNull", "predicates.p.field": "url"})
