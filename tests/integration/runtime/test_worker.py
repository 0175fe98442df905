import asyncio
import json

import pytest
import readback
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from scripted_source import BORN_MS, FeedCursor

from wellhead import CursorExpired, PermanentError, Reject, TemporaryError
from wellhead.clock import SystemClock
from wellhead.runtime.states import State


def test_everything_is_published_once_with_cursor_and_run_record(rig):
    """A run from nothing publishes every record once, leaves the cursor after the last, and says so in a run record."""
    rig.run_once()
    assert rig.numbers() == list(range(100))
    key, value = rig.cursors()[-1]
    assert key == '["feed",{"stream":"event","tenant":"acme"}]'
    assert json.loads(value)["next"] == 100
    (run,) = rig.runs()
    assert (run["outcome"], run["records"], run["batches"], run["rejects"]) == ("caught_up", 100, 10, 0)
    assert (run["cursor_from"], run["cursor_to"]["next"]) == (None, 100)


@pytest.mark.parametrize("timestamp", ["publish", "event"])
def test_the_timestamp_of_a_record_is_chosen(rig, timestamp):
    """By default a record carries the time of publishing, so that history is not deleted as it arrives; else its event time."""
    rig.settings |= {"record.timestamp": timestamp, "total": 3, "topic.creation.default.retention.ms": "-1"}
    began_ms = SystemClock().now_ms()
    rig.run_once()
    times = [message.timestamp()[1] for message in readback.messages(rig.bootstrap, f"{rig.prefix}scripted.event")]
    if timestamp == "event":
        assert times == [BORN_MS, BORN_MS + 1, BORN_MS + 2]
    else:
        assert all(time >= began_ms for time in times)


def test_a_second_start_goes_on_from_the_cursor(rig):
    """What was published is not asked for again; what came since is."""
    rig.run_once()
    rig.settings["total"] = 130
    rig.run_once()
    assert rig.script.polled_from == [None, 100]
    assert rig.numbers() == list(range(130))


@pytest.mark.parametrize("boundary", ["poll", "interval"])
def test_a_temporary_error_keeps_what_came_before_it(rig, boundary):
    """Batches polled before an error are committed, the next try goes on after them, and nothing is doubled."""
    failures = iter([40, 40, 70])
    pending = next(failures)

    def before(number):
        nonlocal pending
        if number == pending:
            pending = next(failures, -1)
            raise TemporaryError("the vendor is having a moment", after_secs=0.01)

    rig.script.before = before
    rig.settings["transaction.boundary"] = boundary
    rig.run_once()
    assert rig.numbers() == list(range(100))
    assert rig.script.polled_from == [None, 40, 40, 70]
    assert [run["outcome"] for run in rig.runs()] == ["retrying", "retrying", "retrying", "caught_up"]
    assert sum(run["records"] for run in rig.runs()) == 100


def test_rejects_become_dead_letters_with_raw_bytes(rig):
    """A reject is in the dead-letter topic, byte for byte, with Connect's headers, and not in the record topic."""
    rig.script.rejects = {7: Reject(b"\xff broken \x00 line", "has two columns too many", "number")}
    rig.run_once()
    assert rig.numbers() == [number for number in range(100) if number != 7]
    (letter,) = rig.letters()
    headers = dict(letter.headers())
    assert letter.value() == b"\xff broken \x00 line"
    assert headers["__connect.errors.stage"] == b"poll"
    assert headers["__connect.errors.connector.name"] == b"feed"
    assert headers["__connect.errors.exception.message"] == b"number: has two columns too many"
    assert json.loads(headers["wellhead.cursor"])["next"] == 10
    assert rig.runs()[0]["rejects"] == 1


