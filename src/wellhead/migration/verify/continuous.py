"""Takes two stores that are written at the same time, compares their newest closed windows round after round; never a window that may still fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from wellhead.clock import Clock
from wellhead.migration.copy.cap import Pause
from wellhead.migration.verify.asking import Stopped
from wellhead.migration.verify.report import Report
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.verifying import Verifying, Wanted


@dataclass(frozen=True, slots=True)
class Pace:
    """When is compared what.

    Attributes:
        window_secs: Width of a window.
        lookback_secs: How far back each round looks again: hits come late, and attacks go on.
        settle_secs: How long a window is left alone after its end.
        rounds: How many rounds; None = until stopped.
    """

    window_secs: float = 60.0
    lookback_secs: float = 3600.0
    settle_secs: float = 10.0
    rounds: int | None = None

    def span(self, now_ms: int) -> Span:
        """Give the newest windows that are closed."""
        width_ms = max(1, round(self.window_secs * 1000))
        end_ms = (now_ms - round(self.settle_secs * 1000)) // width_ms * width_ms
        return Span(end_ms - max(width_ms, round(self.lookback_secs * 1000)), end_ms)


@dataclass(frozen=True, slots=True)
class Round:
    """How one round went.

    Attributes:
        number: Counts from 1.
        report: What it found.
        good: Rounds so far that found both equal.
        bad: Rounds that found them different.
        unknown: Rounds that could not compare them.
    """

    number: int
    report: Report
    good: int
    bad: int
    unknown: int

    def fields(self) -> dict[str, Any]:
        """Give its line: numbers and words that a log search or an alert can use."""
        report = self.report
        return {
            "round": self.number,
            "verdict": report.verdict,
            "from_ms": report.span.first_ms,
            "to_ms": report.span.end_ms,
            "documents": report.docs,
            "differing": report.differing,
            "by_what": dict(report.settled.by_what),
            "moving": report.settled.moving,
            "took_secs": round(report.took_secs, 3),
            "rounds_equal": self.good,
            "rounds_different": self.bad,
            "rounds_incomparable": self.unknown,
            **({"failure": report.failure} if report.failure else {}),
        }


def watch(
    verifying: Verifying, wanted: Wanted, pace: Pace, *, clock: Clock, pause: Pause, tell: Callable[[Round], None]
) -> Report | None:
    """Compare until stopped; give the last round's report, None where there was no whole round."""
    last: Report | None = None
    seen = {"equal": 0, "different": 0, "incomparable": 0}
    number = 0
    while pace.rounds is None or number < pace.rounds:
        number += 1
        began_secs = clock.monotonic_secs()
        try:
            last = verifying.run(replace(wanted, span=pace.span(clock.now_ms()), empty_is_equal=True))
        except Stopped:
            return last
        seen[last.verdict] += 1
        tell(Round(number, last, seen["equal"], seen["different"], seen["incomparable"]))
        left_secs = pace.window_secs - (clock.monotonic_secs() - began_secs)
        if (pace.rounds is None or number < pace.rounds) and pause(max(0.0, left_secs)):
            break
    return last
