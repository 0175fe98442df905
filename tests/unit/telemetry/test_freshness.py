import pytest

TASK = {"kafka_connect_connector": "wss-acme", "kafka_connect_task_id": "0"}


def state(scrape, name):
    return scrape("kafka_connect_task_status", kafka_connect_task_state=name, **TASK)


@pytest.fixture
def awaited(task, clock):
    """Have a running task's next poll expected in 3,600 s and no more than 900 s late; give the task."""
    due_ms = clock.now_ms() + 3_600_000
    task.awaits(lambda: due_ms, 900)
    task.state("RUNNING")
    return task


def test_a_late_poll_shows_on_the_page(awaited, clock, scrape):
    """Without anybody telling, a task is degraded on the metrics page once its poll is later than the target, not before."""
    clock.advance(3_600 + 900)
    assert (state(scrape, "running"), state(scrape, "degraded")) == (1, 0)
    assert scrape("wellhead_freshness_overdue_seconds") == 900
    clock.advance(1)
    assert (state(scrape, "running"), state(scrape, "degraded")) == (0, 1)
    assert scrape("wellhead_freshness_overdue_seconds") == 901
    assert scrape("wellhead_freshness_target_seconds") == 900
    assert scrape("kafka_connect_worker_connector_task_count", kafka_connect_worker_connector_task_state="degraded") == 1
    assert scrape("kafka_connect_connector_status", kafka_connect_connector_state="degraded") == 1


def test_what_waits_for_its_time_is_not_late(awaited, clock, scrape):
    """Until the poll is due nothing is awaited, however long ago the last one was."""
    clock.advance(3_600)
    assert scrape("wellhead_freshness_overdue_seconds") == 0
    assert state(scrape, "degraded") == 0


def test_a_poll_without_its_commit_is_not_good(awaited, clock, scrape):
    """Polled is not enough: the cursor must have been committed, too."""
    clock.advance(5_000)
    awaited.caught_up()
    assert state(scrape, "degraded") == 1
    awaited.committed(1, 10, 0.1)
    assert scrape("wellhead_freshness_overdue_seconds") == 0
    assert (state(scrape, "running"), state(scrape, "degraded")) == (1, 0)


@pytest.mark.parametrize("other", ["failed", "paused", "stopped"])
def test_who_does_not_live_is_not_late(awaited, clock, scrape, other):
    """A task that failed or was paused stays what it is; only of the failed one a poll is still awaited."""
    awaited.state(other.upper())
    clock.advance(10_000)
    assert (state(scrape, other), state(scrape, "degraded")) == (1, 0)
    assert scrape("wellhead_freshness_overdue_seconds") == (6_400 if other == "failed" else None)


def test_nothing_is_late_without_a_target(task, clock, scrape):
    """A task that nobody awaits is never degraded, and has no target to show."""
    task.state("RUNNING")
    clock.advance(1_000_000)
    assert state(scrape, "running") == 1
    assert scrape("wellhead_freshness_target_seconds") is None
