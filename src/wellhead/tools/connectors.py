"""Takes `wellhead connectors`, gives what sources are installed and what each of them is; never runs one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from wellhead import plugins
from wellhead.api import SourceConnector, Stream
from wellhead.config.describe import options_of
from wellhead.errors import PermanentError
from wellhead.tools.connectors_versions import history, rollback


@click.group()
def connectors() -> None:
    r"""List the installed connectors, describe one; see and take back changes of a configured one.

    \b
    Examples:
      wellhead connectors list
      wellhead connectors describe wss
      wellhead connectors history wss-acme
    """


connectors.add_command(history)
connectors.add_command(rollback)


@connectors.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    r"""List every installed connector; exit with 1 when one of them cannot be loaded.

    \b
    Examples:
      wellhead connectors list
      wellhead connectors list --json
    """
    rows: list[dict[str, Any]] = []
    for name in plugins.names():
        try:
            source = plugins.load(name)
            rows.append({"name": name, "title": source.title, "streams": [stream.name for stream in streams_of(source)]})
        except PermanentError as error:
            rows.append({"name": name, "error": str(error)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        table = [(row["name"], row.get("title") or "cannot be loaded", ", ".join(row.get("streams", []))) for row in rows]
        click.echo("\n".join(columns([("CONNECTOR", "SOURCE", "STREAMS"), *table])))
        for row in rows:
            if "error" in row:
                click.echo(f"error: {row['error']}", err=True)
    ctx.exit(1 if any("error" in row for row in rows) else 0)


@connectors.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--json-schema", is_flag=True, help="Print the JSON Schema of its options only.")
def describe(name: str, *, as_json: bool, json_schema: bool) -> None:
    r"""Describe connector NAME: its options, streams and the fields of their records.

    \b
    Examples:
      wellhead connectors describe wss
      wellhead connectors describe wss --json-schema
    """
    source = plugins.load(name)
    if json_schema:
        click.echo(json.dumps(source.config.model_json_schema(), indent=2))
    elif as_json:
        click.echo(json.dumps(description(source), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(page(source)))


def streams_of(source: SourceConnector) -> tuple[Stream, ...]:
    """Give the streams of a source as far as they are known before it is configured."""
    if not callable(source.streams):
        return source.streams
    try:
        return tuple(source.streams(source.config.model_construct()))
    except Exception:  # noqa: BLE001 - an author's function may need an option that has no default, and fail in any way
        return ()


def description(source: SourceConnector) -> dict[str, Any]:
    """Give everything there is to know about a source, ready for JSON."""
    return {
        "name": source.name,
        "title": source.title,
        "options": [option.as_json() for option in options_of(source.config)],
        "streams": [_stream(stream) for stream in streams_of(source)],
        "streams_depend_on_options": callable(source.streams),
    }


def _stream(stream: Stream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "description": stream.description,
        "subject": stream.subject,
        "key": list(stream.key),
        "identity": list(stream.identity),
        "time": stream.time,
        "cleanup": stream.cleanup,
        "interval_secs": stream.interval_secs,
        "cursor": {name: type_of_cursor_field(info.annotation) for name, info in stream.cursor.model_fields.items()},
        **fields_of(stream),
    }


def type_of_cursor_field(annotation: Any) -> str:
    """Give the type of a cursor's field as its author wrote it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def fields_of(stream: Stream) -> dict[str, Any]:
    """Give the newest schema of a stream: its version and fields."""
    from wellhead.avro import schema  # noqa: PLC0415 - Arrow is not loaded for a list of names

    found = schema.load(stream.subject)
    fields = [
        {"name": field.name, "type": avro_type(raw["type"]), "doc": field.doc, "unit": field.unit, "ecs": field.ecs}
        for field, raw in zip(found.fields, found.raw["fields"], strict=True)
    ]
    return {"schema_version": found.version, "fields": fields}


def avro_type(kind: Any) -> str:
    """Give an Avro type in one line: `string?` may be null, `[long]` is an array, `{string}` a map."""
    if isinstance(kind, list):
        inner = [avro_type(each) for each in kind if each != "null"]
        return " or ".join(inner) + ("?" if "null" in kind else "")
    if not isinstance(kind, dict):
        return str(kind)
    if "logicalType" in kind:
        return str(kind["logicalType"])
    if kind["type"] == "array":
        return f"[{avro_type(kind['items'])}]"
    if kind["type"] == "map":
        return f"{{{avro_type(kind['values'])}}}"
    return str(kind.get("name", kind["type"])) if kind["type"] in {"record", "enum", "fixed"} else avro_type(kind["type"])


def page(source: SourceConnector) -> Iterator[str]:
    """Yield the lines of a source's description."""
    yield f"{source.name}: {source.title}"
    yield ""
    yield "options"
    for option in options_of(source.config):
        default = f" = {option.default}" if option.default and not option.required else ""
        yield f"  {option.word}  ({option.type}{', required' if option.required else ''}{default})"
        yield f"      {option.description}"
    streams = streams_of(source)
    for stream in streams:
        yield ""
        yield from _stream_page(stream)
    if callable(source.streams):
        yield ""
        yield "Its options select the streams" + ("; shown are those of the defaults." if streams else ".")


def _stream_page(stream: Stream) -> Iterator[str]:
    known = fields_of(stream)
    facts = [
        ("subject", f"{stream.subject} v{known['schema_version']}"),
        ("key", ", ".join(stream.key) or "none"),
        ("identity", ", ".join(stream.identity) or "none"),
        ("time", stream.time or "none"),
        ("cleanup", stream.cleanup),
        ("interval", f"{stream.interval_secs:g} s"),
        ("cursor", ", ".join(stream.cursor.model_fields)),
    ]
    yield f"stream {stream.name}: {stream.description}"
    yield from (f"  {line}" for line in columns(facts))
    yield "  fields"
    rows = [(field["name"], field["type"], " ".join(filter(None, [field["doc"], _ecs(field)]))) for field in known["fields"]]
    yield from (f"    {line}" for line in columns(rows))


def _ecs(field: dict[str, Any]) -> str:
    return f"(ECS {field['ecs']})" if field["ecs"] else ""


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align rows of text in columns two spaces apart."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
