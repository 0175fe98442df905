"""A source of keyed state whose vendor is a script: what each stream's next polls give is set by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from wellhead import Batch, Config, Cursor, SourceConnector, SourceTask, Stream

LONG_AGO_MS = 1_000_000_000_000


class StateConfig(Config):
    hold_secs: float = Field(0, description="How long a poll takes at most.")
    hold_until: int = Field(99, description="How many streams polled at once end the wait.")


class StateCursor(Cursor):
    step: int
    published_since: int | None = None

    def replay_from_ms(self) -> int | None:
        return self.published_since


@dataclass
class Script:
    """What happens: per stream the steps still to come, each gives a batch's `table` and `deletes`."""

    steps: dict[str, list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]] = field(default_factory=dict)
    ask: tuple[tuple[str, ...], Callable[[Any], Any]] | None = None
    answers: list[Any] = field(default_factory=list)
    published_since: int | None = None
    polling: set[str] = field(default_factory=set)
    together: list[frozenset[str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    cursors: list[int | None] = field(default_factory=list)


SCRIPT = Script()


def state(number: int, version: int = 1, changed: int = LONG_AGO_MS) -> dict[str, Any]:
    return {"id": number, "version": version, "changed": changed}


class StateTask(SourceTask[StateConfig, StateCursor]):
    async def poll(self, cursor: StateCursor | None) -> AsyncIterator[Batch[StateCursor]]:
        script = SCRIPT
        script.cursors.append(cursor.step if cursor else None)
        script.order.append(self.stream)
        script.polling.add(self.stream)
        script.together.append(frozenset(script.polling))
        try:
            if script.ask is not None:
                script.answers.append(await self.published(*script.ask))
            with suppress(TimeoutError):
                async with asyncio.timeout(self.config.hold_secs):
                    while max(map(len, script.together)) < self.config.hold_until:  # noqa: ASYNC110 - nobody tells when another stream is polled
                        await asyncio.sleep(0.01)
            steps = script.steps.get(self.stream, [])
            at = cursor.step if cursor else 0
            for step, (rows, deletes) in enumerate(steps[at:], start=at + 1):
                yield Batch(rows, StateCursor(step=step, published_since=script.published_since), deletes=deletes)
        finally:
            script.polling.discard(self.stream)


def _stream(name: str) -> Stream:
    return Stream(
        name=name,
        task=StateTask,
        cursor=StateCursor,
        subject="scripted.state",
        description="Things with a state.",
        key=("id",),
        identity=("id", "version"),
        time="changed",
        cleanup="compact",
        interval_secs=0.2,
    )


connector = SourceConnector(
    name="keyed",
    title="A scripted source of keyed state for tests",
    config=StateConfig,
    streams=(_stream("left"), _stream("right")),
    defaults={"freshness.target.secs": 1234, "poll.cron": "0 0/1 * * *", "http.retry.max.attempts": 2},
)
