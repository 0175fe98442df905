"""Proves on a real broker that moves and changes are read back as asked: whose, since when, in the order they were made."""

from wellhead.clock import SystemClock
from wellhead.storage.audit import audit_message, read_audit
from wellhead.storage.history import cursor_at, cursors_after, history_message, read_history
from wellhead.storage.topics import ensure_storage

ACME, OTHER = {"stream": "ip", "tenant": "acme"}, {"stream": "ip", "tenant": "other"}


def test_moves_of_one_connector_in_order(lab) -> None:
    """Only the connector's moves come, those of an aborted transaction never, a clock that ran backwards changes no order."""
    ensure_storage(lab.worker)
    topic, producer = lab.worker.offset_history_topic, lab.producer()

    def move(at: int, at_ms: int, partition=ACME, connector="c", before=None):
        told = {"connector": connector, "partition": partition, "before": before, "after": {"at": at}}
        return history_message(topic, **told, at_ms=at_ms, by="w:1", why="commit", run_id="r", records=at, rejects=0)

    now_ms = SystemClock().now_ms() - 60_000
    lab.commit(producer, move(1, now_ms), move(7, now_ms, OTHER), move(9, now_ms, connector="d"))
    producer.begin()
    producer.send(move(5, now_ms + 1))
    producer.abort()
    producer.open()
    lab.commit(producer, move(2, now_ms + 5, before={"at": 1}))
    lab.commit(producer, move(3, now_ms + 4, before={"at": 2}))
    config = lab.consumer_config
    moves = read_history(config, topic, connector="c")
    assert [(each.partition["tenant"], each.after["at"]) for each in moves] == [
        ("acme", 1),
        ("other", 7),
        ("acme", 2),
        ("acme", 3),
    ]
    acme = read_history(config, topic, connector="c", partition={"tenant": "acme", "stream": "ip"})
    assert [each.after["at"] for each in acme] == [1, 2, 3]
    assert len({each.history_id for each in moves}) == 4
    assert list(cursors_after(moves).values()) == [{"at": 3}, {"at": 7}]
    assert cursor_at(acme, now_ms + 3) == {"at": 1}
    late = read_history(config, topic, connector="c", partition=ACME, since_ms=now_ms + 1, until_ms=now_ms + 4)
    assert [each.after["at"] for each in late] == [3]
    assert read_history(config, f"{topic}-nowhere", connector="c") == []


def test_changes_are_read_back(lab) -> None:
    """The audit gives who changed what, of one connector or all, since a time; what is no record of it is passed over."""
    ensure_storage(lab.worker)
    topic, producer, now_ms = lab.worker.audit_topic, lab.producer(), SystemClock().now_ms() - 60_000
    for number, name in enumerate(["c", "d", None]):
        told = {"who": "ann", "what": "config", "connector": name, "before": {"n": number}, "after": None, "where": "w:1"}
        lab.commit(producer, audit_message(topic, **told, at_ms=now_ms + number))
    lab.write(producer, topic, b"nonsense")
    assert [record.connector for record in read_audit(lab.consumer_config, topic)] == ["c", "d", None]
    (one,) = read_audit(lab.consumer_config, topic, connector="d")
    assert (one.who, one.what, one.before, one.after, one.at_ms, one.where) == (
        "ann",
        "config",
        {"n": 1},
        None,
        now_ms + 1,
        "w:1",
    )
    assert len(read_audit(lab.consumer_config, topic, since_ms=now_ms + 1, until_ms=now_ms + 1)) == 1
