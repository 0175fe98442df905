"""Messages of the documents topic, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wellhead.consumers.attacks.store.documents import Document, read_document


class FakeMessage:
    """What a writer asks of a `confluent_kafka.Message`."""

    def __init__(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, Any]] | None,
        partition: int = 0,
        offset: int = 0,
    ) -> None:
        self._key, self._value, self._headers = key, value, headers
        self._partition, self._offset = partition, offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, Any]] | None:
        return None if self._headers is None else list(self._headers)

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_770_000_000_000

    def __len__(self) -> int:
        return len(self._value or b"")


def headers(kind: str = "hit", month: str = "2026.02", version: int | str = 1) -> list[tuple[str, bytes]]:
    return [("kind", kind.encode()), ("month", month.encode()), ("version", str(version).encode())]


def document(key: str, version: int = 1, *, kind: str = "hit", partition: int = 0, offset: int = 0, size: int = 10) -> Document:
    message = FakeMessage(key.encode(), b"x" * size, headers(kind, version=version), partition, offset)
    return read_document(message, "w")  # type: ignore[arg-type]
