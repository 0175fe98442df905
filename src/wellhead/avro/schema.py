"""Takes a subject's Avro schema files, gives them parsed with their Arrow form; never changes or fetches one.

Schemas are found in the namespace package `schemas`, one folder per subject with `v1.avsc`, `v2.avsc` ...: the
`schemas/` folder of a checkout, the same folder inside the wheel, and whatever other distributions add to it.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources.abc import Traversable
from typing import Any

import fastavro
import pyarrow as pa
from fastavro.schema import SchemaParseException, UnknownType, expand_schema

from wellhead.avro.shape import Shape, shape_of
from wellhead.errors import PermanentError

VERSION_FILE = re.compile(r"v([1-9][0-9]*)\.avsc")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: its name, compiled type and what its schema says about it.

    Attributes:
        name: The column's name.
        shape: Its type.
        doc: What it means, in the schema's words.
        unit: Its unit where the schema names one.
        ecs: Its Elastic Common Schema name where one exists.
        aliases: Names it had before.
        has_default: Whether `default` means anything.
        default: What an absent value stands for.
    """

    name: str
    shape: Shape
    doc: str = ""
    unit: str | None = None
    ecs: str | None = None
    aliases: tuple[str, ...] = ()
    has_default: bool = False
    default: Any = None


@dataclass(frozen=True)
class Schema:
    """One version of a subject's record schema.

    Attributes:
        subject: Its folder's name, or the registry's.
        version: Its number, from 1; 0 for one that came from elsewhere.
        text: The schema exactly as written.

    Raises (on first use of what is derived): PermanentError where the text is no record schema Arrow can hold.
    """

    subject: str
    version: int
    text: str

    def __str__(self) -> str:
        return f"schema {self.subject} v{self.version}" if self.version else f"schema {self.subject}"

    @cached_property
    def raw(self) -> dict[str, Any]:
        """The JSON as written."""
        try:
            raw = json.loads(self.text)
        except ValueError as error:
            raise PermanentError(f"{self}: not JSON: {error}. Correct the file.") from error
        if not isinstance(raw, dict) or raw.get("type") != "record" or not isinstance(raw.get("fields"), list):
            raise PermanentError(f"{self}: not a record. A topic's schema is an Avro record with named fields.")
        return raw

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """The schema as fastavro wants it."""
        raw = self.raw
        try:
            parsed: Any = fastavro.parse_schema(raw)
        except (SchemaParseException, UnknownType, KeyError, ValueError, TypeError) as error:
            reason = f"unknown type {error.name!r}" if isinstance(error, UnknownType) else str(error)
            raise PermanentError(f"{self}: not valid Avro: {reason}. Correct the file.") from error
        names = [part["name"] for part in parsed["fields"]]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise PermanentError(f"{self}: field named twice: {', '.join(repeated)}. Rename one.")
        return dict(parsed)

    @cached_property
    def shape(self) -> Shape:
        """The compiled record."""
        expanded: Any = expand_schema(self.parsed)
        return shape_of(expanded, str(self))

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, in the order they are encoded."""
        pairs = zip(self.parsed["fields"], self.shape.children, strict=True)
        return tuple(_field(part, shape) for part, shape in pairs)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return self.shape.names

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of its batches."""
        return pa.schema([pa.field(field.name, field.shape.arrow, nullable=field.shape.nullable) for field in self.fields])

    def field(self, name: str) -> Field:
        """Give the field called `name`; KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}


def _field(part: dict[str, Any], shape: Shape) -> Field:
    return Field(
        name=part["name"],
        shape=shape,
        doc=part.get("doc", ""),
        unit=part.get("unit"),
        ecs=part.get("ecs"),
        aliases=tuple(part.get("aliases", ())),
        has_default="default" in part,
        default=part.get("default"),
    )


def subjects(root: Traversable | None = None) -> list[str]:
    """Name every subject that has schema files."""
    folder = root or _shipped()
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and _versions_in(entry))


def versions(subject: str, root: Traversable | None = None) -> list[int]:
    """Give the versions of `subject`, oldest first; empty if there is no such subject."""
    folder = (root or _shipped()).joinpath(subject)
    return _versions_in(folder) if folder.is_dir() else []


def load(subject: str, version: int | None = None, root: Traversable | None = None) -> Schema:
    """Read one version of a subject; None means the newest.

    Raises:
        PermanentError: There is no such subject or version.
    """
    known = versions(subject, root)
    if not known:
        listed = ", ".join(subjects(root)) or "none"
        raise PermanentError(
            f"schema {subject}: no such subject. Add schemas/{subject}/v1.avsc. Subjects installed here: {listed}."
        )
    if version is None:
        version = known[-1]
    if version not in known:
        listed = ", ".join(f"v{number}" for number in known)
        raise PermanentError(f"schema {subject}: no v{version}. Versions installed here: {listed}.")
    file = (root or _shipped()).joinpath(subject).joinpath(f"v{version}.avsc")
    return _shared(subject, version, file.read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _shared(subject: str, version: int, text: str) -> Schema:
    # A hundred tenants of one source compile its schema once, and hold it once.
    return Schema(subject, version, text)


def _versions_in(folder: Traversable) -> list[int]:
    found = (VERSION_FILE.fullmatch(entry.name) for entry in folder.iterdir())
    return sorted(int(match.group(1)) for match in found if match)


def _shipped() -> Traversable:
    try:
        return importlib.resources.files("schemas")
    except ModuleNotFoundError as error:
        raise PermanentError(
            "no schemas are installed: the package `schemas` is missing. Install wellhead's wheel again."
        ) from error
