"""Tests of InsertField."""

import pytest

ROWS = ({"user": None, "url": "/a"}, {"user": "bob", "url": "/a"}, {"user": None, "url": "/b"})
RULE = {"type": "InsertField", "static.field": "user", "static.value": "nobody"}


@pytest.mark.parametrize(
    ("more", "users"),
    [
        ({}, ["nobody", "bob", "nobody"]),
        ({"static.when": "missing"}, ["nobody", "bob", "nobody"]),
        ({"static.when": "always"}, ["nobody", "nobody", "nobody"]),
    ],
)
def test_a_field_is_filled_where_it_is_null_or_always(feed, more, users):
    """By default nothing that stands in the field is lost."""
    assert feed.one(RULE | more).apply(feed.batch(*ROWS)).column("user").to_pylist() == users


def test_a_predicate_says_where(feed):
    """Only the selected rows are filled."""
    made = feed.one(RULE, {"type": "FieldMatches", "field": "url", "pattern": "a$"})
    assert made.apply(feed.batch(*ROWS)).column("user").to_pylist() == ["nobody", "bob", None]


def test_only_text_that_may_be_null_is_filled(refused):
    """The field must exist, be text, and name nothing."""
    rule = {"transforms.it.type": "InsertField", "transforms.it.static.value": "x"}
    assert refused({**rule, "transforms.it.static.field": "nbytes"}) == {
        "transforms.it.static.field": "nbytes is long; only a text field can be filled"
    }
    told = refused({**rule, "transforms.it.static.field": "colour"})
    assert told["transforms.it.static.field"].startswith("stream event has no field 'colour'; it has time, id, ")
    assert "is part of the key" in refused({**rule, "transforms.it.static.field": "user"})["transforms.it.static.field"]
