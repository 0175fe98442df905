"""Takes what arrived on channels, gives it as a batch; work that would hold up the event loop is done in a thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.push.board import Board, PushCursor
from connectors.push.options import PushConfig
from connectors.push.redirects import host_of
from connectors.push.reread import context_of
from connectors.push.resume import Taken
from wellhead import Batch, Reject, in_thread

if TYPE_CHECKING:  # an idle worker should not hold pyarrow for this
    import pyarrow as pa

# Laying out so few is quicker than asking a thread to.
_FEW_EVENTS = 200
_FEW_CHARS = 65_536


async def batch_of(taken: Mapping[str, Taken], cursor: PushCursor, config: PushConfig, received_ms: int) -> Batch[PushCursor]:
    """Give what was taken of the channels as one batch, each channel's events in their order.

    Args:
        taken: By channel.
        cursor: What stands after it.
        config: The options.
        received_ms: When it came, epoch ms.
    """
    filtered: Counter[str] = Counter()
    rejects: list[Reject] = []
    for channel, part in taken.items():
        filtered.update(part.filtered)
        if part.rejects:
            context = context_of(channel, host_of(config.url_of(channel)), received_ms)
            rejects += [replace(reject, context=context) for reject in part.rejects]
    told = {channel: part for channel, part in taken.items() if part.events}
    table: pa.RecordBatch | Sequence[Mapping[str, object]] = []
    if told:
        events = [event for part in told.values() for event in part.events]
        small = len(events) <= _FEW_EVENTS and sum(len(event.data) for event in events) <= _FEW_CHARS
        table = _table(told, config, received_ms) if small else await in_thread(_table, told, config, received_ms)
    return Batch(table, cursor, rejects=rejects, filtered=filtered)


def says_more(batch: Batch[PushCursor], stood: PushCursor | None) -> bool:
    """Tell whether a batch holds anything, or moves the cursor from where it stood."""
    return bool(len(batch.table) or batch.rejects or batch.filtered) or batch.cursor != stood


def since_ms(config: PushConfig, now_ms: int) -> int | None:
    """Give from when on ids are looked for in the topic, epoch ms; None where they are not."""
    return max(0, now_ms - round(config.look_back_secs * 1000)) if config.look_back_secs else None


def cursor_of(board: Board, config: PushConfig, now_ms: int, stood: PushCursor | None) -> PushCursor:
    """Give the cursor that stands now; where nothing came it is the one that stood, so that a quiet stream commits nothing.

    The ids looked for then go back as far from the last event as they did when it came.
    """
    fresh = board.cursor(since_ms=since_ms(config, now_ms))
    if stood is None or (stood.since_ms is None) != (fresh.since_ms is None):
        return fresh
    return stood if fresh.model_copy(update={"since_ms": stood.since_ms}) == stood else fresh


def _table(told: Mapping[str, Taken], config: PushConfig, received_ms: int) -> pa.RecordBatch:
    from connectors.push.decode import Facts, table_of  # noqa: PLC0415

    return table_of(
        [
            (
                part.events,
                Facts(
                    channel=channel,
                    source=host_of(config.url_of(channel)),
                    received_ms=received_ms,
                    first_sequence=part.first_sequence,
                    after_gap=part.after_gap,
                    time_field=config.time_field,
                    key_field=config.key_field,
                ),
            )
            for channel, part in told.items()
        ]
    )
