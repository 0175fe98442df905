"""A source that asks its vendor as often as it may: one call, one event; for tests of budgets, in processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import Field

from wellhead import Batch, Config, Cursor, SourceConnector, SourceTask, Stream


class MeteredConfig(Config):
    url: str = Field(description="Where the vendor is.")
    who: str = Field(description="Who asks, as the vendor sees it.")


class MeteredCursor(Cursor):
    next: int


class MeteredTask(SourceTask[MeteredConfig, MeteredCursor]):
    async def poll(self, cursor: MeteredCursor | None) -> AsyncIterator[Batch[MeteredCursor]]:
        number = cursor.next if cursor else 0
        while True:
            answer = await self.http.get(f"{self.config.url}/events", params={"who": self.config.who})
            answer.raise_for_status()
            row = {"time": self.clock.now_ms(), "number": number, "text": None}
            number += 1
            yield Batch([row], MeteredCursor(next=number))


connector = SourceConnector(
    name="metered",
    title="A metered source for tests",
    config=MeteredConfig,
    streams=(
        Stream(
            name="event",
            task=MeteredTask,
            cursor=MeteredCursor,
            subject="scripted.event",
            description="Numbered events, one a call.",
            identity=("number",),
            time="time",
            interval_secs=1,
        ),
    ),
)
