"""Takes a message of a dead-letter topic, gives the letter it keeps and whether a person asked for it; never changes a byte of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Message

from wellhead.kafka.deadletters import CONNECT_PREFIX, CONTEXT, CURSOR, CUT, ORIGINAL_BYTES, STREAM, TENANT, TRANSFORMED

# What differs between two letters of one cause: values in quotes, and numbers.
_PARTICULAR = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|b?'[^']*'|\d[\d.,:]*""")
_SHOWN_GIST_CHARS = 120


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a letter stands: its stable id is `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read an id.

        Raises:
            ValueError: It is none.
        """
        topic, partition, offset = text.rsplit("/", 2) if text.count("/") >= 2 else ("", "", "")  # noqa: PLR2004
        if not topic or not (partition.isdecimal() and offset.isdecimal()):
            raise ValueError(
                f"{text!r} is no letter's id: it is topic/partition/offset, as 'wellhead dlq list --each' shows it"
            )
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as it stands in its topic.

    Attributes:
        place: Where.
        at_ms: When it was written, epoch ms.
        headers: All its headers, in order.
        raw: Its bytes.
    """

    place: Place
    at_ms: int
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)
    raw: bytes = field(repr=False)

    @classmethod
    def of(cls, message: Message) -> StoredLetter:
        """Give the letter that a message is."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return cls(Place(topic, partition, offset), message.timestamp()[1], headers_of(message), message.value() or b"")

    @property
    def connector(self) -> str:
        return self._text(f"{CONNECT_PREFIX}connector.name")

    @property
    def stage(self) -> str:
        return self._text(f"{CONNECT_PREFIX}stage")

    @property
    def reason(self) -> str:
        return self._text(f"{CONNECT_PREFIX}exception.message")

    @property
    def record_topic(self) -> str:
        return self._text(f"{CONNECT_PREFIX}topic")

    @property
    def stream(self) -> str:
        return self._text(STREAM)

    @property
    def tenant(self) -> str:
        return self._text(TENANT)

    @property
    def context(self) -> bytes:
        return self.header(CONTEXT) or b""

    @property
    def transformed(self) -> bool:
        return self.header(TRANSFORMED) is not None

    @property
    def cut(self) -> bool:
        """Whether only the beginning of its bytes was kept."""
        return self.header(CUT) is not None or self.header(ORIGINAL_BYTES) is not None

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The cursor after its batch; None where the header is missing, or too long to have been kept whole."""
        try:
            held = json.loads(self.header(CURSOR) or b"null")
        except ValueError:
            return None
        return held if isinstance(held, dict) else None

    @property
    def gist(self) -> str:
        """The reason without what differs from letter to letter."""
        return gist(self.reason)

    def header(self, name: str) -> bytes | None:
        """Give the bytes of a header, None where there is none."""
        return next((content for held, content in self.headers if held == name), None)

    def summary(self) -> dict[str, Any]:
        """Give what is told of it in a list, ready for JSON; not its bytes."""
        return {
            "id": str(self.place),
            "at_ms": self.at_ms,
            "connector": self.connector,
            "stream": self.stream,
            "tenant": self.tenant,
            "stage": self.stage,
            "reason": self.reason,
            "record_topic": self.record_topic,
            "bytes": len(self.raw),
            "cut": self.cut,
        }

    def _text(self, name: str) -> str:
        return (self.header(name) or b"").decode(errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is None does not matter.

    Attributes:
        connector: Of this connector.
        stream: Of this stream.
        tenant: Of this tenant.
        stage: Refused at this stage.
        reason: With this text in their reason, whatever its case.
        since_ms: Written at this epoch ms or later.
        until_ms: Written before this epoch ms.
        places: These ones.
    """

    connector: str | None = None
    stream: str | None = None
    tenant: str | None = None
    stage: str | None = None
    reason: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    places: frozenset[Place] | None = None

    def takes(self, letter: StoredLetter) -> bool:
        """Say whether `letter` is meant."""
        return (
            (self.places is None or letter.place in self.places)
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (self.until_ms is None or letter.at_ms < self.until_ms)
            and self.connector in (None, letter.connector)
            and self.stream in (None, letter.stream)
            and self.tenant in (None, letter.tenant)
            and self.stage in (None, letter.stage)
            and (self.reason is None or self.reason.casefold() in letter.reason.casefold())
        )


def gist(reason: str) -> str:
    """Give a reason without the values and numbers in it.

    >>> gist("the line has 27 values, its #Fields line names 28")
    'the line has … values, its #Fields line names …'
    """
    short = _PARTICULAR.sub("…", reason)
    return short if len(short) <= _SHOWN_GIST_CHARS else short[: _SHOWN_GIST_CHARS - 1] + "…"


def headers_of(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    """Give a message's headers as bytes."""
    held: Mapping[str, Any] | list[tuple[str, Any]] | None = message.headers()
    pairs = held.items() if isinstance(held, Mapping) else held or ()
    return tuple((name, content.encode() if isinstance(content, str) else content) for name, content in pairs)
