"""Takes a record that cannot be published and why, gives its dead-letter message with Connect's headers, never loses a byte unsaid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from wellhead.kafka.messages import Message

CONNECT_PREFIX = "__connect.errors."
TENANT = "wellhead.tenant"
STREAM = "wellhead.stream"
CURSOR = "wellhead.cursor"
CONTEXT = "wellhead.context"
CUT = "wellhead.cut"
ORIGINAL_BYTES = "wellhead.original.bytes"
TRANSFORMED = "wellhead.transformed"
_YES = b"true"
_LONGEST_HEADER_CHARS = 8_192


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be published.

    Attributes:
        raw: Its bytes as they came.
        stage: Where it failed: poll, transform, encode or produce.
        connector: The connector's name.
        task: The task's number.
        stream: The stream's name.
        tenant: The tenant it belongs to.
        reason: What is wrong with it, in one sentence.
        topic: The topic it was meant for, or stood in; None where that was not yet known.
        partition: Where it stood in `topic`; -1 for a record that was on its way there.
        offset: Where it stood in `topic`; -1 likewise.
        executing_class: The class that refused it.
        exception_class: The class of the error.
        stacktrace: Its stack trace; None leaves the header out.
        cursor: The cursor after its batch.
        key: Its message key, where it has one.
        timestamp_ms: Its time; None is now.
        context: What its source needs beside the raw bytes to read them again.
        cut: Whether `raw` is only the beginning of it.
        transformed: Whether it went through its connector's transforms.
    """

    raw: bytes
    stage: str
    connector: str
    task: int
    stream: str
    tenant: str
    reason: str
    topic: str | None = None
    partition: int = -1
    offset: int = -1
    executing_class: str | None = None
    exception_class: str | None = None
    stacktrace: str | None = None
    cursor: BaseModel | Mapping[str, Any] | None = None
    key: bytes | None = None
    timestamp_ms: int | None = None
    context: bytes = b""
    cut: bool = False
    transformed: bool = False


def dead_letter(topic: str, letter: DeadLetter, *, max_bytes: int | None = None) -> Message:
    """Give the message to `topic` that keeps `letter`.

    With `max_bytes` (`TransactionalProducer.limit_bytes`), a record that the dead-letter topic itself cannot take is cut at its end, and
    the header `wellhead.original.bytes` says how long it was.
    """
    message = Message(topic, letter.raw, key=letter.key, timestamp_ms=letter.timestamp_ms, headers=_headers(letter))
    if max_bytes is None or message.size_bytes() <= max_bytes:
        return message
    message = replace(message, headers=(*message.headers, (ORIGINAL_BYTES, str(len(letter.raw)).encode())))
    room = len(letter.raw) - (message.size_bytes() - max_bytes)
    return replace(message, value=letter.raw[: max(0, room)])


def _headers(letter: DeadLetter) -> tuple[tuple[str, bytes], ...]:
    told = {
        f"{CONNECT_PREFIX}topic": letter.topic,
        # A source record has no partition or offset yet; Connect's tools expect the headers all the same.
        f"{CONNECT_PREFIX}partition": str(letter.partition),
        f"{CONNECT_PREFIX}offset": str(letter.offset),
        f"{CONNECT_PREFIX}connector.name": letter.connector,
        f"{CONNECT_PREFIX}task.id": str(letter.task),
        f"{CONNECT_PREFIX}stage": letter.stage,
        f"{CONNECT_PREFIX}class.name": letter.executing_class,
        f"{CONNECT_PREFIX}exception.class.name": letter.exception_class,
        f"{CONNECT_PREFIX}exception.message": letter.reason,
        f"{CONNECT_PREFIX}exception.stacktrace": letter.stacktrace,
        TENANT: letter.tenant,
        STREAM: letter.stream,
        CURSOR: _cursor_text(letter.cursor),
    }
    # Whole, however long: half a context would read something else.
    exact = {CONTEXT: letter.context, CUT: _YES if letter.cut else b"", TRANSFORMED: _YES if letter.transformed else b""}
    return tuple((name, content) for name, content in exact.items() if content) + tuple(
        (name, text[:_LONGEST_HEADER_CHARS].encode(errors="backslashreplace"))
        for name, text in told.items()
        if text is not None
    )


def _cursor_text(cursor: BaseModel | Mapping[str, Any] | None) -> str | None:
    if cursor is None:
        return None
    fields = cursor.model_dump(mode="json") if isinstance(cursor, BaseModel) else dict(cursor)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