def test_on_error_stop_publishes_nothing_of_the_bad_batch(rig):
    """With on.error=stop the task fails at the first reject, after committing what came before its batch."""
    rig.script.rejects = {35: Reject(b"x", "is broken")}
    rig.settings |= {"on.error": "stop", "transaction.boundary": "poll"}
    process = rig.run_once()
    assert process.worker.failed
    assert rig.numbers() == list(range(30))
    assert rig.letters() == []


def test_an_oversize_record_is_dead_lettered(rig):
    """A record that the topic can never take goes to the dead-letter topic, cut with its length told; the rest goes on."""
    rig.script.text = lambda number: "x" * 3_000_000 if number == 3 else "small"
    rig.run_once()
    assert rig.numbers() == [number for number in range(100) if number != 3]
    (letter,) = rig.letters()
    headers = dict(letter.headers())
    assert headers["__connect.errors.stage"] == b"produce"
    assert int(headers["wellhead.original.bytes"]) > 3_000_000


def test_an_expired_cursor_restarts_and_de_duplicates(rig):
    """After CursorExpired the task reads again from the safe point and publishes only what the topic does not hold."""
    expired = False

    def before(number):
        nonlocal expired
        if number == 60 and not expired:
            expired = True
            raise CursorExpired("the vendor forgot the token", restart=FeedCursor(next=20, replay_from=BORN_MS + 20))

    rig.script.before = before
    rig.run_once()
    assert rig.script.polled_from == [None, 20]
    assert rig.numbers() == list(range(100))
    outcomes = [(run["outcome"], run["records"], run["filtered"]) for run in rig.runs()]
    assert outcomes == [("cursor_expired", 60, 0), ("caught_up", 40, 40)]


def test_what_was_rejected_before_is_not_dead_lettered_again(rig):
    """Read again after CursorExpired, a reject that is a dead letter already is counted as a duplicate; one that is new is kept."""
    expired = False

    def before(number):
        nonlocal expired
        if number == 60 and not expired:
            expired = True
            rig.script.rejects[45] = Reject(b"new this time", "is broken")
            raise CursorExpired("the vendor forgot the token", restart=FeedCursor(next=20, replay_from=BORN_MS + 20))

    rig.script.rejects = {
        7: Reject(b"same", "is broken"),
        30: Reject(b"same", "is broken"),
        50: Reject(b"x", "is broken", "number"),
    }
    rig.script.before = before
    rig.run_once()
    assert sorted(letter.value() for letter in rig.letters()) == [b"new this time", b"same", b"same", b"x"]
    assert rig.runs()[-1]["rejects"] == 1


def test_a_permanent_error_fails_the_task_and_says_why(rig):
    """A permanent error ends a run with --once, FAILED, its message in the health answer."""

    def before(number):
        raise PermanentError("401 from portal.example: credentials refused. Set FEED_PASSWORD")

    rig.script.before = before
    process = rig.run_once()
    detail = process.health()["connectors"]["feed"]["tasks"][0]
    assert process.worker.failed
    assert detail["state"] == "FAILED"
    assert "Set FEED_PASSWORD" in detail["message"]


def test_a_failed_task_starts_again_by_itself(rig):
    """With the default policy a task that failed is started again after the backoff, and goes on."""
    failed = False

    def before(number):
        nonlocal failed
        if number == 50 and not failed:
            failed = True
            raise ValueError("a bug in the connector")

    rig.script.before = before
    rig.settings |= {"restart.backoff.initial.secs": 0.05, "restart.backoff.max.secs": 0.1}
    _run_until(rig, lambda process: len(rig.script.polled_from) >= 3)
    assert rig.numbers() == list(range(100))


def test_stop_is_heard_in_the_middle_of_a_hanging_poll(rig):
    """A task whose vendor hangs stops within the grace period, its generator closed, what it had committed."""

    def before(number):
        return asyncio.sleep(3600) if number == 50 else None

    rig.script.before = before
    took = _run_until(rig, lambda process: len(rig.script.polled_from) == 1 and _records(process) >= 50)
    assert took < 2.0
    assert rig.script.open_polls == 0
    assert rig.numbers() == list(range(50))
    assert rig.runs()[-1]["outcome"] == "stopped"


