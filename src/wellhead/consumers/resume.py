"""Takes a stored position and the topic as it is, gives where reading begins and why it cannot go on; never asks a broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from wellhead.consumers.position import Position, Start
from wellhead.consumers.topic import TopicFacts

OnGap = Literal["restart", "skip"]
_HOUR_MS = 3600 * 1000


def resume(position: Position | None, facts: TopicFacts, now_ms: int, on_gap: OnGap) -> Start:
    """Decide where to begin.

    Args:
        position: What is stored, None = nothing.
        facts: The topic.
        now_ms: The time.
        on_gap: "restart" begins everything anew where anything is missing, "skip" only leaves out what is gone.
    """
    anew = Position(facts.topic_id, {number: span.first for number, span in facts.spans.items()}, now_ms)
    if position is None:
        return Start(anew)
    if position.topic_id != facts.topic_id:
        return Start(anew, "the topic was deleted and made again")
    reason = _gap(position, facts) or (_away(position, facts, now_ms) if on_gap == "restart" else None)
    if reason is not None and on_gap == "restart":
        return Start(anew, reason)
    offsets = {number: _within(position, number, facts) for number in facts.spans}
    return Start(replace(position, offsets=offsets), reason)


def _gap(position: Position, facts: TopicFacts) -> str | None:
    for number, span in sorted(facts.spans.items()):
        offset = position.offsets.get(number)
        if offset is None:
            continue
        if offset < span.first:
            return f"partition {number}: offsets {offset} to {span.first - 1} were deleted before they were read"
        if offset > span.end:
            return f"partition {number}: it ends at offset {span.end}, before {offset} that was reached: messages were lost"
    return None


def _away(position: Position, facts: TopicFacts, now_ms: int) -> str | None:
    away_ms = now_ms - position.whole_ms
    if facts.tombstones_ms is None or away_ms <= facts.tombstones_ms:
        return None
    # Where nothing was written since, nothing can have been missed, however long ago it was.
    if all(position.offsets.get(number) == span.end for number, span in facts.spans.items()):
        return None
    return (
        f"the end of the topic was last reached {away_ms / _HOUR_MS:.1f} h ago, and tombstones are kept for "
        f"{facts.tombstones_ms / _HOUR_MS:g} h (delete.retention.ms): some may be gone"
    )


def _within(position: Position, number: int, facts: TopicFacts) -> int:
    span = facts.spans[number]
    return min(max(position.offsets.get(number, span.first), span.first), span.end)
