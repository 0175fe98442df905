"""Tests of what the demo says of floods: that one not found, found late, or found where there is none is seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from wellhead.demo.floods import FOUND_SECS, judged

BEGAN_MS = 1_795_400_000_000


@dataclass
class Told:
    """What the vendor says of one record."""

    values: dict[str, Any]
    identity: tuple[str, ...] = ("gateway-1", "7")


class Vendor:
    """One flood from its third record on, and ordinary records beside it."""

    def truth(self):
        yield Told({"since": BEGAN_MS - 60_000})
        yield from (Told({"_flood": "*.livepush.example", "since": BEGAN_MS + after_ms}) for after_ms in (5_000, 0, 9_000))


def finding(after_secs=10.0, *, family="*.livepush.example", gateway="gateway-1", kind="opened", name="f1"):
    time = datetime.fromtimestamp(BEGAN_MS / 1_000 + after_secs, UTC)
    return {"id": name, "gateway": gateway, "family": family, "kind": kind, "time": time}


def test_a_flood_that_is_found_in_time_is_ok_and_its_first_finding_counts():
    """Of several findings of one family the earliest says how soon it was found; updates say nothing."""
    told = [finding(25, name="f2"), finding(12.5), finding(1, kind="updated"), finding(40, kind="closed")]
    made = judged(Vendor(), told, 4)
    assert made.ok
    assert (made.records, made.gateways, made.truth, made.found, made.findings) == (4, 1, 1, 1, 2)
    assert made.found_after_secs == 12.5


@pytest.mark.parametrize(
    ("told", "missing", "extra"),
    [
        ([], 1, 0),
        ([finding(), finding(family="*.mail.example")], 0, 1),
        ([finding(gateway="gateway-2")], 1, 1),
        ([finding(kind="closed")], 1, 0),
    ],
)
def test_a_flood_that_is_not_found_or_found_where_there_is_none_is_not_ok(told, missing, extra):
    """Findings are held to gateway and family."""
    made = judged(Vendor(), told, 4)
    assert not made.ok
    assert (made.missing, made.extra) == (missing, extra)


def test_a_flood_that_is_found_late_is_not_ok():
    """What nobody hears of within half a minute is no use at 3 a.m."""
    assert judged(Vendor(), [finding(FOUND_SECS)], 4).ok
    assert not judged(Vendor(), [finding(FOUND_SECS + 0.1)], 4).ok
