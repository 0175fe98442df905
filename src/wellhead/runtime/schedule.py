"""Takes the schedule options and the last poll, gives when the next is due; never waits itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from croniter import croniter

from wellhead.config.connector import ConnectorSettings
from wellhead.runtime.identity import TaskIdentity

# A continuous stream whose poll returns at once must not spin.
CONTINUOUS_GAP_SECS = 1.0
# Far enough apart that streams which share a cron expression ask for their turns in order.
IN_ORDER_MS = 20


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a stream is polled: every `interval_secs`, at the times of `cron` (UTC), or again as soon as a poll ends.

    `jitter_ratio` moves an interval by up to that share either way, so that many tasks do not ask in step; `after_ms` is how long
    after the time of a cron expression the stream begins.
    """

    interval_secs: float
    cron: str | None
    continuous: bool
    jitter_ratio: float
    random: Random
    after_ms: int = 0

    @classmethod
    def of(cls, settings: ConnectorSettings, identity: TaskIdentity, random: Random) -> Schedule:
        """Take the operator's schedule, else the stream's own interval."""
        return cls(
            interval_secs=settings.poll_interval_secs or identity.stream.interval_secs,
            cron=settings.poll_cron,
            continuous=settings.poll_continuous,
            jitter_ratio=settings.poll_jitter_ratio,
            random=random,
            after_ms=identity.task * IN_ORDER_MS,
        )

    def first_ms(self, now_ms: int) -> int:
        """Epoch ms of the first poll after a start: at once, or at the next time of the cron expression."""
        return self._next_cron_ms(self.cron, now_ms) if self.cron else now_ms

    def next_ms(self, started_ms: int, now_ms: int) -> int:
        """Epoch ms of the poll after one that started at `started_ms` and has ended by `now_ms`."""
        if self.cron:
            return self._next_cron_ms(self.cron, now_ms)
        if self.continuous:
            return now_ms + int(CONTINUOUS_GAP_SECS * 1000)
        jitter = self.random.uniform(-self.jitter_ratio, self.jitter_ratio)
        # A clock set back during the poll puts its start into the future.
        return max(now_ms, min(started_ms, now_ms) + int(self.interval_secs * (1 + jitter) * 1000))

    def _next_cron_ms(self, cron: str, now_ms: int) -> int:
        after = datetime.fromtimestamp((now_ms - self.after_ms) / 1000, tz=UTC)
        due: float = croniter(cron, after).get_next(float)
        return int(due * 1000) + self.after_ms
