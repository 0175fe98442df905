"""Takes cursors, gives the JSON that Connect's offsets endpoints speak, and back to a topic byte for byte; never another layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import offset_key, offset_value
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.settings import consumer_config, producer_config
from wellhead.recovery.errors import Refused
from wellhead.recovery.stored import Stored, read_stored
from wellhead.recovery.way import CursorFields


@dataclass(frozen=True, slots=True)
class Entry:
    """One cursor of one connector, as JSON has it.

    Attributes:
        connector: Whose.
        partition: What names the stream, in the order it is spelled.
        cursor: Its fields; None resets it.
    """

    connector: str
    partition: dict[str, Any]
    cursor: CursorFields

    @property
    def identity(self) -> bytes:
        """The same for every spelling of the partition."""
        return offset_key(self.connector, self.partition)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What becomes of one cursor of a topic.

    Attributes:
        entry: What it will be.
        before: What it is.
        key: The bytes it stands under.
    """

    entry: Entry
    before: CursorFields
    key: bytes


def exported(stored: Sequence[Stored], connector: str | None = None) -> dict[str, Any]:
    """Give cursors as JSON: Connect's own `{"offsets": [...]}` of one connector, or `{"connectors": {name: that}}` of all; reset ones are left out."""
    bodies: dict[str, list[dict[str, Any]]] = {} if connector is None else {connector: []}
    for each in stored:
        if each.cursor is not None and connector in (None, each.connector):
            bodies.setdefault(each.connector, []).append({"partition": each.partition, "offset": each.cursor})
    if connector is not None:
        return {"offsets": bodies[connector]}
    return {"connectors": {name: {"offsets": body} for name, body in bodies.items()}}


def parse_entries(text: str | bytes, connector: str | None, *, where: str) -> list[Entry]:
    """Give the cursors that an export, or the body of a `GET /connectors/<name>/offsets`, holds.

    Args:
        text: JSON.
        connector: Whose they are; needed where the JSON does not name it, else it leaves out all others.
        where: Names the file in errors.

    Raises:
        ConfigError: It is none; every problem is listed.
    """
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ConfigError(where, [Problem("file", f"is not JSON: {error}")]) from None
    problems: list[Problem] = []
    entries = [entry for name, body in _bodies(parsed, connector, problems) for entry in _entries(name, body, problems)]
    twice = {entry.identity for entry in entries if sum(other.identity == entry.identity for other in entries) > 1}
    problems += [Problem(identity.decode(), "stands there more than once") for identity in sorted(twice)]
    if not problems and not entries:
        problems.append(Problem("offsets", "there is none" if connector is None else f"there is none of connector {connector}"))
    if problems:
        raise ConfigError(where, problems)
    return entries


def plan_import(worker: WorkerSettings, topic: str, entries: Sequence[Entry]) -> list[Rewrite]:
    """Give what importing `entries` into another Connect's offsets topic would change; blocking, writes nothing.

    A cursor keeps the bytes of the key it stands under: Kafka Connect finds it by them.

    Raises:
        PermanentError: A cursor is not flat.
        TemporaryError: The broker cannot be reached.
    """
    there = {each.identity: each for each in read_stored(consumer_config(worker), topic)}
    return [_rewrite(entry, there.get(entry.identity)) for entry in entries]


def apply_import(worker: WorkerSettings, topic: str, rewrites: Sequence[Rewrite]) -> None:
    """Write `rewrites` into another Connect's offsets topic, all in one transaction; blocking.

    Nobody is fenced: the connectors must be stopped there.

    Raises:
        Refused: A cursor moved since; nothing was written.
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    config = producer_config(worker, None, f"{worker.group_id}-offsets-import-{topic}")
    with closing(TransactionalProducer(config)) as producer:
        producer.open()
        now = plan_import(worker, topic, [rewrite.entry for rewrite in rewrites])
        moved = [new.key.decode() for old, new in zip(rewrites, now, strict=True) if old.before != new.before]
        if moved:
            raise Refused(
                f"{topic}: {', '.join(moved)} moved meanwhile; nothing was changed. Stop the connector where it runs, then try again"
            )
        producer.begin()
        for rewrite in rewrites:
            producer.send(Message(topic, offset_value(rewrite.entry.cursor), key=rewrite.key))
        producer.commit()


def _rewrite(entry: Entry, there: Stored | None) -> Rewrite:
    offset_value(entry.cursor)
    if there is None:
        return Rewrite(entry, None, offset_key(entry.connector, entry.partition, in_order=False))
    return Rewrite(entry, there.cursor, there.key)


def _bodies(parsed: Any, connector: str | None, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    if isinstance(parsed, dict) and isinstance(parsed.get("connectors"), dict):
        for name, body in parsed["connectors"].items():
            if connector in (None, name):
                yield name, body
    elif connector is not None:
        yield connector, parsed
    else:
        problems.append(Problem("connectors", "is missing: name the connector these offsets are of"))


def _entries(name: str, body: Any, problems: list[Problem]) -> Iterator[Entry]:
    offsets = body.get("offsets") if isinstance(body, dict) else None
    if not isinstance(offsets, list):
        problems.append(
            Problem(
                f"{name}.offsets",
                "must be a list of partition and offset, as Connect's GET /connectors/<name>/offsets gives it",
            )
        )
        return
    for number, each in enumerate(offsets):
        partition, cursor = (each.get("partition"), each.get("offset")) if isinstance(each, dict) else (None, None)
        path = f"{name}.offsets.{number}"
        if not isinstance(partition, dict) or not _is_flat(partition):
            problems.append(Problem(f"{path}.partition", "must be an object of texts, numbers, true, false or null"))
        elif "offset" not in each or not (cursor is None or isinstance(cursor, dict)):
            problems.append(Problem(f"{path}.offset", "must be an object, or null to reset it"))
        elif cursor is not None and not _is_flat(cursor):
            problems.append(Problem(f"{path}.offset", "must be flat: texts, numbers, true, false or null"))
        else:
            yield Entry(name, partition, cursor)


def _is_flat(fields: Mapping[str, Any]) -> bool:
    try:
        offset_value(fields)
    except PermanentError:
        return False
    return True
