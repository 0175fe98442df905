"""Tests of when runs are due."""

import pytest

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.schedule import next_ms

HOUR_MS = 3_600_000


def settings(**words):
    return LookupSettings.model_validate(
        {"name": "t", "topic": "t", "files": "a", "state.dir": "s", "output.dir": "o", **words}
    )


@pytest.mark.parametrize(
    ("words", "started_ms", "now_ms", "due_ms"),
    [
        ({}, 0, 10_000, 900_000),
        ({"run.interval.secs": 5}, 1_000, 2_000, 6_000),
        ({"run.interval.secs": 5}, 1_000, 60_000, 60_000),
        ({"run.interval.secs": 5}, 90_000, 60_000, 65_000),
        ({"run.cron": "10 * * * *"}, 0, 5_000, HOUR_MS // 6),
        ({"run.cron": "10 * * * *"}, 0, 2 * HOUR_MS, 2 * HOUR_MS + HOUR_MS // 6),
    ],
)
def test_the_next_run_is_due_by_interval_or_cron_and_never_in_the_past(words, started_ms, now_ms, due_ms):
    """An interval counts from the start of a run; a long run, or a clock set back, never makes two at once."""
    assert next_ms(settings(**words), started_ms, now_ms) == due_ms
