"""Tests of the names and topics an entry has of its own."""

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from wellhead.config.owntopics import EntryName, beside, each_its_own


@pytest.mark.parametrize(
    ("read", "made"),
    [
        ({"topics": ("gate.connection", "other.access_log")}, "gate.state"),
        ({"topics": "house.gate.hit"}, "house.gate.state"),
        ({"topics": ("hits",)}, "hits.state"),
        ({}, ".state"),
    ],
)
def test_a_topic_is_made_up_beside_the_first_that_is_read(read, made):
    """It shares everything up to the last dot; a name without a dot is kept whole, and a missing one breaks nothing."""
    assert beside("topics", "state")(read) == made


def test_no_topic_under_two_words():
    """The second word is at fault, and the first is named; different topics are none."""
    each_its_own([("topic", "a"), ("state.topic", "b")])
    with pytest.raises(PydanticCustomError, match=r"is the same as topic; give each its own topic") as caught:
        each_its_own([("topic", "a"), ("state.topic", "a")])
    assert caught.value.context == {"word": "state.topic"}


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a" * 65, "é"])
def test_names_that_would_not_do_in_a_group(name):
    """A name stands in consumer groups and keys: letters, digits, _ and -, at most 64."""
    with pytest.raises(ValidationError, match="must be 1 to 64 letters"):
        TypeAdapter(EntryName).validate_python(name)
    assert TypeAdapter(EntryName).validate_python("proxies_1-A") == "proxies_1-A"
