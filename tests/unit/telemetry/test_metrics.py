import asyncio
import threading

import pytest

from wellhead.telemetry import Snapshot, Stage, TaskTelemetry
from wellhead.telemetry.tally import MAX_WORDS, GroupQuota, Quota

OF_TASK = {"kafka_connect_connector": "wss-acme", "kafka_connect_task_id": "0"}
OF_STREAM = {**OF_TASK, "wellhead_stream": "access_log", "wellhead_tenant": "acme"}


def test_a_batch_from_poll_to_commit(task, clock, scrape):
    """Every record of a batch is counted once where it ended: written, rejected or filtered."""
    task.polled(100, 5_000, clock.now_ms() - 60_000)
    task.rejected(3, Stage.POLL, "unreadable")
    task.rejected(2, Stage.ENCODE, "overflow")
    task.filtered(5, "replayed")
    task.committed(90, 4_000, 0.25)
    task.cursor_moved(clock.now_ms())
    assert scrape("kafka_connect_source_record_poll_count_total", **OF_TASK) == 100
    assert scrape("kafka_connect_source_record_write_count_total", **OF_TASK) == 90
    assert scrape("wellhead_record_reject_count_total", **OF_STREAM, wellhead_stage="encode", wellhead_reason="overflow") == 2
    assert scrape("wellhead_record_filter_count_total", **OF_STREAM, wellhead_reason="replayed") == 5
    assert scrape("kafka_connect_task_offset_commit_time_max_seconds", **OF_TASK) == 0.25
    seen = task.snapshot()
    assert seen.polled_records == seen.written_records + seen.rejects + seen.filtered


def test_snapshot_of_a_run(task, clock):
    """The difference of two snapshots is what one run did."""
    task.polled(10, 100)
    before = task.snapshot()
    task.polled(7, 70)
    task.caught_up()
    task.api_call("api.example.com", 200, 0.1, 4_096)
    task.committed(7, 60, 0.01)
    assert task.snapshot().minus(before) == Snapshot(
        at_ms=clock.now_ms(), polls=1, batches=1, polled_records=7, polled_bytes=70, written_records=7, written_bytes=60,
        transactions=1, api_calls=1, api_bytes=4_096, last_poll_ms=clock.now_ms(), last_commit_ms=clock.now_ms(),
    )  # fmt: skip


def test_freshness_is_counted_at_the_scrape(task, clock, scrape):
    """Ages grow with time alone, without another call; before the first poll they count from the task's start."""
    clock.advance(7)
    assert scrape("wellhead_freshness_poll_seconds") == 7
    assert scrape("wellhead_freshness_commit_seconds") == 7
    task.polled(1, 1, clock.now_ms() - 10_000)
    task.committed(1, 1, 0.0)
    task.cursor_moved(clock.now_ms())
    clock.advance(30)
    ages = [
        scrape(f"wellhead_{name}_seconds") for name in ("freshness_event", "freshness_poll", "freshness_commit", "cursor_age")
    ]
    assert ages == [40, 30, 30, 30]


def test_an_event_from_the_future(task, clock, scrape):
    """An event time ahead of the clock counts as now, so that one wrong row cannot hide hours of silence."""
    task.polled(1, 1, clock.now_ms() + 10**9)
    clock.advance(5)
    assert scrape("wellhead_freshness_event_seconds") == 5


def test_an_empty_poll_is_a_successful_one(task, clock, scrape):
    """A poll that ends without a batch renews the freshness of polling."""
    task.caught_up()
    clock.advance(2)
    assert (scrape("wellhead_freshness_poll_seconds"), scrape("wellhead_poll_count_total")) == (2, 1)


def test_state(task, clock, scrape):
    """Exactly one state is 1, DEGRADED is among them, and the running ratio counts the time spent RUNNING."""
    clock.advance(10)
    task.state("RUNNING")
    clock.advance(30)
    task.state("DEGRADED")
    states = ("unassigned", "running", "degraded", "paused", "restarting", "failed", "stopped")
    shown = {state: scrape("kafka_connect_task_status", **OF_TASK, kafka_connect_task_state=state) for state in states}
    assert shown == {**dict.fromkeys(states, 0), "degraded": 1}
    assert scrape("kafka_connect_task_running_ratio") == 0.75
    assert scrape("kafka_connect_worker_connector_task_count", kafka_connect_worker_connector_task_state="degraded") == 1


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (("RUNNING", "RUNNING"), "running"),
        (("RUNNING", "FAILED"), "degraded"),
        (("RUNNING", "DEGRADED"), "degraded"),
        (("FAILED", "FAILED"), "failed"),
        (("RUNNING", "PAUSED"), "running"),
        (("UNASSIGNED",), "unassigned"),
    ],
)
def test_connector_status(telemetry, scrape, states, status):
    """A connector has the common state of its tasks, and is degraded when only some of them fail or lag."""
    for number, state in enumerate(states):
        TaskTelemetry(telemetry, connector="c", task=number, stream=f"s{number}", tenant="t").state(state)
    of = {"kafka_connect_connector": "c"}
    assert scrape("kafka_connect_connector_status", **of, kafka_connect_connector_state=status) == 1
    other = "paused" if status != "paused" else "running"
    assert scrape("kafka_connect_connector_status", **of, kafka_connect_connector_state=other) == 0


