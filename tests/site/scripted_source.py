"""A source whose vendor is a script: what the next poll meets is set by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pydantic import Field, SecretStr

from wellhead import Batch, Config, Cursor, Reject, SourceConnector, SourceTask, Stream

BORN_MS = 1_790_000_000_000


class FeedConfig(Config):
    total: int = Field(100, description="How many events there are.")
    batch: int = Field(10, description="Events a batch.")
    password: SecretStr = Field(SecretStr("none"), description="A secret.")


class FeedCursor(Cursor):
    next: int
    replay_from: int | None = None
    quiet_until: int | None = None

    def replay_from_ms(self) -> int | None:
        return self.replay_from

    def not_before_ms(self) -> int | None:
        return self.quiet_until


@dataclass
class Script:
    """What happens: `before` is called with the number of the next batch's first event and may raise or wait."""

    before: Callable[[int], Any] = lambda _number: None
    rejects: dict[int, Reject] = field(default_factory=dict)
    text: Callable[[int], str | None] = lambda number: f"event {number}"
    quiet_until: int | None = None
    polled_from: list[int | None] = field(default_factory=list)
    open_polls: int = 0


SCRIPT = Script()


class FeedTask(SourceTask[FeedConfig, FeedCursor]):
    async def poll(self, cursor: FeedCursor | None) -> AsyncIterator[Batch[FeedCursor]]:
        script = SCRIPT
        script.polled_from.append(cursor.next if cursor else None)
        script.open_polls += 1
        try:
            start = cursor.next if cursor else 0
            replaying = cursor.replay_from if cursor else None
            while start < self.config.total:
                waiting = script.before(start)
                if waiting is not None:
                    await waiting
                numbers = range(start, min(start + self.config.batch, self.config.total))
                good = [number for number in numbers if number not in script.rejects]
                table = pa.RecordBatch.from_pydict(
                    {
                        "time": pa.array([BORN_MS + number for number in good], pa.timestamp("ms", tz="UTC")),
                        "number": pa.array(good, pa.int64()),
                        "text": pa.array([script.text(number) for number in good], pa.string()),
                    }
                )
                start = numbers.stop
                done = start >= self.config.total
                yield Batch(
                    table,
                    FeedCursor(
                        next=start, replay_from=None if done else replaying, quiet_until=script.quiet_until if done else None
                    ),
                    rejects=[script.rejects[number] for number in numbers if number in script.rejects],
                )
        finally:
            script.open_polls -= 1


connector = SourceConnector(
    name="scripted",
    title="A scripted source for tests",
    config=FeedConfig,
    streams=(
        Stream(
            name="event",
            task=FeedTask,
            cursor=FeedCursor,
            subject="scripted.event",
            description="Numbered events.",
            identity=("number",),
            time="time",
            interval_secs=0.2,
        ),
    ),
)
