"""Takes a mapping's words, gives one frozen model of how documents of one layout become those of another; never touches a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Aliases

Converter = Literal["int", "float", "text", "bool", "secs_to_ms", "iso_to_ms", "pair", "list", "first"]
Unit = Literal["ms", "s"]
INDEX = "index"
INDEX_AND_ID = "index:_id"
_PLACES = frozenset({"prefix", "month"})
_PLACE = re.compile(r"\{([^{}]*)\}")


class Layout(BaseModel):
    """How the documents of one kind are found in the store they come from, and what becomes of each."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    index: str = Field(
        min_length=1, description="Indices they are read from; {prefix} is the source's index.prefix, * any text."
    )
    target: str = Field(
        min_length=1, description="Index they are written to; {prefix} is the target's index.prefix, {month} such as 2026.02."
    )
    month: str = Field(
        INDEX,
        min_length=1,
        description="Where {month} comes from: `index` (its name), else a field that holds epoch milliseconds.",
    )
    client: str = Field("client_id", min_length=1, description="Field that says whose document it is, as it is read.")
    client_from_index: str | None = Field(
        None,
        alias="client.from.index",
        description="Pattern whose first group is the client in the name of an index, where each index is one client's.",
    )
    time: str = Field(min_length=1, description="Field by whose time documents are chosen and read, as it is read.")
    time_unit: Unit = Field("ms", alias="time.unit", description="What that field holds: epoch `ms` (also of a date) or `s`.")
    tie: str = Field(
        "id", min_length=1, description="Field that tells documents of one time apart, keyword or _id; as it is read."
    )
    id: str = Field("_id", min_length=1, description="Field that becomes the document's id, as it is read; or index:_id.")
    version: str | int = Field(
        "_version", description="Field, or number, that becomes its external version: the higher one stays."
    )
    id_to: str | None = Field(None, alias="id.to", min_length=1, description="Field of the document that gets the id, too.")
    client_to: str | None = Field(
        None, alias="client.to", min_length=1, description="Field of the document that gets the client out of the index's name."
    )
    drop: Aliases = Field((), description="Fields that are left out.")
    rename: dict[str, str] = Field(default_factory=dict, description="New name by old name.")
    convert: dict[str, Converter] = Field(default_factory=dict, description="What is made of a value, by the field's new name.")
    constant: dict[str, Any] = Field(default_factory=dict, description="Values, by field, that every document gets.")

    @field_validator("index", "target")
    @classmethod
    def _names_known_places(cls, value: str) -> str:
        if unknown := set(_PLACE.findall(value)) - _PLACES:
            raise PydanticCustomError("place", f"holds {{{min(unknown)}}}; there are {{prefix}} and {{month}}")
        return value

    @field_validator("client_from_index")
    @classmethod
    def _is_a_pattern_with_a_group(cls, value: str | None) -> str | None:
        try:
            groups = 1 if value is None else re.compile(value).groups
        except re.error:
            groups = 0
        if not groups:
            raise PydanticCustomError(
                "pattern", "must be a regular expression with a group for the client, such as ^hits_(\\d+)_"
            )
        return value

    @model_validator(mode="after")
    def _names_each_field_once(self) -> Layout:
        taken: set[str] = set()
        for name in (*self.rename.values(), *self.constant):
            if name in taken:
                raise PydanticCustomError("twice", f"two fields would become {name}; drop one")
            taken.add(name)
        return self

    @property
    def is_identity(self) -> bool:
        """Whether documents stay as they are, wherever they go."""
        return not (self.drop or self.rename or self.convert or self.constant or self.id_to or self.client_to)

    def client_of(self, index: str) -> str | None:
        """Give the client that the name of an index tells, None where it tells none."""
        found = re.search(self.client_from_index, index) if self.client_from_index else None
        return found[1] if found else None


class Mapping(BaseModel):
    """One layout's way into another, by kind of document."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    description: str = Field(min_length=1, description="One sentence for people.")
    hits: Layout | None = Field(None, description="How hits go over; without it they are left where they are.")
    attacks: Layout | None = Field(None, description="How attacks go over, likewise.")

    @model_validator(mode="after")
    def _moves_something(self) -> Mapping:
        if self.hits is None and self.attacks is None:
            raise PydanticCustomError("empty", "needs hits, attacks or both")
        return self

    def layouts(self) -> Iterator[tuple[str, Layout]]:
        """Yield each kind with its layout; attacks first, so that a copied hit's attack is there."""
        for kind in ("attacks", "hits"):
            layout = getattr(self, kind)
            if layout is not None:
                yield kind, layout

    def layout(self, kind: str) -> Layout:
        """Give the layout of a kind that has one."""
        return dict(self.layouts())[kind]