def test_api_calls(task, scrape):
    """Calls are counted by host and class of status; a call without an answer has the class "none"."""
    for status in (200, 206, 429, None):
        task.api_call("api.example.com:443", status, 1.0, 10)
    counts = {
        status: scrape("wellhead_api_call_count_total", server_address="api.example.com:443", wellhead_http_status=status)
        for status in ("2xx", "4xx", "none")
    }
    assert counts == {"2xx": 2, "4xx": 1, "none": 1}
    assert scrape("wellhead_api_io_bytes_total") == 40
    assert scrape("wellhead_api_duration_seconds_count", wellhead_http_status="2xx") == 2


def test_quota_and_drift_and_notices(task, scrape):
    """The quota is absent until somebody knows it; drift and notices are counted."""
    assert scrape("wellhead_api_quota_remaining") is None
    task.quota(lambda: Quota(17, 6000, 100, 60.0, 600.0))
    task.drift(4)
    task.noticed("second_client")
    assert scrape("wellhead_api_quota_remaining") == 17
    assert scrape("wellhead_api_quota_budget") == 6000
    assert scrape("wellhead_api_quota_reserve") == 100
    assert scrape("wellhead_api_quota_end_seconds") == 60
    assert scrape("wellhead_api_quota_renewal_seconds") == 600
    assert scrape("wellhead_drift_count_total") == 4
    assert scrape("wellhead_notice_count_total", wellhead_event="second_client") == 1


def test_a_shared_budget(task, scrape):
    """Shown by its group while the connector shares one and knows how it stands."""
    task.quota(lambda: Quota(group=GroupQuota("key", 600, None, None)))
    assert scrape("wellhead_api_group_remaining") is None
    task.quota(lambda: Quota(group=GroupQuota("key", 600, 20, 3)))
    found = [scrape(f"wellhead_api_group_{name}", wellhead_budget_group="key") for name in ("budget", "remaining", "held")]
    assert found == [600, 20, 3]


def test_retries_by_stage(task, scrape):
    """Retries are counted by stage; one at the commit stage is an aborted transaction in the failure ratio."""
    task.committed(1, 1, 0.1)
    task.retried(Stage.COMMIT)
    task.retried(Stage.POLL)
    assert scrape("wellhead_retry_count_total", wellhead_stage="poll") == 1
    assert scrape("kafka_connect_task_error_retry_count_total") == 2
    assert scrape("kafka_connect_task_offset_commit_failure_ratio") == 0.5


@pytest.mark.parametrize("secret", ["https://user:hunter2@h/?token=s3cr3t", "row 1 is broken: hunter2 s3cr3t"])
def test_no_free_text_in_labels(task, telemetry, secret):
    """Reasons, events, hosts and outcomes that are not words never become labels."""
    task.rejected(1, Stage.POLL, secret)
    task.filtered(1, secret)
    task.noticed(secret)
    task.api_call(secret, 200, 0.1, 1)
    task.run_ended(secret)
    page = telemetry.render()[0].decode()
    assert "hunter2" not in page
    assert "s3cr3t" not in page
    assert page.count('"other"') >= 5


def test_labels_are_bounded(task, scrape):
    """However many reasons a source invents, a task keeps a bounded number of series and loses no count."""
    for number in range(MAX_WORDS * 3):
        task.filtered(1, f"reason_{number}")
        task.rejected(1, Stage.ENCODE, f"reason_{number}")
    assert scrape("wellhead_record_filter_count_total", wellhead_reason="other") == MAX_WORDS * 2
    assert scrape("wellhead_record_reject_count_total", wellhead_reason="other") == MAX_WORDS * 2
    assert task.snapshot().filtered == task.snapshot().rejects == MAX_WORDS * 3


