"""The tasks of a connector share one budget, shown by each of them."""

import asyncio


def test_all_tasks_of_a_connector_share_one_budget(keyed_rig):
    """A call that one stream makes is taken off what the other has left, in health and on the metrics page."""
    keyed_rig.settings |= {"http.budget.calls.per.day": 6000, "http.budget.reserve": 100}
    process = keyed_rig.run_once()
    left, right = process.worker._set.tasks
    asyncio.run(left.quota.take())
    tasks = process.health()["connectors"]["feed"]["tasks"]
    assert [(task["quota_remaining"], task["budget_ends_in_secs"]) for task in tasks] == [(5_999, 3_599_400)] * 2
    assert right.quota is left.quota
