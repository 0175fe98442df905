"""Takes a source that ships lookup mappings and the topics its act has filled, builds the files, gives what an independent look says of each."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from wellhead.demo.process import run, worker_words
from wellhead.demo.readback import Reader
from wellhead.stack import Stack

_DEADLINE_SECS = 90.0


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What became of one lookup file: of the keys that stand in the topic none may be `missing`, and none may be `extra` or come twice."""

    rows: int
    size_bytes: int
    keys: int
    missing: int
    extra: int

    @property
    def ok(self) -> bool:
        return self.rows == self.keys and not self.missing and not self.extra

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


class Lookups:
    """The lookup files of one source.

    Args:
        source: The connector's name.
        mappings: Its folder of mappings.
        stack: Real servers, running; the topics are filled.
        out: Folder for the files.
        work: Folder for deployment, state and log.
    """

    def __init__(self, source: str, mappings: Path, stack: Stack, out: Path, work: Path) -> None:
        self._source = source
        self._mappings = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(mappings.glob("*.yaml"))}
        self._stack = stack
        self._out = out
        self._work = work
        self._reader = Reader(stack.bootstrap_servers, stack.registry_url)

    def build(self) -> dict[str, FileVerdict]:
        """Build every file once, and compare its keys with those that stand in the topic; give the verdict by file."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._out.mkdir(parents=True, exist_ok=True)
        words = ["lookup", "run", "--once", str(self._write_deployment())]
        run("building the lookup files", words, self._work / "lookups.log", _DEADLINE_SECS)
        topics = {mapping["record"] for mapping in self._mappings.values()}
        standing = {topic: self._standing(topic) for topic in topics}
        return {mapping["file"]: self._judge(mapping, standing[mapping["record"]]) for mapping in self._mappings.values()}

    def _write_deployment(self) -> Path:
        lookups: dict[str, dict[str, Any]] = {}
        for name, mapping in self._mappings.items():
            entry = lookups.setdefault(
                mapping["record"],
                {
                    "topic": mapping["record"],
                    "files": "",
                    "state.dir": str(self._work / "state"),
                    "output.dir": str(self._work / "built"),
                    "target": "directory",
                    "directory": {"path": str(self._out)},
                },
            )
            entry["files"] = ",".join(filter(None, [entry["files"], f"{self._source}/{name}"]))
        path = self._work / "deployment.json"
        path.write_text(json.dumps({"worker": worker_words(self._stack, "demo-lookups"), "lookups": lookups}, indent=2) + "\n")
        return path

    def _standing(self, topic: str) -> list[dict[str, Any]]:
        found: dict[bytes | None, dict[str, Any]] = {}
        for key, record in self._reader.records(topic):
            found.pop(key, None)
            if record is not None:
                found[key] = record
        return list(found.values())

    def _judge(self, mapping: Mapping[str, Any], standing: list[dict[str, Any]]) -> FileVerdict:
        path = self._out / mapping["file"]
        keys = [mapping["key"]] if isinstance(mapping["key"], str) else mapping["key"]
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        # What is made by rule, such as a type in another vocabulary, is not made again here: it would be the same code twice.
        plain = [
            name for name in keys if isinstance(made := mapping["columns"][name], str) or made.keys() <= {"column", "first"}
        ]
        expected = {key for record in standing if _counts(record, mapping) and all(key := tuple(_keys(record, mapping, plain)))}
        held = {tuple(row[name] for name in plain) for row in rows}
        distinct = len({tuple(row[name] for name in keys) for row in rows})
        return FileVerdict(len(rows), path.stat().st_size, distinct, len(expected - held), len(held - expected))


def _counts(record: Mapping[str, Any], mapping: Mapping[str, Any]) -> bool:
    ends = record[mapping["expires.by"]] if "expires.by" in mapping else None
    wanted = [condition for condition in mapping.get("rows", []) if "equals" in condition]
    return (ends is None or ends.timestamp() > time.time()) and all(record[each["column"]] == each["equals"] for each in wanted)


def _keys(record: Mapping[str, Any], mapping: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    for name in names:
        made = mapping["columns"][name]
        columns = [made] if isinstance(made, str) else made.get("first", [made.get("column")])
        yield next((str(record[column]) for column in columns if record[column] not in (None, "")), "")
