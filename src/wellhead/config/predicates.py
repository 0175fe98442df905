"""Takes the options of a predicate as written, gives one frozen model for each type; never looks at a record or a schema."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from wellhead.config.lists import Texts
from wellhead.config.model import Settings

_HUNDRED_YEARS_SECS: Final = 3_155_760_000


class PredicateOptions(Settings):
    """What every predicate has."""

    type: str = Field(description="Which predicate it is.")
    field: str = Field(min_length=1, description="The field it looks at.")


class FieldEqualsOptions(PredicateOptions):
    """Matches records whose field is one of the given values."""

    values: Texts = Field(description="The values, written as the field's type; a comma list or a YAML list.")


class FieldMatchesOptions(PredicateOptions):
    """Matches records whose text field contains a match of a pattern."""

    pattern: str = Field(min_length=1, description="RE2 pattern, found anywhere in the text; anchor it with ^ and $.")


class FieldIsNullOptions(PredicateOptions):
    """Matches records whose field is null."""


class OlderThanOptions(PredicateOptions):
    """Matches records whose time lies further back than an age, counted from when they are read."""

    age_secs: float = Field(gt=0, le=_HUNDRED_YEARS_SECS, description="Age in seconds past which a record matches.")


PREDICATES: Final[dict[str, type[PredicateOptions]]] = {
    "FieldEquals": FieldEqualsOptions,
    "FieldMatches": FieldMatchesOptions,
    "FieldIsNull": FieldIsNullOptions,
    "OlderThan": OlderThanOptions,
}
