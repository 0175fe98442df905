"""Takes one stream's place in an offsets topic that is followed anyway, gives its cursor without a client of its own; never one that is stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wellhead.kafka.consumer import STALLED_SECS
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.offsets import Scalar
from wellhead.storage.cursors import OffsetsTopic


class FollowedCursorStore(CursorStore):
    """A `CursorStore` that looks into what a tail of the offsets topic has read, once that is all there is.

    Args:
        topic: The offsets topic.
        connector: The connector's name.
        partition: What names the stream.
        fresh: Gives what the topic holds, everything included that was committed at the time of the call; blocks for at most so many seconds.
    """

    def __init__(
        self, topic: str, connector: str, partition: Mapping[str, Scalar], fresh: Callable[[float], OffsetsTopic]
    ) -> None:
        super().__init__({}, topic, connector, partition)
        self._fresh = fresh

    def load(self, *, stalled_secs: float = STALLED_SECS) -> dict[str, Any] | None:
        """Give the newest committed cursor; see `CursorStore.load`."""
        found = self._fresh(stalled_secs).find(self._connector, self._partition)
        self._foreign = {*found.keys} - {self._key}
        self.topic_id = None if found.stored is None else found.stored.topic_id
        self.run_open = found.stored is not None and found.stored.run_open
        if found.problem:
            raise self.unreadable(found.problem)
        return None if found.stored is None else found.stored.cursor
