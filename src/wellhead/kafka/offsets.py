"""Takes a connector, a stream's partition map and its cursor, gives Kafka Connect's offsets-topic bytes and back, never another layout.

Key `["<connector>",{"stream":"ip","tenant":"acme"}]` without spaces and with sorted keys; value a flat JSON object; a null
value is a reset. What a real Connect worker or its tools wrote (spaces, any order) is read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel

from wellhead.errors import PermanentError

Scalar = str | int | float | bool | None
_KEY_LENGTH = 2
# Jackson, which writes Connect's keys, spells control characters with capital hex digits; bytes decide a key's identity.
_CONTROL = re.compile(r"\\\\|\\u00[01][0-9a-f]")


def offset_key(connector: str, partition: Mapping[str, Scalar], *, in_order: bool = True) -> bytes:
    """Give the key under which the cursor of `partition` of `connector` is stored.

    Args:
        connector: Its name.
        partition: What names the stream.
        in_order: Sort its fields, as Wellhead does; else they stay as given, as Kafka Connect leaves them.
    """
    return _compact([connector, dict(sorted(partition.items()) if in_order else partition)])


def parse_key(key: bytes) -> tuple[str, dict[str, Any]]:
    """Give connector and partition of an offsets key, whatever its spacing and order.

    Raises:
        ValueError: It is not an offsets key.
    """
    parsed = json.loads(key)
    if not isinstance(parsed, list) or len(parsed) != _KEY_LENGTH:
        raise ValueError("an offsets key is a JSON array of a connector's name and a partition")
    connector, partition = parsed
    if not isinstance(connector, str) or not isinstance(partition, dict):
        raise ValueError("an offsets key is a JSON array of a connector's name and a partition")  # noqa: TRY004 - one error for bad bytes
    return connector, partition


def offset_value(cursor: BaseModel | Mapping[str, Any] | None) -> bytes | None:
    """Give the bytes of `cursor`; None is a reset.

    Raises:
        PermanentError: The cursor is not flat: Connect's tools could not read it.
    """
    if cursor is None:
        return None
    fields = cursor.model_dump(mode="json") if isinstance(cursor, BaseModel) else dict(cursor)
    for name, content in fields.items():
        if not _is_flat(content):
            raise PermanentError(
                f"cursor field {name!r} is a {type(content).__name__} JSON cannot hold flat: a cursor holds str, int, finite float, bool or null"
            )
    return _compact(fields)


def parse_value(value: bytes | None) -> dict[str, Any] | None:
    """Give the cursor's fields; None for a reset.

    Raises:
        ValueError: It is not a JSON object.
    """
    if value is None:
        return None
    fields = json.loads(value)
    if fields is not None and not isinstance(fields, dict):
        raise ValueError("an offsets value is a JSON object or null")
    return fields


def _is_flat(content: object) -> bool:
    return content is None or isinstance(content, str | int) or (isinstance(content, float) and isfinite(content))


def _compact(content: object) -> bytes:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _CONTROL.sub(_as_jackson, text).encode()


def _as_jackson(found: re.Match[str]) -> str:
    text = found[0]
    return text if text == "\\\\" else "\\u" + text[2:].upper()
