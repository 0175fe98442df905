"""Takes a consumer and a state, gives the state brought to the topic's end, in few big transactions; never writes a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Message

from wellhead.avro.decode import Decoder
from wellhead.consumers.consumer import TopicConsumer
from wellhead.consumers.lookup.changes import Changes, OnForeign, changes_of, joined
from wellhead.consumers.lookup.state import LookupState, Merged
from wellhead.consumers.position import Read

OnRead = Callable[[Sequence[Message]], None]

MERGE_ROWS = 122_880
"""One row group: DuckDB writes a whole one once, into the file, where anything less goes through its log and is packed again later;
that is 40 % of the work, half of the file and 100 MB of memory less. The consumer's batches add up to it."""
MERGE_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a state learned up to the topic's end.

    Attributes:
        messages: Messages read since the last one.
        changed: Rows that are new or newer.
        removed: Rows gone.
        rebuilt: Why the state was thrown away and read anew; None where it went on.
        secs: Seconds since the call, or since there was something to read again.
    """

    messages: int
    changed: int
    removed: int
    rebuilt: str | None
    secs: float


def _ignore(_place: str) -> None:
    """Say nothing."""


def _unnoted(_messages: Sequence[Message]) -> None:
    """Note nothing."""


def follow(
    state: LookupState,
    consumer: TopicConsumer,
    decoder: Decoder,
    *,
    ever: bool = False,
    on_foreign: OnForeign = _ignore,
    on_read: OnRead = _unnoted,
) -> Iterator[CaughtUp]:
    """Bring `state` to the end of the topic, and say so each time it is there.

    Without `ever` that is once; with it until the consumer's `stop` is set, which ends it silently between two transactions, in either case.

    Args:
        state: Where the rows go; its position says where to begin.
        consumer: Reads the topic.
        decoder: Decodes its records.
        ever: Go on at the end of the topic.
        on_foreign: Told of each message that is none of ours and passed over.
        on_read: Given what was read, a batch at a time.

    Raises:
        TemporaryError: As `TopicConsumer`, and `LookupState.apply`; the state is as good as before: call again.
        PermanentError: As `TopicConsumer`, `changes_of` and `LookupState.apply`.
    """
    begun_secs: float | None = consumer.clock.monotonic_secs()
    start = consumer.start(state.position())
    if start.lost is not None:
        state.clear()
    rebuilt = start.lost or (state.restarted if state.position() is None else None)
    waiting, total, messages = _Waiting(state, on_foreign), Merged(0, 0, 0, 0), 0
    for read in consumer.read(follow=ever):
        begun_secs = consumer.clock.monotonic_secs() if begun_secs is None else begun_secs
        messages += len(read.messages)
        on_read(read.messages)
        total = _added(total, waiting.take(read, decoder))
        if read.at_end:
            consumer.show(read.position)
            yield CaughtUp(messages, total.changed, total.removed, rebuilt, consumer.clock.monotonic_secs() - begun_secs)
            total, messages, rebuilt, begun_secs = Merged(0, 0, 0, 0), 0, None, None


class _Waiting:
    """Changes that wait until a merge is worth it."""

    def __init__(self, state: LookupState, on_foreign: OnForeign) -> None:
        self._state = state
        self._on_foreign = on_foreign
        self._parts: list[Changes] = []
        self._rows = self._nbytes = 0

    def take(self, read: Read, decoder: Decoder) -> Merged:
        """Keep what was read, or merge all that wait: when there is enough, or nothing follows for now."""
        if read.messages:
            changes = changes_of(read.messages, decoder, self._state.layout, self._on_foreign)
            self._parts.append(changes)
            self._rows += len(changes.keys)
            self._nbytes += changes.keys.nbytes + (0 if changes.table is None else changes.table.nbytes)
        if not (read.at_end or self._rows >= MERGE_ROWS or self._nbytes >= MERGE_BYTES):
            return Merged(0, 0, 0, 0)
        merged = self._state.apply(joined(self._parts) if self._parts else None, read.position)
        self._parts, self._rows, self._nbytes = [], 0, 0
        return merged


def _added(one: Merged, other: Merged) -> Merged:
    return Merged(one.changed + other.changed, one.removed + other.removed, one.stale + other.stale, max(one.seq, other.seq))
