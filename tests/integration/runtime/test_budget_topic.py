"""Shared budgets on a real topic: made as it must be, refused where it cannot serve, gone on from by whoever joins."""

import asyncio
import time
from random import Random

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead import PermanentError, TemporaryError
from wellhead.clock import SystemClock
from wellhead.config.worker import WorkerSettings
from wellhead.http import CallRecord, HttpSettings
from wellhead.runtime.budgetlog import BudgetLog
from wellhead.runtime.sharedbudget import SharedBudgets


class Rig:
    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.topic = bootstrap, f"{prefix}budgets"
        self.opened: list[SharedBudgets] = []

    def worker(self) -> WorkerSettings:
        words = {"kafka": {"bootstrap.servers": self.bootstrap}, "schema.registry": {"url": "http://127.0.0.1:1"}}
        return WorkerSettings.layered(flags={}, environment={}, files=words | {"budget.topic": self.topic})

    def budgets(self) -> SharedBudgets:
        made = SharedBudgets(self.worker(), SystemClock(), Random())
        self.opened.append(made)
        return made

    def share(self, *, calls=20, window_secs=60.0, name="feed"):
        http = HttpSettings(budget_group="key", budget_group_calls=calls, budget_group_window_secs=window_secs)
        return self.budgets().join(http, name)

    def make_topic(self, partitions=1, **config) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for made in admin.create_topics([NewTopic(self.topic, partitions, 1, config=config)]).values():
            made.result(30)


@pytest.fixture
def rig(stack, unique):
    made = Rig(stack.bootstrap_servers, unique)
    yield made
    for budgets in made.opened:
        budgets.close()


async def take(share, calls: int = 1, secs: float = 60.0) -> None:
    """Take calls as the runtime does, each of which ends at once."""
    async with asyncio.timeout(secs):
        for _ in range(calls):
            while not share.take():
                await share.wait()
            share.answered(CallRecord("v.example", "GET", 200, 0.0, 0, retried=False, quota_remaining=None))


def until(reached, secs: float = 60.0) -> None:
    deadline = time.monotonic() + secs
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_topic_is_made_with_the_brokers_time(rig):
    """One partition, stamped on appending, kept for two days."""
    share = rig.share()
    asyncio.run(take(share))
    log = BudgetLog(rig.worker())
    low, high = log.span()
    log.close()
    assert (low, high > 0) == (0, True)
    assert share.quota().budget == 20
    until(lambda: share.quota().remaining is not None)


def test_another_process_goes_on_where_the_first_was_killed(rig):
    """What a process that is gone has used of the window is gone for its successor, too."""
    first = rig.share(calls=20, window_secs=3600)
    asyncio.run(take(first, 3))
    until(lambda: first.quota().held == 3)
    second = rig.share(calls=20, window_secs=3600)
    asyncio.run(take(second, 1))
    assert second.quota().remaining <= 16


def test_tasks_of_one_connector_have_one_part(rig):
    """However many of its tasks run in a process, a connector has one share; it is left when the last of them goes."""
    budgets = rig.budgets()
    http = HttpSettings(budget_group="key", budget_group_calls=20)
    first, second = budgets.join(http, "feed:acme"), budgets.join(http, "feed:acme")
    changed = budgets.join(http.model_copy(update={"budget_group_calls": 10}), "feed:acme")
    other = budgets.join(http, "feed:bolt")
    assert first is second
    assert len({first.share.name, changed.share.name, other.share.name}) == 3
    first.leave()
    asyncio.run(take(second, 2))
    until(lambda: second.quota().held == 2)
    second.leave()
    assert second.share.is_leaving


def test_a_call_that_is_far_off_sends_the_task_away(rig):
    """Where no call comes free for an hour nobody waits for it; the message says when, and what to do."""
    share = rig.share(calls=4, window_secs=3600)

    with pytest.raises(TemporaryError, match="of 4 calls in 3600 s is used up by those who share it") as caught:
        asyncio.run(take(share, 5))
    # The vendor would take more at once; they are let go one by one, so that others have a turn.
    assert 600 < caught.value.after_secs < 800


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ({"partitions": 2}, "Name a topic with one partition"),
        ({"message.timestamp.type": "CreateTime"}, "Set it to LogAppendTime"),
    ],
)
def test_a_topic_that_cannot_serve_is_refused(rig, topic, said):
    """Neither an order that is none nor clocks that need not agree can keep a limit: the task fails, and says what to change."""
    rig.make_topic(**topic)
    share = rig.share()
    with pytest.raises(PermanentError, match=said):
        asyncio.run(take(share, 1))


def test_a_broker_that_is_away_is_waited_for(unique):
    """Without Kafka there is no call, and the reason is told."""
    rig = Rig("127.0.0.1:1", unique)
    share = rig.share()
    with pytest.raises(TimeoutError):
        asyncio.run(take(share, 1, secs=5.0))
    assert "waiting for the shared budget 'key'" in share.waiting
    assert share.quota().remaining is None
    rig.opened[0].close()
