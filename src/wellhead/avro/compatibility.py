"""Takes a reader's and a writer's schema, gives what keeps the one from reading the other's messages; asks no registry."""

from __future__ import annotations

from typing import Any

from wellhead.avro.resolve import source_of
from wellhead.avro.schema import Field, Schema
from wellhead.avro.shape import Shape
from wellhead.errors import PermanentError


def reads(reader: Schema, writer: Schema) -> list[str]:
    """Say, one line each beginning with the field, why `reader` cannot read what `writer` wrote; empty means it can.

    Avro's own rules, and one more: a number may not change its meaning (milliseconds to microseconds, say), which
    Avro would let pass.

    Raises:
        PermanentError: One of them is not valid Avro, or not one that Arrow can hold.
    """
    types = _types_of(writer)
    readers = _types_of(reader)
    problems = [] if _full_name(reader) == _full_name(writer) else [_renamed(reader, writer)]
    for field in reader.fields:
        source = source_of(field, writer)
        if source is not None:
            problems += _between(field, readers[field.name], source, types[source.name])
        elif not field.has_default:
            problems.append(f"{field.name}: not in {writer}, and has no default to stand in. Give it one.")
    return problems


def _between(field: Field, reader_type: Any, source: Field, writer_type: Any) -> list[str]:
    from avro.compatibility import ReaderWriterCompatibilityChecker  # noqa: PLC0415 - as in _types_of

    checker: Any = ReaderWriterCompatibilityChecker
    result = checker().get_compatibility(reader_type, writer_type)
    if result.incompatibilities:
        kinds = ", ".join(sorted({kind.value.replace("_", " ") for kind in result.incompatibilities}))
        details = "; ".join(sorted(result.messages))
        return [f"{field.name}: {kinds}: {details}"]
    changed = _changed_meaning(field.shape, source.shape)
    return [f"{field.name}: {changed}"] if changed else []


def _changed_meaning(reader: Shape, writer: Shape) -> str:
    if reader.kind == writer.kind and not reader.children and reader.arrow != writer.arrow:
        return f"was {writer.title}, is {reader.title}: the same numbers would mean something else. Add a field instead."
    if reader.kind != writer.kind or len(reader.children) != len(writer.children):
        return ""
    pairs = zip(reader.children, writer.children, strict=True)
    return next((found for part, source in pairs if (found := _changed_meaning(part, source))), "")


def _types_of(schema: Schema) -> dict[str, Any]:
    import avro.errors  # noqa: PLC0415 - slow to import, and only tools and start-up ask
    import avro.schema  # noqa: PLC0415

    try:
        parsed: Any = avro.schema.parse(schema.text)
    except avro.errors.AvroException as error:
        raise PermanentError(f"{schema}: not valid Avro: {error}. Correct the file.") from error
    return {field.name: field.type for field in parsed.fields}


def _full_name(schema: Schema) -> str:
    return str(schema.parsed["name"])


def _renamed(reader: Schema, writer: Schema) -> str:
    return f"the record is called {_full_name(reader)}, in {writer} {_full_name(writer)}. Keep the name and the namespace."
