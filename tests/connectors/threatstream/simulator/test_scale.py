"""Millions of indicators cost no memory, and neither does any page of them."""

from __future__ import annotations

import itertools
import tracemalloc
from datetime import UTC, datetime

import pytest

from connectors.threatstream import simulator as simulator_module
from connectors.threatstream.simulation.query import read_ask
from connectors.threatstream.simulator import Settings, create
from wellhead.testing.clock import FakeClock
from wellhead.tools.simulate import contract_of, option_of, settings_from

MILLIONS = {"ips": 1_900_000, "domains": 400_000, "hashes": 300_000, "urls": 200_000, "emails": 100_000}
PEAK_BYTES = 12 << 20


def ask(simulator, **params):
    texts = {
        "order_by": "update_id",
        "limit": "1000",
        "status": "active",
        **{name: str(value) for name, value in params.items()},
    }
    return simulator.holdings.page(read_ask(texts, simulator.settings, simulator.holdings.update_ids), simulator.at())


@pytest.fixture
def simulator():
    simulator = create(Settings(**MILLIONS, new_per_minute=500, changes_per_minute=500, lively=20_000), clock=FakeClock())
    simulator.clock.advance(7_200)
    return simulator


def test_a_page_anywhere_in_millions_holds_no_more_than_itself(simulator):
    """The first page, one in the middle, one of life and one of all types peak at a few megabytes."""
    first = ask(simulator, type="ip")
    assert len(first.entries) == 1_000
    middle = simulator.holdings.update_ids.first + 3 * 10**11
    tracemalloc.start()
    try:
        pages = [
            ask(simulator, type="ip"),
            ask(simulator, type="ip", update_id__gt=middle),
            ask(simulator, update_id__gt=middle),
        ]
        pages += [ask(simulator, type="hash", modified_ts__gt=_text(simulator.start_ms))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [len(page.entries) for page in pages] == [1_000] * 4
    assert pages[0].total > 1_500_000
    assert peak < PEAK_BYTES


def test_the_truth_of_millions_is_told_without_holding_it(simulator):
    """100,000 records from the midst of millions peak at less than a block of them."""
    tracemalloc.start()
    try:
        told = sum(1 for _ in itertools.islice(simulator.truth(values=False), 100_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told == 100_000
    assert peak < PEAK_BYTES


def test_all_of_a_million_are_counted_as_told():
    """total_count, which is arithmetic, is the number of indicators there are one by one."""
    simulator = create(Settings(ips=1_000_000, expired_active_secs=0, changes_per_minute=100), clock=FakeClock())
    simulator.clock.advance(600)
    told = sum(len(rows) for rows in simulator.holdings.active("ip", simulator.at()))
    assert ask(simulator, type="ip", limit=1).total == told > 800_000


def test_the_command_line_offers_every_setting():
    """Each setting is an option of `wellhead simulate threatstream`, and what is given there makes the simulator."""
    model, make = contract_of(simulator_module)
    assert all(option_of(name, field).help for name, field in model.model_fields.items())
    given = {"ips": "2000000", "quota_per_day": "", "faults": ("half_json:2",), "next_form": "absolute", "retry_after": False}
    simulator = make(settings_from("threatstream", model, given))
    assert (simulator.settings.ips, simulator.settings.quota_per_day, simulator.settings.retry_after) == (
        2_000_000,
        None,
        False,
    )
    assert [str(fault) for fault in simulator.faults.armed()] == ["half_json:2"]


def _text(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
