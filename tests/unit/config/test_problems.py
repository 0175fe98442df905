"""Tests of turning pydantic's errors into problems."""

from enum import Enum
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wellhead.config import WorkerSettings
from wellhead.config.problems import problems_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(description="How big.")


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = Field(1, ge=1, le=9)
    ratio: float = Field(0.5, gt=0, lt=1)
    flag: bool = False
    text: str = Field("x", min_length=1, max_length=3, pattern="^x")
    names: list[str] = []
    pairs: dict[str, int] = {}
    mode: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    part: Part | None = None
    parts: list[Part] = []
    quoted: str = ""

    @field_validator("quoted")
    @classmethod
    def _quotes(cls, value: str) -> str:
        if value:
            raise ValueError(f"cannot use {value!r}\nsecond line")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Options":
        if self.number == 7:
            raise ValueError("7 is taken")
        return self


def told(options: dict, secrets: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(ValidationError) as error:
        Options.model_validate(options)
    return [str(problem) for problem in problems_of(error.value, Options, "connectors.one", secrets)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": "many"}, "number: must be a whole number"),
        ({"number": 1.5}, "number: must be a whole number"),
        ({"number": 0}, "number: must be at least 1"),
        ({"number": 10}, "number: must be at most 9"),
        ({"ratio": 0}, "ratio: must be greater than 0"),
        ({"ratio": 1}, "ratio: must be less than 1"),
        ({"ratio": "x"}, "ratio: must be a number"),
        ({"flag": "maybe"}, "flag: must be true or false"),
        ({"text": 5}, "text: must be text; put it in quotes"),
        ({"text": ""}, "text: must not be empty"),
        ({"text": "xxxx"}, "text: must be at most 3 characters"),
        ({"text": "y"}, "text: must match ^x"),
        ({"names": 5}, "names: must be a list"),
        ({"names": ["a", 5]}, "names.1: must be text; put it in quotes"),
        ({"pairs": 5}, "pairs: must be a mapping"),
        ({"pairs": {"a": "x"}}, "pairs.a: must be a whole number"),
        ({"mode": "c"}, "mode: must be 'a' or 'b'"),
        ({"colour": "green"}, "colour: must be 'red' or 'blue'"),
        ({"part": 5}, "part: must be a mapping"),
        ({"part": {}}, "part.size: required: How big."),
        ({"parts": [{"size": 1}, {}]}, "parts.1.size: required: How big."),
        ({"parts": [{"size": 1, "seize": 2}]}, "parts.0.seize: unknown option; did you mean size?"),
        ({"part": {"size": 1, "zzz": 2}}, "part.zzz: unknown option; known here: size"),
        ({"quoted": "v"}, "quoted: cannot use 'v'"),
    ],
)
def test_messages_are_for_operators(options, message):
    """Each error is one line: where, and what it must be."""
    assert told(options) == [f"connectors.one.{message}"]


def test_an_error_of_the_whole_is_at_the_whole():
    """A rule over several options names the connector."""
    assert told({"number": 7}) == ["connectors.one: 7 is taken"]


def test_a_validator_that_quotes_its_input_shows_no_secret():
    """Whatever an author writes into a message, known secrets are taken out."""
    assert told({"quoted": "s3cr3t-value"}, secrets=("s3cr3t-value",)) == ["connectors.one.quoted: cannot use '******'"]


def test_a_secret_used_as_a_key_is_not_shown_in_the_path():
    """Even a path can hold a secret when somebody mixes up key and value."""
    assert told({"pairs": {"s3cr3t-value": "x"}}, secrets=("s3cr3t-value",)) == [
        "connectors.one.pairs.******: must be a whole number"
    ]


def test_a_missing_group_names_the_words_it_needs():
    """Without `kafka` the operator hears of `kafka.bootstrap.servers`."""
    with pytest.raises(ValidationError) as error:
        WorkerSettings.layered(flags={}, environment={}, files={"schema.registry": {"basic.auth.user.info": "u:p"}})
    assert [str(problem) for problem in problems_of(error.value, WorkerSettings, "worker")] == [
        "worker.kafka.bootstrap.servers: required: Kafka brokers to start from, host:port with commas between them.",
        "worker.schema.registry.url: required: Address of the schema registry, such as http://127.0.0.1:8081.",
    ]
