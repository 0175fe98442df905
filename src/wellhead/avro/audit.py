"""Takes a folder of schemas, gives everything in it that breaks the promise a schema is; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wellhead.avro.compatibility import reads
from wellhead.avro.schema import VERSION_FILE, Schema, load, versions
from wellhead.errors import PermanentError, Problem

SUBJECT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def audit(root: Path) -> list[Problem]:
    """Give every problem of the subjects below `root`, the path to the field first."""
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(("_", ".")))
    return [problem for folder in folders for problem in _of_subject(folder.name, root)]


def _of_subject(subject: str, root: Path) -> Iterator[Problem]:
    if not SUBJECT.fullmatch(subject):
        yield Problem(subject, "is no subject's name. Call the folder <vendor>.<stream>, in lower case.")
    for entry in sorted((root / subject).iterdir()):
        if not VERSION_FILE.fullmatch(entry.name):
            yield Problem(f"{subject}/{entry.name}", "is no version. Only v1.avsc, v2.avsc ... belong here.")
    numbers = versions(subject, root)
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        listed = ", ".join(f"v{number}" for number in numbers) or "none"
        yield Problem(subject, f"versions are not v1, v2 ... without a gap: {listed}. Number them in order.")
    before: Schema | None = None
    for number in numbers:
        schema = load(subject, number, root)
        found = list(_of_schema(schema))
        yield from found
        if before is not None and not any("not valid" in problem.message for problem in found):
            yield from _of_step(schema, before)
        before = schema


def _of_schema(schema: Schema) -> Iterator[Problem]:
    path = f"{schema.subject}/v{schema.version}.avsc"
    try:
        fields, raw = schema.fields, schema.raw
    except PermanentError as error:
        yield Problem(path, str(error) if "not valid" in str(error) else f"not valid here: {error}")
        return
    assert len(fields) == len(raw["fields"])
    yield from _of_record(raw, path)


def _of_record(record: dict[str, Any], path: str) -> Iterator[Problem]:
    if not str(record.get("doc", "")).strip():
        yield Problem(path, f"record {record['name']} has no doc. Say in one sentence what one record is.")
    for part in record["fields"]:
        here = f"{path}: {part['name']}"
        if not SNAKE_CASE.fullmatch(part["name"]):
            yield Problem(here, "is not snake_case. Keep the vendor's meaning, in lower case with underscores.")
        if not str(part.get("doc", "")).strip():
            yield Problem(here, "has no doc. Say what it means, its unit and an example.")
        for inner in _records_in(part["type"]):
            yield from _of_record(inner, here)


def _records_in(avro: Any) -> Iterator[dict[str, Any]]:
    if isinstance(avro, list):
        for branch in avro:
            yield from _records_in(branch)
    elif isinstance(avro, dict):
        if avro["type"] == "record":
            yield avro
        for key in ("items", "values"):
            yield from _records_in(avro.get(key))


def _of_step(schema: Schema, before: Schema) -> Iterator[Problem]:
    try:
        reasons = reads(schema, before)
    except PermanentError as error:
        reasons = [str(error)]
    for reason in reasons:
        yield Problem(f"{schema.subject}/v{schema.version}.avsc", f"cannot read what v{before.version} wrote: {reason}")
