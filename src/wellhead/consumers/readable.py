"""Takes messages and a decoder, gives the batch of those that can be read and why the others cannot; never drops one unsaid."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from confluent_kafka import Message

from wellhead.avro.decode import Decoder
from wellhead.errors import PermanentError


def readable(decoder: Decoder, messages: Sequence[Message]) -> tuple[pa.RecordBatch, list[Message], list[tuple[Message, str]]]:
    """Give the records as a batch, the messages they are from, and the messages that are none, each with the reason.

    Raises:
        TemporaryError: The registry could not be asked.
    """
    bad = [(message, "has no value") for message in messages if not message.value()]
    whole = [message for message in messages if message.value()] if bad else list(messages)
    try:
        return decoder.decode([message.value() or b"" for message in whole]), whole, bad
    except PermanentError:
        pass
    kept: list[Message] = []
    for message in whole:
        try:
            decoder.decode([message.value() or b""])
        except PermanentError as error:
            bad.append((message, str(error)))
        else:
            kept.append(message)
    return (decoder.decode([message.value() or b"" for message in kept]) if kept else _nothing(decoder)), kept, bad


def _nothing(decoder: Decoder) -> pa.RecordBatch:
    try:
        return decoder.decode([])
    except PermanentError:  # no schema was met yet: no columns either
        return pa.RecordBatch.from_arrays([], names=[])
