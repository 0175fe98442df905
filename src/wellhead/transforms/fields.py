"""Takes the names an operator wrote, gives the stream's fields behind them, or notes why one cannot be used so; never raises."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.api import Stream
from wellhead.avro.schema import Field, Schema
from wellhead.errors import Problem
from wellhead.transforms.columns import Column

# A type may be written as text, and has a zero, where it is one of these; nested types, decimals and fixed have none.
_ZEROS: Final[dict[str, Any]] = {"string": "", "bytes": "", "boolean": False, "int": 0, "long": 0, "float": 0, "double": 0}


class Fields:
    """The fields of one stream, as the options at `path` may use them."""

    def __init__(self, stream: Stream, schema: Schema, path: str, problems: list[Problem]) -> None:
        self.names = schema.names
        self._stream = stream
        self._schema = schema
        self._path = path
        self._problems = problems

    def refuse(self, word: str, message: str) -> None:
        """Note that the option `word` cannot be used so."""
        self._problems.append(Problem(f"{self._path}.{word}", message))

    def known(self, word: str, name: str) -> Field | None:
        """Give the field called `name`."""
        if name in self.names:
            return self._schema.field(name)
        close = difflib.get_close_matches(name, self.names, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(self.names)}"
        self.refuse(word, f"stream {self._stream.name} has no field {name!r}; {hint}")
        return None

    def changeable(self, word: str, name: str) -> Field | None:
        """Give a field that names nothing: what keys, identities and times are made of must stay as the vendor gave it."""
        field = self.known(word, name)
        if field is not None and (part := self._part(name)):
            instead = "; a hash (hash.key) without predicate may take its place" if _is_text(field) else ""
            self.refuse(word, f"{name} is {part} of stream {self._stream.name} and must stay as it is{instead}")
            return None
        return field

    def hashable(self, word: str, name: str, *, always: bool) -> None:
        """Note what a hash cannot take; hashed `always`, the same record keeps the same key and identity."""
        field = self.known(word, name) if always else self.changeable(word, name)
        if field is not None and not _is_text(field):
            self.refuse(
                word, f"{name} is {field.shape.title}; only text can be hashed. Leave hash.key out, or exclude the field"
            )

    def emptiable(self, word: str, name: str, *, text: bool = False) -> None:
        """Note where a field cannot be null, or is no `text` where it must be."""
        field = self.changeable(word, name)
        if field is None:
            return
        if not field.shape.nullable:
            self.refuse(word, f"{name} is required in every record: it cannot be null. MaskField can hide it")
        elif text and not _is_text(field):
            self.refuse(word, f"{name} is {field.shape.title}; only a text field can be filled")
        elif field.shape.mixed:
            self.refuse(word, f"{name} may hold values of several types; such a field cannot be changed")

    def zero(self, word: str, field: Field) -> Column | None:
        """Give the value that says nothing: empty text, 0, false or the epoch."""
        if not _is_plain(field) or (field.shape.kind == "string" and not _is_text(field)):
            instead = "; ReplaceField can empty it" if field.shape.nullable else ""
            self.refuse(word, f"{field.name} is {field.shape.title}, which has no value that says nothing{instead}")
            return None
        zeros: Column = pa.array([_ZEROS[field.shape.kind]], field.shape.physical)
        return zeros.view(field.shape.arrow)[0]

    def literal(self, word: str, text: str, field: Field) -> Column | None:
        """Give a value written as text."""
        found = self.literals(word, [text], field)
        return None if found is None else found[0]

    def literals(self, word: str, texts: Sequence[str], field: Field) -> Column | None:
        """Give values written as text, as a column of the field's type."""
        kind = field.shape.kind
        if kind == "enum" and not set(texts) <= set(field.shape.symbols):
            self.refuse(word, f"must be of the symbols of {field.name}: {', '.join(field.shape.symbols)}")
        elif kind != "enum" and not _is_plain(field):
            self.refuse(word, f"{field.name} is {field.shape.title}, whose values cannot be written as text")
        else:
            try:
                return pc.cast(pa.array(texts, pa.string()), field.shape.arrow)
            except pa.ArrowException:
                self.refuse(word, f"must be written as {field.shape.title}, the type of {field.name}")
        return None

    def text(self, word: str, name: str) -> Field | None:
        """Give a field of text."""
        field = self.known(word, name)
        if field is not None and field.shape.arrow != pa.string():
            self.refuse(word, f"{name} is {field.shape.title}, not text")
            return None
        return field

    def time(self, word: str, name: str) -> Field | None:
        """Give a field that holds moments."""
        field = self.known(word, name)
        if field is not None and not pa.types.is_timestamp(field.shape.arrow):
            self.refuse(word, f"{name} is {field.shape.title}, not a timestamp")
            return None
        return field

    def _part(self, name: str) -> str:
        stream = self._stream
        parts = {"the event time": (stream.time,), "part of the key": stream.key, "part of the identity": stream.identity}
        return next((part for part, names in parts.items() if name in names), "")


def _is_plain(field: Field) -> bool:
    return field.shape.kind in _ZEROS and not pa.types.is_decimal(field.shape.arrow)


def _is_text(field: Field) -> bool:
    # A uuid is a string too, but not every text is a uuid.
    return field.shape.kind == "string" and field.shape.title == "string"
