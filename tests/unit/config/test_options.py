"""Tests of shaping a connector's own words."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from wellhead.config.options import option_fields, shape
from wellhead.config.secrets import Hidden


class Colour(Enum):
    RED = "red"


class Part(BaseModel):
    secret_word: SecretStr = SecretStr("")
    tags: list[str] = []
    count: int = 0


class Options(BaseModel):
    text: str = ""
    number: int = 0
    names: list[str] = []
    pairs: tuple[int, ...] = ()
    unique: set[str] | None = None
    mapping: dict[str, int] = {}
    secret: SecretStr | None = None
    secrets: list[SecretStr] = []
    vault: dict[str, SecretStr] = {}
    part: Part = Part()
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    either: str | list[str] = ""
    path: Path | None = None
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    noted: Annotated[list[int], Field(max_length=3)] = []
    anything: Any = None
    renamed: list[str] = Field([], alias="called")


@pytest.mark.parametrize(
    ("flat", "shaped"),
    [
        ({"names": "a, b,,c"}, {"names": ["a", "b", "c"]}),
        ({"names": ""}, {"names": []}),
        ({"names": '["a,b", "c"]'}, {"names": ["a,b", "c"]}),
        ({"names": ["a", "b"]}, {"names": ["a", "b"]}),
        ({"names": "[broken"}, {"names": "[broken"}),
        ({"pairs": "1,2"}, {"pairs": ["1", "2"]}),
        ({"unique": "a,b"}, {"unique": ["a", "b"]}),
        ({"noted": "1,2"}, {"noted": ["1", "2"]}),
        ({"mapping": '{"a": 1}'}, {"mapping": {"a": 1}}),
        ({"mapping.a": "1", "mapping.b": "2"}, {"mapping": {"a": "1", "b": "2"}}),
        ({"mapping": {"a": 1}, "mapping.b": "2"}, {"mapping": {"a": 1, "b": "2"}}),
        ({"part.tags": "a,b", "part.count": "3"}, {"part": {"tags": ["a", "b"], "count": "3"}}),
        ({"part": '{"count": 3}'}, {"part": {"count": 3}}),
        ({"parts": [{"tags": "a,b"}]}, {"parts": [{"tags": ["a", "b"]}]}),
        ({"by_name": {"x": {"tags": "a"}}}, {"by_name": {"x": {"tags": ["a"]}}}),
        ({"either": "a,b"}, {"either": "a,b"}),
        ({"text": "a,b"}, {"text": "a,b"}),
        ({"number": "5", "path": "/x", "colour": "red", "mode": "b", "anything": "[1]"}, {"number": "5", "path": "/x", "colour": "red", "mode": "b", "anything": "[1]"}),
        ({"called": "a,b"}, {"called": ["a", "b"]}),
        ({"unknown": "a,b"}, {"unknown": "a,b"}),
    ],
)  # fmt: skip
def test_text_takes_the_shape_the_option_wants(flat, shaped):
    """Flags and flat configurations are text; lists and mappings can still be written."""
    assert shape(flat, Options) == shaped


def test_what_is_shaped_can_be_validated():
    """The result is what the model takes."""
    made = Options.model_validate(shape({"pairs": "1,2", "mapping.a": "1", "part.secret_word": "x", "secrets": "a,b"}, Options))
    assert (made.pairs, made.mapping, made.part.secret_word.get_secret_value()) == ((1, 2), {"a": 1}, "x")


@pytest.mark.parametrize(
    ("flat", "find"),
    [
        ({"secret": "s3cr3t"}, lambda made: made["secret"]),
        ({"secrets": ["s3cr3t"]}, lambda made: made["secrets"][0]),
        ({"vault": {"a": "s3cr3t"}}, lambda made: made["vault"]["a"]),
        ({"part": {"secret_word": "s3cr3t"}}, lambda made: made["part"]["secret_word"]),
        ({"parts": [{"secret_word": "s3cr3t"}]}, lambda made: made["parts"][0]["secret_word"]),
        ({"by_name": {"x": {"secret_word": "s3cr3t"}}}, lambda made: made["by_name"]["x"]["secret_word"]),
        ({"secrets": "other,s3cr3t"}, lambda made: made["secrets"][1]),
        ({"vault": '{"a": "s3cr3t"}'}, lambda made: made["vault"]["a"]),
        ({"part": '{"secret_word": "s3cr3t"}'}, lambda made: made["part"]["secret_word"]),
    ],
)
def test_text_for_a_secret_is_hidden_before_it_is_validated(flat, find):
    """Where an option is a SecretStr, however deep, the text as written is hidden too."""
    hidden = find(shape(flat, Options))
    assert isinstance(hidden, Hidden)
    assert hidden == "s3cr3t"


def test_an_option_is_known_by_its_alias():
    """The operator writes the alias where there is one."""
    assert "called" in option_fields(Options)
    assert "renamed" not in option_fields(Options)


@pytest.mark.parametrize(
    ("word", "text"),
    [("names", "a-one,b-two"), ("names", '["a-one"]'), ("part", '{"tags": ["a-one"]}'), ("mapping", '{"x": "a-one"}')],
)
def test_what_a_provider_gave_stays_hidden_when_taken_apart(word, text):
    """Each piece of a provider's text shows the reference, never itself."""
    shown = repr(shape({word: Hidden(text, "${env:X}")}, Options))
    assert "a-one" not in shown
    assert "${env:X}" in shown
