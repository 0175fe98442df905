"""Proves that the places of a worker run what the config topic says, in the words their builder understands."""

import asyncio
import json

import pytest

from wellhead.cluster.lanes import Lane, LaneState, lanes_of, outdated, removals
from wellhead.cluster.reconcile import Reconciler
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.lease import FOREVER
from wellhead.storage.configs import ConfigView, ConnectorEntry, Target, TaskEntry


def built_of(config, *, others=None, slots=(0,), expected=1):
    """Give the specs that a worker with these slots builds for a connector of one task, of tenant `acme`, in slot 0."""
    built = []

    class Runs:
        tasks = ()

        def __init__(self):
            self.stopped = asyncio.Event()

        async def run(self):
            await self.stopped.wait()

        def stop(self):
            self.stopped.set()

    def build(spec):
        built.append(spec)
        return Runs()

    async def work():
        task = TaskEntry(0, 0, "acme", ("log",), {})
        entry = ConnectorEntry("wss", config, 1, Target.STARTED, {0: task}, 0, 0)
        reconciler = Reconciler(build, lambda _set: (), lambda: FOREVER)
        reconciler.gain(slots)
        reconciler.see(ConfigView({"wss": entry}, others=others or {}))
        while len(built) < expected:  # noqa: ASYNC110 - the place has its turn within a few of ours
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)  # what is not wanted has its turn, too
        await reconciler.close()

    asyncio.run(asyncio.wait_for(work(), 30))
    return built


@pytest.mark.parametrize(
    ("words", "tenant"),
    [({"tenants": "acme,globex"}, "acme"), ({"tenants": "", "tenant": "acme"}, ""), ({"tenants": None}, ""), ({}, "")],
)
def test_only_a_list_of_tenants_makes_a_task_one_tenants(words, tenant):
    """A task carries its tenant where the connector lists some; an empty list is none, so that its own `tenant` stands alone."""
    (spec,) = built_of(words)
    assert (spec.tenant, "tenants" in spec.config) == (tenant, False)


def test_a_backfill_runs_where_its_live_stream_runs():
    """Whoever has the slot of the task has its backfills, too, and nobody else; what has ended, or is another's stream, is not run."""
    made = [
        Lane("wss", Backfill("a", "log", "acme", 0, 1), LaneState.RUNNING),
        Lane("wss", Backfill("b", "log", "acme", 0, 1), LaneState.DONE),
        Lane("wss", Backfill("c", "log", "globex", 0, 1), LaneState.RUNNING),
        Lane("wss", Backfill("d", "other", "acme", 0, 1), LaneState.RUNNING),
    ]
    others = {lane.key: json.loads(lane.message("t").value) for lane in made}
    others["backfill-wss-broken"] = {"connector": "wss"}
    live, lane = built_of({}, others=others, expected=2)
    assert (live.key, live.backfill) == (("wss", 0), None)
    assert (lane.key, lane.backfill, lane.streams) == (("wss", "a"), made[0].backfill, ("log",))
    assert built_of({}, others=others, slots=(1,), expected=0) == []


def test_what_the_config_topic_says_of_backfills_is_read_back():
    """A record gives the backfill it was made of; ended ones beyond the newest twenty are forgotten, running ones never."""
    running = Lane("wss", Backfill("r", "log", "acme", 0, 1), LaneState.RUNNING, "me", 5)
    ended = [Lane("wss", Backfill(str(at), "log", "acme", 0, 1), LaneState.DONE, "me", at) for at in range(22)]
    view = ConfigView(others={lane.key: json.loads(lane.message("t").value) for lane in (running, *ended)})
    assert list(lanes_of(view, "wss")) == [running, *ended]
    assert list(lanes_of(view, "other")) == []
    assert [message.key for message in outdated("t", view, "wss")] == [lane.key.encode() for lane in ended[:2]]
    assert len(removals("t", view, "wss")) == 23
