"""Takes a lookup's schedule and its last run, gives when the next is due; never waits itself."""

from __future__ import annotations

from datetime import UTC, datetime

from croniter import croniter

from wellhead.config.lookup import LookupSettings


def next_ms(settings: LookupSettings, started_ms: int, now_ms: int) -> int:
    """Give the epoch ms of the run after one that began at `started_ms` and has ended by `now_ms`; never two at once."""
    if settings.run_cron is not None:
        due: float = croniter(settings.run_cron, datetime.fromtimestamp(now_ms / 1000, tz=UTC)).get_next(float)
        return int(due * 1000)
    # A clock set back during the run puts its start into the future.
    return max(now_ms, min(started_ms, now_ms) + int(settings.interval_secs() * 1000))
