"""Takes the name or path of a mapping, gives it checked against its schema; every problem names file, line and field."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import yaml
from pydantic import ValidationError

from wellhead.avro import schema as schemas
from wellhead.config.files import parse
from wellhead.config.problems import problems_of
from wellhead.consumers.lookup.mapping import Mapping
from wellhead.consumers.shipped import path_of
from wellhead.errors import ConfigError, PermanentError, Problem


@dataclass(frozen=True, slots=True)
class LoadedMapping:
    """A mapping that fits its schema.

    Attributes:
        name: As the deployment names it.
        mapping: What it says.
        types: The record columns it needs, with their Arrow types.
        digest: Tells one text of it from another.
    """

    name: str
    mapping: Mapping
    types: pa.Schema
    digest: str


def load_mappings(names: Sequence[str]) -> tuple[LoadedMapping, ...]:
    """Load all mappings of one lookup.

    Raises:
        ConfigError: Something is wrong with one of them, or they do not fit together; every problem is listed.
    """
    problems: list[Problem] = []
    loaded: list[LoadedMapping] = []
    for name in names:
        try:
            loaded.append(load_mapping(name))
        except ConfigError as error:
            problems += error.problems
    problems += _between(loaded)
    if problems:
        raise ConfigError("mappings", problems)
    return tuple(loaded)


def load_mapping(name: str) -> LoadedMapping:
    """Load one mapping: `<connector>/<name>` for one that a connector ships, else a path.

    Raises:
        ConfigError: There is no such mapping, or something is wrong with it.
    """
    path = path_of(name, "lookups", "mapping")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "cannot be read").lower() if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(
            name, [Problem(str(path), f"{reason}; name a mapping as <connector>/<name> or by its path")]
        ) from error
    content, problems = parse(text, str(path))
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        problems = [*problems, *_with_lines(error, path, text)]
        raise ConfigError(name, problems) from None
    types, unfit = _types_of(mapping, path, text)
    if problems or unfit:
        raise ConfigError(name, [*problems, *unfit])
    return LoadedMapping(name, mapping, types, hashlib.sha256(text.encode()).hexdigest()[:16])


def _with_lines(error: ValidationError, path: Path, text: str) -> list[Problem]:
    details = error.errors(include_url=False, include_input=False)
    told = problems_of(error, Mapping, "mapping")
    lines = [_line_of(text, detail["loc"]) for detail in details]
    pairs = zip(told, lines, strict=True) if len(told) == len(lines) else ((problem, None) for problem in told)
    return [
        Problem(_place(path, line, problem.path.removeprefix("mapping").lstrip(".")), problem.message)
        for problem, line in pairs
    ]


def _place(path: Path, line: int | None, field: str) -> str:
    return ", ".join(filter(None, [str(path), f"line {line}" if line else "", field]))


def _line_of(text: str, location: Sequence[int | str]) -> int | None:
    """Give the line of the deepest part of `location` that stands in the file."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError:
        return None
    finally:
        loader.dispose()
    line: int | None = None
    for part in location:
        found = _child(node, part)
        if found is None:
            continue
        line, node = found
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


def _types_of(mapping: Mapping, path: Path, text: str) -> tuple[pa.Schema, list[Problem]]:
    """Give the Arrow types of the record columns a mapping needs, and a problem for each the schema does not have."""
    try:
        known = schemas.load(mapping.record).arrow
    except PermanentError as error:
        return pa.schema([]), [Problem(_place(path, _line_of(text, ["record"]), "record"), str(error))]
    problems: list[Problem] = []
    for column in sorted(mapping.record_columns() - set(known.names)):
        close = difflib.get_close_matches(column, known.names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"see schemas/{mapping.record}"
        problems.append(Problem(_place(path, _mention(text, column), column), f"is no column of {mapping.record}; {hint}"))
    for word in ("expires_by", "changed_by"):
        column = getattr(mapping, word)
        if column in known.names and not pa.types.is_timestamp(known.field(column).type):
            field = word.replace("_", ".")
            problems.append(
                Problem(_place(path, _line_of(text, [field]), field), f"{column} is no time but {known.field(column).type}")
            )
    needed = [known.field(name) for name in known.names if name in mapping.record_columns()]
    return pa.schema(needed), problems


def _mention(text: str, column: str) -> int | None:
    """Give the first line a column is named in."""
    return next((at for at, line in enumerate(text.splitlines(), 1) if column in line.split("#")[0]), None)


def _between(loaded: Sequence[LoadedMapping]) -> Iterable[Problem]:
    """Yield a problem for each mapping that cannot share a state, or a file, with the first one."""
    first: dict[str, LoadedMapping] = {}
    for each in loaded:
        twin = first.setdefault(each.mapping.file, each)
        if twin is not each:
            yield Problem(each.name, f"makes {each.mapping.file}, as {twin.name} does; leave one out")
        lead = loaded[0].mapping
        for word in ("record", "newest_by", "record_key"):
            if getattr(each.mapping, word) != getattr(lead, word):
                yield Problem(
                    each.name, f"{word.replace('_', '.')} differs from that of {loaded[0].name}; give it a lookup of its own"
                )
