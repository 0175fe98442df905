"""Takes a mapping's words, gives one frozen model of a lookup file: which rows, which columns, in which order; never touches data."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Aliases, Texts

_FILE = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,190}\.csv$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_HEADER = r"^[^\"\s,](?:[^\"\r\n,]{0,253}[^\"\s,])?$"


class _Part(BaseModel):
    """Base of a mapping's parts: frozen, unknown words refused, numbers taken as the text they are written as."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _as_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _printable(value: str) -> str:
    """Refuse what would make more than one line of a row."""
    if _CONTROL.search(value):
        raise PydanticCustomError(
            "text", "must not hold line breaks or other control characters: a row of the file is one line"
        )
    return value


Text = Annotated[str, BeforeValidator(_text), AfterValidator(_printable)]


class Condition(_Part):
    """What a record column must be; its text form is compared, exactly."""

    column: str = Field(min_length=1, description="Record column that is looked at.")
    equals: Text | None = Field(None, description="The value it must have.")
    one_of: tuple[Text, ...] | None = Field(None, alias="in", min_length=1, description="The values of which it must have one.")
    contains: Text | None = Field(None, min_length=1, description="A text that must stand in it.")
    not_null: bool | None = Field(None, alias="not.null", description="true = it must have a value, false = it must have none.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Condition:
        asked = [self.equals, self.one_of, self.contains, self.not_null]
        if sum(each is not None for each in asked) != 1:
            raise PydanticCustomError("condition", "needs exactly one of equals, in, contains and not.null")
        return self


class Range(_Part):
    """One step of `ranges`."""

    below: float | None = Field(None, description="The step holds for numbers below this one; the last step has none.")
    text: Text = Field(description="What stands in the file then.")


class Value(_Part):
    """What stands in a column of the file: a record column as it is, or made into something else; text alone names a column."""

    column: str | None = Field(None, min_length=1, description="Record column it is taken from.")
    first: Texts | None = Field(None, description="Record columns of which the first that is not empty counts.")
    text: Text | None = Field(None, description="The same text in every row.")
    join: Text | None = Field(
        None,
        min_length=1,
        max_length=8,
        description="What stands between the items of a list, by default a comma; inside an item a backslash is put before it.",
    )
    map: dict[str, Text] | None = Field(
        None, min_length=1, description="The text for each value; a value that is not here gives `else`."
    )
    ranges: tuple[Range, ...] | None = Field(
        None, min_length=1, description="The text for each range of numbers, lowest first."
    )
    case: Literal["upper", "lower"] | None = Field(None, description="Take it to upper or lower case.")
    when: tuple[Condition, ...] = Field((), description="What must hold for the row; where it does not, `else` counts.")
    otherwise: Annotated[Value, BeforeValidator(_as_column)] | None = Field(
        None,
        alias="else",
        description="What stands there instead of nothing: again a column's name, or a value with these words.",
    )

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Value:
        places = [name for name in ("column", "first", "text") if getattr(self, name) is not None]
        if len(places) != 1:
            raise PydanticCustomError("value", "needs exactly one of column, first and text")
        if self.text is not None and (self.map or self.ranges or self.join):
            raise PydanticCustomError("value", "map, ranges and join need a column, not a text")
        if self.map and self.ranges:
            raise PydanticCustomError("value", "takes map or ranges, not both")
        if self.ranges and self.column is None:
            raise PydanticCustomError("value", "ranges need one column")
        self._check_ranges(self.ranges or ())
        return self

    @staticmethod
    def _check_ranges(steps: tuple[Range, ...]) -> None:
        bounds = [step.below for step in steps[:-1]]
        if None in bounds:
            raise PydanticCustomError("value", "only the last of ranges may go without below")
        known = [bound for bound in [*bounds, steps[-1].below if steps else None] if bound is not None]
        if known != sorted(set(known)):
            raise PydanticCustomError("value", "ranges must stand in order, lowest below first")

    def columns(self) -> set[str]:
        """Give the record columns it needs."""
        own = {self.column} if self.column is not None else set(self.first or ())
        asked = {condition.column for condition in self.when}
        return own | asked | (self.otherwise.columns() if self.otherwise is not None else set())


class Mapping(_Part):
    """One lookup file."""

    file: str = Field(
        pattern=_FILE, description="Name of the file, here and at the target: letters, digits, - _ and ., ending in .csv."
    )
    description: str = Field("", description="What it is for.")
    record: str = Field(
        min_length=1,
        description="Schema of the records it is made of: a folder under `schemas/`, such as `<connector>.<stream>`.",
    )
    streams: Aliases = Field(
        (),
        description="Streams of the connector that publish these rows: their cursors are reset when the topic has lost them.",
    )
    rows: tuple[Condition, ...] = Field(
        (), description="Conditions that all must hold for a record to count; none = every record."
    )
    key: Texts = Field(
        description="Columns of the file that together name a row; a row with an empty one is left out, and each comes once."
    )
    newest_by: str | None = Field(
        None,
        alias="newest.by",
        description="Record column of which the highest wins where records share a key; unset = the last message.",
    )
    expires_by: str | None = Field(
        None, alias="expires.by", description="Record column of a time at which the row leaves the file; null = never."
    )
    changed_by: str | None = Field(
        None,
        alias="changed.by",
        description="Record column of the time of the last change; its highest is shown as the newest row.",
    )
    record_key: str | None = Field(
        None,
        alias="record.key",
        description="Record column that alone is the message key, if one is; a whole number saves room.",
    )
    quote: Literal["all", "minimal"] = Field(
        "all", description="Quote every field, the header too, or only those that need it."
    )
    order: Aliases = Field((), description="Columns of the file its rows are sorted by, before the key.")
    columns: dict[Annotated[str, Field(pattern=_HEADER)], Annotated[Value, BeforeValidator(_as_column)]] = Field(
        min_length=1, description="The columns of the file in order: header, and the record column or value that stands there."
    )

    @model_validator(mode="after")
    def _names_its_columns(self) -> Mapping:
        for word, names in (("key", self.key), ("order", self.order)):
            for name in names:
                if name not in self.columns:
                    raise PydanticCustomError("column", f"{word} names {name}, which is none of the file's columns")
        return self

    @property
    def sorted_by(self) -> tuple[str, ...]:
        """The columns its rows are sorted by; they name a row, so the order is the same every time."""
        return tuple(dict.fromkeys([*self.order, *self.key]))

    def record_columns(self) -> set[str]:
        """Give the record columns it needs."""
        named = {self.newest_by, self.expires_by, self.changed_by} - {None}
        asked = {condition.column for condition in self.rows}
        return {str(name) for name in named} | asked | {name for value in self.columns.values() for name in value.columns()}
