"""Takes a message of the documents topic, gives the write it asks for or why it asks for none; never looks into the document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from confluent_kafka import Message

from wellhead.consumers.attacks.came import HIT_MS
from wellhead.consumers.attacks.store.templates import Kind, index_of
from wellhead.search.actions import Action

KIND: Final = "kind"
MONTH: Final = "month"
VERSION: Final = "version"
_MONTH: Final = re.compile(r"\d{4}\.(0[1-9]|1[0-2])")
_VERSION: Final = re.compile(r"[1-9]\d{0,18}")
_TIME: Final = re.compile(rb"\d{1,15}")


@dataclass(frozen=True, slots=True)
class Document:
    """One message, read.

    Attributes:
        message: The message itself.
        partition: Where it stood.
        offset: Where it stood.
        kind: hit or attack; None where the message does not say.
        action: The write; None where it is none.
        problem: Why it is none.
        hit_ms: When the hit it was made of reached Kafka (epoch ms); None where it was made of none, or the message does not say.
    """

    message: Message
    partition: int
    offset: int
    kind: Kind | None
    action: Action | None
    problem: str = ""
    hit_ms: int | None = None

    @property
    def nbytes(self) -> int:
        """What it weighs, about."""
        return len(self.message)


def read_document(message: Message, prefix: str) -> Document:
    """Read one message; `prefix` begins the names of the store's indices."""
    told = {name: content for name, content in headers_of(message) if isinstance(content, bytes)}
    kind = _kind(told.get(KIND))
    action = _action(message, told, kind, prefix)
    partition, offset = message.partition() or 0, message.offset() or 0
    if isinstance(action, str):
        return Document(message, partition, offset, kind, None, action)
    hit_ms = told.get(HIT_MS, b"")
    return Document(message, partition, offset, kind, action, hit_ms=int(hit_ms) if _TIME.fullmatch(hit_ms) else None)


def _action(message: Message, told: dict[str, bytes], kind: Kind | None, prefix: str) -> Action | str:
    if kind is None:
        return f"header {KIND!r} is neither hit nor attack"
    month, version = (told.get(name, b"").decode(errors="replace") for name in (MONTH, VERSION))
    if not _MONTH.fullmatch(month):
        return f"header {MONTH!r} is no month such as 2026.02"
    if not _VERSION.fullmatch(version):
        return f"header {VERSION!r} is no whole number above 0"
    key, value = message.key(), message.value()
    if not isinstance(key, bytes) or not key:
        return "has no key, which is its id"
    if not isinstance(value, bytes) or not value:
        return "has no value"
    try:
        return Action(index_of(prefix, kind, month), key.decode(), value, int(version))
    except UnicodeDecodeError:
        return "its key is no UTF-8"


def headers_of(message: Message) -> Sequence[tuple[str, object]]:
    """Give the headers of a message, in order."""
    headers = message.headers()
    return headers if isinstance(headers, list) else []


def _kind(content: bytes | None) -> Kind | None:
    for kind in get_args(Kind):
        if content == kind.encode():
            return kind  # type: ignore[no-any-return]
    return None