def test_the_quiet_time_of_the_cursor_is_kept_across_a_restart(rig):
    """A cursor that says "not before" is not polled before, by the next process either."""
    rig.script.quiet_until = SystemClock().now_ms() + 1_500
    rig.run_once()
    rig.settings["total"] = 110
    rig.run_once()
    assert SystemClock().now_ms() >= rig.script.quiet_until
    assert rig.numbers() == list(range(110))


def test_run_limits_end_a_run_and_the_next_goes_on(rig):
    """run.max.batches ends runs visibly; together they publish everything once."""
    rig.settings["run.max.batches"] = 3
    rig.run_once()
    assert rig.numbers() == list(range(100))
    assert [run["outcome"] for run in rig.runs()] == ["limit_reached"] * 3 + ["caught_up"]


def test_a_cursor_that_does_not_fit_is_told(rig):
    """A stored cursor of another shape fails the task with the fields and the way out, and publishes nothing."""
    rig.settings["total"] = 0
    rig.run_once()
    producer = Producer({"bootstrap.servers": rig.bootstrap})
    producer.produce(f"{rig.prefix}offsets", b'{"nxt":1}', key=b'["feed", {"tenant": "acme", "stream": "event"}]')
    producer.flush(10)
    rig.settings["total"] = 100
    message = rig.run_once().health()["connectors"]["feed"]["tasks"][0]["message"]
    assert "nxt" in message
    assert "FeedCursor" in message
    assert rig.numbers() == []


def test_secrets_stay_out_of_everything_kafka_holds(rig, capfd):
    """A secret of the configuration appears in no record, dead letter, run record, cursor or log line."""
    canary = "canary-7f3a9d"

    def before(number):
        raise RuntimeError(f"cannot log in with {canary}")

    rig.script.before = before
    rig.settings["password"] = canary
    process = rig.run_once()
    assert process.worker.failed
    everything = json.dumps(rig.runs()) + str(rig.cursors()) + json.dumps(process.health()) + "".join(capfd.readouterr())
    assert "RuntimeError" in everything
    assert canary not in everything


def _records(process) -> int:
    return process.health()["connectors"]["feed"]["tasks"][0]["records"]


def _run_until(rig, reached) -> float:
    """Run until `reached(process)`, stop, and give the seconds that stopping took."""

    async def scenario() -> float:
        async with rig.process(once=False) as process:
            running = asyncio.create_task(process.worker.run())
            async with asyncio.timeout(30):
                while not reached(process):  # noqa: ASYNC110 - the worker has no such event
                    await asyncio.sleep(0.02)
            loop = asyncio.get_running_loop()
            began = loop.time()
            process.worker.stop()
            await running
            assert all(task["state"] == State.STOPPED for task in process.health()["connectors"]["feed"]["tasks"]), (
                process.health()
            )
            return loop.time() - began

    return asyncio.run(scenario())


def test_a_topic_deleted_under_way_is_made_again(rig):
    """When someone deletes the record topic while a task runs, the task says so, makes it again and goes on by itself."""
    deleted = False

    def before(number):
        nonlocal deleted
        if number == 500 and not deleted:
            deleted = True
            admin = AdminClient({"bootstrap.servers": rig.bootstrap})
            topic = f"{rig.prefix}scripted.event"
            admin.delete_topics([topic])[topic].result(30)
        return asyncio.sleep(0.01)

    rig.script.before = before
    rig.settings |= {"total": 1000, "transaction.boundary": "poll", "producer.override.transaction.timeout.ms": 5000}
    rig.run_once()
    numbers = rig.numbers()
    assert numbers[-1] == 999
    assert numbers == list(range(numbers[0], 1000)), "after the deletion nothing is missing and nothing comes twice"
    assert numbers[0] <= 520
