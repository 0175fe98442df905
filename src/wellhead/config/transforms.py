"""Takes the options of a transform as written, gives one frozen model for each type; never looks at a record or a schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Texts
from wellhead.config.model import Settings
from wellhead.config.predicates import PredicateOptions

# As with any keyed hash: who can guess the key can try every user name.
_SHORTEST_KEY_CHARS: Final = 16


class TransformOptions(Settings):
    """What every transform has."""

    type: str = Field(description="Which transform it is.")
    predicate: str | None = Field(
        None, min_length=1, description="Alias of the predicate that selects its records; unset = all of them."
    )
    negate: bool = Field(False, description="Select the records that the predicate does not match.")
    streams: Texts | None = Field(None, description="The streams it is for; unset = all of the connector's.")

    @model_validator(mode="after")
    def _negates_something(self) -> TransformOptions:
        if self.negate and self.predicate is None:
            raise PydanticCustomError("word", "needs a predicate to negate", {"word": "negate"})
        return self


class FilterOptions(TransformOptions):
    """Leaves out the selected records and counts them as filtered under its alias."""

    predicate: str = Field(min_length=1, description="Alias of the predicate that selects what is left out.")


class MaskFieldOptions(TransformOptions):
    """Replaces the values of fields by one fixed value, or by a keyed hash that is the same for the same text; nulls stay null."""

    fields: Texts = Field(description="The fields to mask.")
    replacement: str | None = Field(
        None, description="The value to put there, written as the field's type; unset = empty text, 0, false or the epoch."
    )
    hash_key: SecretStr | None = Field(
        None, description="Key of at least 16 characters: text becomes its HMAC-SHA-256 in hex instead of a fixed value."
    )

    @field_validator("hash_key")
    @classmethod
    def _cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SHORTEST_KEY_CHARS:
            raise PydanticCustomError("key", "must have at least 16 characters, or it can be guessed")
        return value

    @model_validator(mode="after")
    def _masks_one_way(self) -> MaskFieldOptions:
        if self.replacement is not None and self.hash_key is not None:
            raise PydanticCustomError("word", "cannot stand together with hash.key", {"word": "replacement"})
        return self


class ReplaceFieldOptions(TransformOptions):
    """Empties fields: they become null, and the schema stays as it is."""

    exclude: Texts | None = Field(None, description="The fields to empty.")
    include: Texts | None = Field(None, description="The fields to keep; every other one is emptied.")

    @model_validator(mode="after")
    def _says_which(self) -> ReplaceFieldOptions:
        if self.exclude is None and self.include is None:
            raise PydanticCustomError("word", "required: the fields to empty, or in include those to keep", {"word": "exclude"})
        if self.exclude is not None and self.include is not None:
            raise PydanticCustomError("word", "cannot stand together with exclude", {"word": "include"})
        return self


class InsertFieldOptions(TransformOptions):
    """Puts a fixed text into a text field of the schema."""

    static_field: str = Field(min_length=1, description="The field to fill: text that may be null.")
    static_value: str = Field(description="The text to put there.")
    static_when: Literal["missing", "always"] = Field(
        "missing", description="Fill the field where it is null, or replace what stands there too."
    )


TRANSFORMS: Final[dict[str, type[TransformOptions]]] = {
    "Filter": FilterOptions,
    "MaskField": MaskFieldOptions,
    "ReplaceField": ReplaceFieldOptions,
    "InsertField": InsertFieldOptions,
}


@dataclass(frozen=True, slots=True)
class TransformStep:
    """One transform of a connector.

    Attributes:
        alias: Its name, under which what it leaves out is counted.
        options: Its options.
        predicate: What selects its records; None selects all.
    """

    alias: str
    options: TransformOptions
    predicate: PredicateOptions | None = None
