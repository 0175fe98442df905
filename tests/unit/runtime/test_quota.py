"""The budget that a connector's tasks share: restored once, foretold at most once an hour."""

import asyncio

import pytest

from wellhead import TemporaryError
from wellhead.http import CallRecord, HttpSettings
from wellhead.runtime.pastcalls import PastCalls
from wellhead.runtime.quota import ConnectorQuota
from wellhead.telemetry.tally import GroupQuota
from wellhead.testing.clock import FakeClock

NOON_MS = 1_767_225_600_000 + 12 * 3_600_000
MIDNIGHT_MS = NOON_MS - 12 * 3_600_000


class Bench:
    def __init__(self, **options):
        self.clock = FakeClock(NOON_MS, auto=True)
        self.quota = ConnectorQuota(HttpSettings(**options), self.clock, {"connector": "ti", "tenant": "acme"})
        self.asked = []

    async def read(self, since_ms):
        self.asked.append(since_ms)
        await asyncio.sleep(0)
        return PastCalls(5_000, NOON_MS - 1_000)

    async def calls(self, count):
        for _ in range(count):
            await self.quota.take()
            self.quota.answered(CallRecord("v.example", "GET", 200, 0.1, 0, retried=False, quota_remaining=None))


def lines(caplog):
    return [record.msg for record in caplog.records if record.name == "wellhead.runtime"]


def test_the_days_count_is_read_once(caplog):
    """Five tasks that start together wait for one reading, from midnight on, and share what it gives."""
    bench = Bench(budget_calls_per_day=6000)

    async def scenario():
        await asyncio.gather(*(bench.quota.restore(bench.read) for _ in range(5)))

    with caplog.at_level("INFO"):
        asyncio.run(scenario())
    assert bench.asked == [MIDNIGHT_MS]
    assert bench.quota.now().remaining == 1_000
    assert [(line["event"], line["api_calls"], line["quota_remaining"]) for line in lines(caplog)] == [
        ("budget_restored", 5_000, 1_000)
    ]


def test_without_a_daily_budget_nothing_is_read():
    """No topic is read for a number that nobody needs."""
    bench = Bench(interval_secs=2)
    asyncio.run(bench.quota.restore(bench.read))
    assert bench.asked == []


def test_a_reading_that_failed_is_tried_again():
    """A task whose reading fails retries; none goes on without the count."""
    bench = Bench(budget_calls_per_day=6000)

    async def fails(since_ms):
        raise TemporaryError("away")

    async def scenario():
        with pytest.raises(TemporaryError):
            await bench.quota.restore(fails)
        await bench.quota.restore(bench.read)

    asyncio.run(scenario())
    assert bench.quota.now().remaining == 1_000


def test_the_end_is_foretold_once_an_hour(caplog):
    """A call a second ends 9,000 calls before they renew; the log says so at once and then every hour, as a warning with a next step."""
    bench = Bench(budget_calls_per_day=9000, interval_secs=1)
    asyncio.run(bench.calls(4_500))
    foretold = lines(caplog)
    assert [(line["event"], line["level"]) for line in foretold] == [("budget_ends", "warning")] * 2
    last = foretold[-1]
    assert (last["at"], last["renews_at"], last["connector"]) == ("14:31Z", "00:00Z", "ti")
    assert last["message"].startswith(
        "budget ends at 14:31Z at the rate of the last hour; no record is lost, but once half of it is spent "
    )
    assert "http.budget.calls.per.day" in last["message"]


def test_calls_that_are_spread_are_not_spoken_of(caplog):
    """Once the budget itself slows the calls, so that they last until it renews, there is nothing to warn of."""
    bench = Bench(budget_calls_per_day=6000, interval_secs=2)
    asyncio.run(bench.calls(3_500))
    before = len(lines(caplog))
    asyncio.run(bench.calls(1_500))
    assert (before, len(lines(caplog))) == (3, 3)


def test_a_vendors_quota_that_ends_is_told_without_a_budget(caplog):
    """Where only the reserve is set nothing slows the calls before it; the warning does not say so."""
    bench = Bench(budget_reserve=1)

    async def scenario():
        await bench.quota.take()
        said = CallRecord("v.example", "GET", 200, 0.1, 0, retried=False, quota_remaining=9, quota_renews_in_secs=40_000)
        bench.quota.answered(said)

    asyncio.run(scenario())
    assert "nothing is fetched from then on until it renews" in lines(caplog)[-1]["message"]


def test_a_budget_that_lasts_is_not_spoken_of(caplog):
    """Healthy flow is silent."""
    bench = Bench(budget_calls_per_day=6000, interval_secs=60)
    with caplog.at_level("INFO"):
        asyncio.run(bench.calls(200))
    assert lines(caplog) == []
    assert bench.quota.now().remaining == 5_800


class StubShare:
    """A part in a shared budget that has a call every other time."""

    def __init__(self):
        self.said = []
        self.has_one = False
        self.waiting = "waits for the others"

    def check(self):
        self.said.append("check")

    def take(self):
        self.has_one = not self.has_one
        return not self.has_one

    async def wait(self):
        self.said.append("wait")

    def answered(self, call):
        self.said.append(call.status)

    def quota(self):
        return GroupQuota("key", 600, 20, 3)

    def leave(self):
        self.said.append("leave")


def test_a_shared_budget_is_asked_beside_the_connectors_own():
    """Its own pace first, then the group; what the vendor answers, both learn, and health shows both."""
    shared = StubShare()
    quota = ConnectorQuota(HttpSettings(budget_calls_per_day=100), FakeClock(NOON_MS, auto=True), {}, shared)

    async def scenario():
        await quota.take()
        assert not await quota.share()
        assert await quota.share()

    asyncio.run(scenario())
    quota.answered(CallRecord("v.example", "GET", 200, 0.1, 0, retried=False, quota_remaining=None))
    assert shared.said == ["check", "wait", 200]
    assert (quota.now().remaining, quota.now().group.remaining, quota.waiting) == (99, 20, "waits for the others")


def test_the_last_task_leaves_the_shared_budget():
    """As long as one task of the connector lives, its part stays."""
    shared = StubShare()
    quota = ConnectorQuota(HttpSettings(), FakeClock(NOON_MS, auto=True), {}, shared)
    quota.join()
    quota.join()
    quota.leave()
    assert shared.said == []
    quota.leave()
    assert shared.said == ["leave"]


def test_without_a_group_nothing_is_waited_for():
    """A connector on its own takes its calls as ever."""
    bench = Bench()
    assert asyncio.run(bench.quota.share())
    assert bench.quota.now().group is None
