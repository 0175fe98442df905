"""Takes what stands in a stream's topic, gives what no longer should; never ends what another stream wrote."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.threatstream.decode import ended

COLUMNS = ("id", "stream", "expiration_ts", "modified_ts")


class Newest:
    """Finds out when the newest of a stream's indicators was published; keeps none.

    Args:
        stream: Whose indicators count.

    Attributes:
        published_ms: Epoch ms; None while none was met.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.published_ms: int | None = None

    def __call__(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        own: Any = pc.equal(batch.column("stream"), pa.scalar(self._stream))
        moments: Any = batch.column("published_ms").filter(pc.fill_null(own, False))
        newest = pc.max(moments).as_py()
        if newest is not None:
            self.published_ms = max(newest, self.published_ms or 0)
        return pa.array([False] * batch.num_rows, pa.bool_())


class Over:
    """Says of published indicators whether they are over: expired, too old, or vanished.

    Args:
        stream: Whose indicators count.
        now_ms: Epoch ms; what expires by then is over.
        oldest_ms: Epoch ms; what changed last before then is over. None keeps everything.
        vanished_ms: Epoch ms; what was published last before then is over, since a whole reading has not found it. None keeps it.
    """

    def __init__(self, stream: str, now_ms: int, oldest_ms: int | None, vanished_ms: int | None) -> None:
        self._stream = stream
        self._now_ms = now_ms
        self._oldest_ms = oldest_ms
        self._vanished_ms = vanished_ms

    def __call__(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        over: Any = ended(batch, self._now_ms, self._oldest_ms)
        if self._vanished_ms is not None:
            over = pc.or_(over, pc.less(batch.column("published_ms"), pa.scalar(self._vanished_ms)))
        own: Any = pc.equal(batch.column("stream"), pa.scalar(self._stream))
        answer: pa.BooleanArray = pc.and_(over, pc.fill_null(own, False))
        return answer
