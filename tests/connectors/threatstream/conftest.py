"""Gives a simulated ThreatStream, a source that reads one of its types as the runtime would, and the topic that leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.threatstream.simulation.comparable import comparable
from connectors.threatstream.simulator import Settings, ThreatStreamSimulator, create
from connectors.threatstream.source import IndicatorCursor, ThreatStreamConfig, connector
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Drained, Driver, Step
from wellhead.testing.server import serve
from wellhead.testing.topic import CompactedTopic

EMPTY = {"ips": 0, "domains": 0, "hashes": 0, "urls": 0, "emails": 0, "quota_per_day": None}
EACH_RUN = {"lookback_interval_secs": 0, "deletions_interval_secs": 0, "sweep_interval_secs": 0}


@dataclass
class Bench:
    """A simulated vendor, one stream that is read, and all that was committed so far."""

    simulator: ThreatStreamSimulator
    clock: FakeClock
    driver: Driver
    cursor: IndicatorCursor | None = None
    steps: list[Step] = field(default_factory=list)

    def run(self, *, crash_after: int | None = None) -> Drained:
        """Run the source once until caught up; killed after so many batches, what came later was not committed."""
        drained = asyncio.run(self.driver.drain(self.cursor, past=list(self.steps)))
        if crash_after is not None:
            del drained.steps[crash_after:]
        self.steps += drained.steps
        self.cursor = drained.steps[-1].cursor if drained.steps else self.cursor
        return drained

    def after(self, secs: float, **run: Any) -> Drained:
        """Let time pass, then run."""
        self.clock.advance(secs)
        return self.run(**run)

    def state(self) -> dict[int, dict[str, Any]]:
        """What stands in the topic, by id."""
        return {row["id"]: row for row in CompactedTopic(self.driver.stream, self.steps).records().to_pylist()}

    def truth(self) -> dict[int, dict[str, Any]]:
        """What the vendor has active now, by id, as records."""
        return {
            row["id"]: row for record in self.simulator.truth_of(self.driver.stream.name) if (row := comparable(record.values))
        }

    def assert_equal(self) -> None:
        """The topic's state is the vendor's active set, row by row and column by column."""
        state, truth = self.state(), self.truth()
        assert state.keys() == truth.keys(), f"missing {truth.keys() - state.keys()}, left over {state.keys() - truth.keys()}"
        for key, expected in truth.items():
            assert {name: state[key][name] for name in expected} == expected

    def asked(self, status: str = "active") -> list[int]:
        """The positions asked from so far."""
        return [
            int(request.params["update_id__gt"])
            for request in self.simulator.requests
            if request.params.get("status") == status
        ]

    def published(self) -> Counter[tuple[int, int]]:
        """How often each state of each indicator was published."""
        return Counter(
            (row["id"], row["update_id"]) for step in self.steps for row in step.table.select(["id", "update_id"]).to_pylist()
        )


@contextlib.contextmanager
def bench_of(stream: str = "ip", settings: dict[str, Any] | None = None, **options: Any) -> Iterator[Bench]:
    clock = FakeClock(auto=True)
    simulator = create(Settings(**{**EMPTY, **(settings or {})}), clock=clock)
    with serve(simulator) as url:
        config = ThreatStreamConfig.model_validate(simulator.options(url) | EACH_RUN | options)
        chosen = next(each for each in connector.streams_of(config) if each.name == stream)
        yield Bench(simulator, clock, Driver(connector, chosen, config, clock))


@pytest.fixture(scope="session")
def bench() -> Callable[..., contextlib.AbstractContextManager[Bench]]:
    """Make a bench: `with bench("ip", {"ips": 30}, page_limit=10) as b`."""
    return bench_of
