import time

from confluent_kafka import Consumer

from wellhead.recovery.aim import iso


def reader(worker, group):
    return Consumer(
        {
            "bootstrap.servers": worker.bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )


def read_all(consumer, topic, count):
    """Read `count` records and commit."""
    consumer.subscribe([topic])
    read, deadline = 0, time.monotonic() + 60
    while read < count:
        assert time.monotonic() < deadline, f"{read} of {count} read"
        read += sum(1 for message in consumer.consume(1_000, 0.5) if message.error() is None)
    consumer.commit(asynchronous=False)
    return read


def test_readers_are_shown_moved_and_left_alone_while_they_read(offsets):
    """A downstream group stands in the plan and in the list with its lag; it is moved once it is empty, and reads from there."""
    worker, topic, group = offsets.worker, f"{offsets.worker.prefix}wss.access_log", f"{offsets.worker.prefix}detector"
    assert worker.run() == 0
    count = len(worker.records())
    consumer = reader(worker, group)
    try:
        read_all(consumer, topic, count)
        listed = offsets("groups", "list", "--connector", "wss-acme", "--output", "json").json
        assert {each["group"] for each in listed} == {group}
        assert sum(each["lag"] for each in listed) <= 2 * len(worker.runs()), "only markers may lie ahead"
        plan, _ = offsets.plan("--to-earliest")
        assert [each["group"] for each in plan["changes"][0]["readers"]] == [group]
        refused = offsets("groups", "reset", group, "--topic", topic, "--to-earliest", "--yes")
        assert refused.code == 3
        assert "has members" in refused.err
    finally:
        consumer.close()

    shown = offsets("groups", "reset", group, "--topic", topic, "--to-earliest", "--output", "json")
    assert (shown.code, shown.json["written"]) == (0, False)
    assert sum(move["records"] for move in shown.json["moves"]) >= count
    assert {each["offset"] for each in offsets("groups", "list", "--group", group, "--output", "json").json} != {0}
    assert offsets("groups", "reset", group, "--topic", topic, "--to-earliest", "--yes").code == 0
    assert {each["offset"] for each in offsets("groups", "list", "--group", group, "--output", "json").json} == {0}
    again = reader(worker, group)
    try:
        assert read_all(again, topic, count) == count
    finally:
        again.close()


def test_a_group_is_moved_to_a_time_an_offset_and_the_end(offsets):
    """Each way to say where a group reads on means what it says, also for a group that has read nothing."""
    worker, topic, group = offsets.worker, f"{offsets.worker.prefix}wss.access_log", f"{offsets.worker.prefix}late"
    assert worker.run() == 0

    def moved(*words):
        assert offsets("groups", "reset", group, "--topic", topic, *words, "--yes").code == 0
        return {
            each["partition"]: each["offset"] for each in offsets("groups", "list", "--group", group, "--output", "json").json
        }

    end = moved("--to-latest")
    assert max(end.values()) > 7, "the producer chooses how records spread over partitions: one may have none"
    assert moved("--to-offset", "7") == {number: min(7, offset) for number, offset in end.items()}
    assert moved("--to-datetime", "2001-01-01") == {0: 0, 1: 0}
    assert moved("--to-latest") == end
    assert moved("--to-datetime", iso(int(time.time() * 1000) + 60_000)) == end
    assert moved("--to-offset", "1000000000") == end
    unknown = offsets("groups", "reset", group, "--topic", "nobody-made-it", "--to-latest", "--yes")
    assert unknown.code == 1
    assert "does not exist" in unknown.err
    assert offsets("groups", "reset", group, "--topic", topic, "--yes").code == 2
