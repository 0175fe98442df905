"""Declares the metrics of live connections, as the table of a task's metrics does; read from the task's tally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from wellhead.telemetry.instruments import HOST, REASON, Kind, Point, TaskMetric
from wellhead.telemetry.tally import Tally

BREAKER: Final = "wellhead.breaker.state"
BREAKER_STATES: Final = ("closed", "half_open", "open")


def _by_host(counts: Mapping[str, int]) -> Iterable[Point]:
    return [(count, {HOST: host}) for host, count in counts.items()]


def _breakers(tally: Tally) -> Iterable[Point]:
    return [
        (int(state == each), {HOST: host, BREAKER: each})
        for host, state in tally.upstreams.breaker.items()
        for each in BREAKER_STATES
    ]


UPSTREAM_METRICS: Final[tuple[TaskMetric, ...]] = (
    TaskMetric(
        "wellhead.upstream.open", Kind.UPDOWN, "{connection}", (HOST,), "Live connections that are open, by host and port.",
        lambda tally, _: _by_host(tally.upstreams.open),
    ),
    TaskMetric(
        "wellhead.upstream.waiting", Kind.UPDOWN, "{connection}", (HOST,),
        "Live connections that wait to be admitted (streams.* options of the worker); the task's state says for what.",
        lambda tally, _: _by_host(tally.upstreams.waiting),
    ),
    TaskMetric(
        "wellhead.upstream.connect.count", Kind.COUNTER, "{connection}", (HOST,), "Live connections opened.",
        lambda tally, _: _by_host(tally.upstreams.opened),
    ),
    TaskMetric(
        "wellhead.upstream.ended.count", Kind.COUNTER, "{connection}", (HOST, REASON),
        "Live connections that ended: done (by the server, or by us), failed (none was made), cut, reset, silent, no_progress, half_open, "
        "shed (closed by us, as there was too much), closed.",
        lambda tally, _: [
            (count, {HOST: host, REASON: reason}) for (host, reason), count in tally.upstreams.ended.items()
        ],
    ),
    TaskMetric(
        "wellhead.upstream.breaker", Kind.GAUGE, "1", (HOST, BREAKER),
        "1 for the state of the destination's circuit breaker, 0 for the others.",
        lambda tally, _: _breakers(tally),
    ),
)  # fmt: skip
