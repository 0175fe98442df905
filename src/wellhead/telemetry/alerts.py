"""Takes a task's totals, gives the alerts that stand now by the operator's thresholds; never sends anything."""

from __future__ import annotations

from typing import Final

from wellhead.telemetry.tally import Tally

ALERT: Final = "wellhead.alert"
ALERTS: Final = ("quota_low", "slow_call", "failures", "run_limit")
SLOW_STANDS_MS: Final = 900_000
LEAST_CALLS: Final = 20  # one failure of two is no rate


def standing(tally: Tally, now_ms: int) -> frozenset[str]:
    """Give the alerts of a task that stand at `now_ms`, while its lock is held."""
    quota = tally.quota()
    calls = len(tally.recent_calls)
    stands = {
        "quota_low": quota.remaining is not None and quota.remaining < (quota.reserve or 0),
        "slow_call": tally.slow_call_ms is not None and 0 <= now_ms - tally.slow_call_ms < SLOW_STANDS_MS,
        "failures": calls >= LEAST_CALLS and tally.recent_calls.count(False) > tally.alert_failure_ratio * calls,
        "run_limit": tally.last_outcome == "limit_reached",
    }
    return frozenset(alert for alert, is_so in stands.items() if is_so)
