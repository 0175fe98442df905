"""Tests of the rows that describe options."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.config.describe import Option, options_of, type_text
from wellhead.config.words import all_words


class Colour(Enum):
    RED = "red"


class Part(BaseModel):
    size: int = Field(3, ge=1, le=9, description="How big.")
    below: "Part | None" = Field(None, description="The next part.")


class Options(BaseModel):
    needed: str = Field(description="Must be given.")
    secret: SecretStr = Field(SecretStr("d3fault"), description="A secret with a default.")
    ratio: float = Field(0.5, gt=0, description="A share.")
    part: Part = Field(default_factory=Part, description="One part.")
    parts: list[Part] = Field(default_factory=list, description="More parts.")
    named: dict[str, Part] = Field(default_factory=dict, description="Parts by name.")
    kinds: set[str] = Field(default={"b", "a"}, description="Kinds.")
    colour: Colour = Field(Colour.RED, description="A colour.")


def test_one_row_for_each_option_nested_ones_in_full():
    """Everything an operator can write has a row with type, bounds, default and description."""
    rows = {option.word: option for option in options_of(Options)}
    assert list(rows) == [
        "needed", "secret", "ratio", "part.size", "part.below", "parts", "parts[].size", "parts[].below", "named", "named.*.size", "named.*.below", "kinds", "colour",
    ]  # fmt: skip
    assert rows["needed"] == Option("needed", "text", "required", "Must be given.", required=True)
    assert rows["part.size"] == Option("part.size", "integer, ≥ 1, ≤ 9", "3", "How big.", required=False)
    assert (rows["ratio"].type, rows["ratio"].default) == ("number, > 0", "0.5")
    assert (rows["kinds"].default, rows["colour"].default) == ("a,b", "red")


def test_a_default_secret_is_not_shown():
    """Not even a default password stands in the docs."""
    assert "d3fault" not in str(options_of(Options))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, "text"),
        (int | None, "integer"),
        (SecretStr | None, "secret"),
        (bool, "boolean"),
        (Path, "path"),
        (list[str], "list of text"),
        (tuple[int, ...], "list of integer"),
        (list, "list"),
        (dict[str, int], "mapping"),
        (Part, "mapping"),
        (Literal["a", "b"] | None, "`a` or `b`"),
        (Colour, "`red`"),
        (str | list[str], "text or list of text"),
        (Annotated[float, Field(gt=0)], "number"),
        (Any, "any"),
    ],
)
def test_types_in_words(annotation, text):
    """No Python type reaches an operator."""
    assert type_text(annotation) == text


@pytest.mark.parametrize("model", [WorkerSettings, ConnectorSettings])
def test_every_framework_word_has_a_described_row(model):
    """The reference pages leave nothing out."""
    rows = {option.word: option for option in options_of(model)}
    words = {f"{text}.*" if word.group is not None else text for text, word in all_words(model)}
    assert words <= set(rows)
    assert [word for word, option in rows.items() if not option.description or not option.type] == []


def test_groups_show_what_they_need_first():
    """`kafka.bootstrap.servers` has a row of its own above `kafka.*`."""
    words = [option.word for option in options_of(WorkerSettings)]
    assert words.index("kafka.bootstrap.servers") + 1 == words.index("kafka.*")


def test_a_default_that_depends_on_the_machine_is_told_in_words():
    """The docs are the same wherever they are built."""
    rows = {option.word: option for option in options_of(WorkerSettings)}
    assert rows["spool.dir"].default == "the system's temporary folder"
