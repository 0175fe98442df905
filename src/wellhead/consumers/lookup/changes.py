"""Takes messages of a compacted topic, gives their keys, tombstones and decoded columns, aligned; passes over what is no record, and says where."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Message

from wellhead.avro.decode import HEADER_BYTES, Decoder
from wellhead.avro.readable import MOST_FOREIGN, readable
from wellhead.consumers.lookup.layout import Layout
from wellhead.errors import PermanentError

Mask = np.ndarray[Any, np.dtype[np.bool_]]
OnForeign = Callable[[str], None]
"""Told of a message that is none of ours: topic, partition, offset, and why."""

_WHOLE = re.compile(rb"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Changes:
    """What some messages say, in their order.

    Attributes:
        keys: The key of each message, as binary, or as the layout holds it.
        live: For each message whether it is a record; else it is a tombstone.
        table: The records, in order; None where there are only tombstones.
    """

    keys: pa.Array[Any]
    live: Mask
    table: pa.RecordBatch | None


def changes_of(messages: Sequence[Message], decoder: Decoder, layout: Layout, on_foreign: OnForeign) -> Changes:
    """Decode `messages`, only the layout's columns of them, and give them those types.

    A message without a sound key, or that cannot be read, was written by somebody else: it is passed over and told.

    Raises:
        PermanentError: Too many are none of ours, or those that are framed as ours cannot be read or lack a column; says between which offsets.
        TemporaryError: The registry could not be asked.
    """
    ours, keys = _keyed(messages, layout, on_foreign)
    values = list(map(Message.value, ours))
    live = np.ones(len(values), np.bool_)
    if None in values:
        live = np.fromiter((value is not None for value in values), np.bool_, len(values))
    try:
        table, unread = _decoded([value for value in values if value is not None], decoder, layout)
    except (PermanentError, KeyError, pa.ArrowException) as error:
        raise PermanentError(f"{_place(messages[0])} and on to offset {messages[-1].offset()}: {error}") from error
    if unread:
        places = np.flatnonzero(live)[list(unread)]
        for place, reason in zip(places.tolist(), unread.values(), strict=True):
            on_foreign(f"{_place(ours[place])}: {reason}")
        kept = np.ones(len(values), np.bool_)
        kept[places] = False
        keys, live = keys.filter(pa.array(kept)), live[kept]
    return Changes(keys, live, table)


def _keyed(messages: Sequence[Message], layout: Layout, on_foreign: OnForeign) -> tuple[Sequence[Message], pa.Array[Any]]:
    """Leave out what has no key, or one of another kind than the layout's; give the keys as the layout holds them."""
    keys: list[Any] = list(map(Message.key, messages))
    try:
        if None not in keys:
            return messages, layout.key_array(pa.array(keys, pa.binary()))
    except PermanentError:
        pass
    sound = [key is not None and (layout.key == "bytes" or _WHOLE.fullmatch(key) is not None) for key in keys]
    strange = [message for message, is_sound in zip(messages, sound, strict=True) if not is_sound]
    if len(strange) > MOST_FOREIGN:
        raise PermanentError(
            f"{_place(strange[0])} and {len(strange) - 1:,} more: they have no key, or another one than record.key says, so nothing can be "
            "looked up by it. Give the stream key columns, correct the mapping, or read another topic."
        )
    for message in strange:
        on_foreign(f"{_place(message)}: it has no key, or none that names a record")
    kept = [message for message, is_sound in zip(messages, sound, strict=True) if is_sound]
    named = [key for key, is_sound in zip(keys, sound, strict=True) if is_sound]
    return kept, layout.key_array(pa.array(named, pa.binary()))


def _decoded(
    records: Sequence[bytes], decoder: Decoder, layout: Layout
) -> tuple[pa.RecordBatch | None, dict[int, PermanentError]]:
    """Decode `records`; give why some cannot be read, by their index."""
    if not records:
        return None, {}
    try:
        table, unread = readable(decoder, records, layout.columns.names)
    except PermanentError as error:
        # Alone they cannot be told from a wrong schema, unless they were never framed as ours.
        if len(records) > MOST_FOREIGN or any(len(value) >= HEADER_BYTES and value[0] == 0 for value in records):
            raise
        return None, dict.fromkeys(range(len(records)), error)
    return table.cast(layout.columns), unread


def joined(parts: Sequence[Changes]) -> Changes:
    """Give `parts`, which follow each other, as one."""
    if len(parts) == 1:
        return parts[0]
    tables = [part.table for part in parts if part.table is not None]
    whole: pa.RecordBatch | None = pa.concat_batches(tables) if tables else None  # type: ignore[attr-defined]  # the stubs lack it
    keys: pa.Array[Any] = pa.concat_arrays([part.keys for part in parts])
    return Changes(keys, np.concatenate([part.live for part in parts]), whole)


def _place(message: Message) -> str:
    return f"topic {message.topic()!r}, partition {message.partition()}, offset {message.offset()}"