def test_stage_durations(task, clock, scrape):
    """A stage's time is recorded by stage; a failed one carries the exception's type and lets it pass."""
    with task.stage(Stage.ENCODE):
        clock.advance(3)
    with pytest.raises(ZeroDivisionError), task.stage(Stage.ENCODE):
        raise ZeroDivisionError
    good = {"wellhead_stage": "encode", "error_type": ""}
    assert scrape("wellhead_stage_duration_seconds_sum", **good) == 3
    assert scrape("wellhead_stage_duration_seconds_bucket", **good, le="2.0") == 0
    assert scrape("wellhead_stage_duration_seconds_bucket", **good, le="10.0") == 1
    assert scrape("wellhead_stage_duration_seconds_count", error_type="ZeroDivisionError") == 1


def test_ends_and_cancellations_are_no_failures(task, scrape):
    """A generator's end counts as a good stage; a cancelled stage measures nothing."""
    for error in (StopAsyncIteration, asyncio.CancelledError):
        with pytest.raises(error), task.stage(Stage.POLL):
            raise error
    assert scrape("wellhead_stage_duration_seconds_count", wellhead_stage="poll") == 1
    assert scrape("wellhead_stage_duration_seconds_count", error_type="StopAsyncIteration") is None


def test_poll_time(task, clock, scrape):
    """Connect's poll times come from the poll stage."""
    for secs in (1, 3):
        with task.stage(Stage.POLL):
            clock.advance(secs)
    assert scrape("kafka_connect_source_poll_batch_time_average_seconds") == 2
    assert scrape("kafka_connect_source_poll_batch_time_max_seconds") == 3


def test_active_records(task, scrape):
    """What is polled but not committed is a level, not a sum."""
    task.active(500, 70_000)
    task.active(20, 3_000)
    assert scrape("kafka_connect_source_record_active_count") == 20
    assert scrape("wellhead_pipeline_size_bytes") == 3_000


def test_a_closed_task_is_not_scraped(task, telemetry, scrape):
    """A task that moved away leaves no counters behind, and its last totals stay readable."""
    task.polled(5, 5)
    assert scrape("kafka_connect_source_record_poll_count_total") == 5
    task.close()
    assert scrape("kafka_connect_source_record_poll_count_total") is None
    assert scrape("kafka_connect_worker_task_count") == 0
    assert task.snapshot().polled_records == 5


def test_a_task_made_anew_takes_the_place(task, telemetry, scrape):
    """A second task of the same connector and number replaces the first, whose late close does not remove it."""
    task.polled(5, 5)
    TaskTelemetry(telemetry, connector="wss-acme", task=0, stream="access_log", tenant="acme").polled(1, 1)
    task.close()
    assert scrape("kafka_connect_source_record_poll_count_total") == 1


def test_tenants_of_one_connector_do_not_hide_each_other(task, telemetry, scrape):
    """Tasks of one number, but of two tenants, are counted and told apart, and one that moves away leaves the other's series."""
    other = TaskTelemetry(telemetry, connector="wss-acme", task=0, stream="access_log", tenant="beta")
    alone = TaskTelemetry(telemetry, connector="other", task=0, stream="access_log", tenant="gamma")
    alone.state("RUNNING")
    task.state("FAILED")
    other.state("RUNNING")

    def failed(**labels):
        return scrape("kafka_connect_task_status", kafka_connect_task_state="failed", **labels)

    assert (failed(wellhead_tenant="acme"), failed(wellhead_tenant="beta")) == (1, 0)
    assert failed(kafka_connect_connector="other") == 0
    assert failed(wellhead_tenant="gamma") is None
    assert scrape("kafka_connect_worker_task_count") == 3
    other.close()
    assert failed(**OF_TASK) == 1
    assert scrape("kafka_connect_worker_task_count") == 2


def test_many_threads(task):
    """Counts from several threads are not lost."""

    def work():
        for _ in range(500):
            task.polled(1, 2)
            task.rejected(1, Stage.ENCODE, "x")
            with task.stage(Stage.PRODUCE):
                task.committed(1, 1, 0.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = task.snapshot()
    assert (seen.polled_records, seen.polled_bytes, seen.rejects, seen.transactions) == (2_000, 4_000, 2_000, 2_000)


def test_no_traces_unless_wanted(task):
    """With tracing off there are no headers, and traces cost a shared nothing."""
    assert task.run_began() is task.batch()
    assert task.headers() == []


def test_stages_of_interleaved_tasks(task):
    """Stages of several asyncio tasks may overlap."""

    async def one(secs):
        with task.stage(Stage.POLL):
            await asyncio.sleep(secs)

    async def both():
        await asyncio.gather(one(0), one(0))

    asyncio.run(both())
    assert task.snapshot().batches == 0
