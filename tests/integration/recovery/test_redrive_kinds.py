"""What becomes of dead letters of every stage, with a real broker and registry; the test writes letters and topic itself."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from letterbox import LetterBoxSite, steps_until

from wellhead import Batch, Reject
from wellhead.avro.rowtext import row_bytes
from wellhead.errors import PermanentError
from wellhead.kafka.errors import CommitUnknown, ProducerLost
from wellhead.recovery.redrive import CHUNK_LETTERS

BORN = datetime(2026, 5, 1, tzinfo=UTC)
MASK = {
    "transforms": "mask",
    "transforms.mask": {"type": "MaskField", "fields": "text", "hash_key": "a long enough key of a test"},
}


def event(number: int, text: str = "hello") -> dict[str, object]:
    return {"time": BORN + timedelta(milliseconds=number), "number": number, "text": text}


def state(number: int, version: int = 1, changed: datetime = BORN) -> dict[str, object]:
    return {"id": number, "version": version, "changed": changed}


def read_json(config: object, stream: str, reject: Reject) -> Batch:
    """Read what the test wrote: a row as JSON, `-NUMBER` for the end of a key, or anything else, which is no record."""
    raw = reject.raw
    if raw.startswith(b"-"):
        return Batch([], None, deletes=[{"id": int(raw[1:])}])
    if raw == b"raise":
        raise RuntimeError("a bug")
    try:
        row = json.loads(raw)
    except ValueError:
        return Batch([], None, rejects=[Reject(raw, f"still none, context {reject.context!r}", "field")])
    return Batch([row | {"time": BORN + timedelta(milliseconds=row["number"])}], None)


@pytest.fixture
def feed(stack, unique, tmp_path) -> LetterBoxSite:
    return LetterBoxSite(stack, unique, tmp_path, "scripted", read_json)


@pytest.fixture
def keyed(stack, unique, tmp_path) -> LetterBoxSite:
    return LetterBoxSite(stack, unique, tmp_path, "keyed", read_json)


def test_a_letter_of_each_stage_becomes_its_record(feed):
    """The vendor's bytes go through the source, a row through the transforms, what was transformed through neither; values are exact."""
    feed.settings |= MASK
    feed.letter(b'{"number": 1, "text": "a"}', "poll")
    feed.letter(row_bytes(event(2, "a")), "encode")
    feed.letter(row_bytes(event(3, "a")), "encode", transformed=True)
    feed.letter(feed.value(event(4, "a")), "produce")
    assert feed.outcomes() == {"redriven": 4}
    found = {record["number"]: record for record in feed.records()}
    assert {number: record["time"] for number, record in found.items()} == {n: event(n)["time"] for n in (1, 2, 3, 4)}
    assert found[1]["text"] == found[2]["text"] != "a"
    assert (found[3]["text"], found[4]["text"]) == ("a", "a"), "masked once, not twice"
    assert feed.open_letters() == []


def test_what_stays_open_says_why(feed):
    """What is cut, of a stream or tenant that is gone, or wrong still, is not published; each stays open with its reason of today."""
    feed.letter(b'{"number": 1}', "poll", cut=True)
    feed.letter(b"{", "poll", context=b"#head")
    feed.letter(b"raise", "poll")
    feed.letter(row_bytes(event(1) | {"number": "one"}), "encode")
    feed.letter(row_bytes(event(1) | {"gone": 1}), "encode")
    feed.letter(b"no row", "encode")
    feed.letter(b"\x00\x00\x00\x00\x09xx", "produce")
    feed.letter(b"x", "poll", stream="other")
    feed.letter(b"x", "poll", tenant="umbrella")
    feed.letter(b"x", "poll", connector="neighbour")
    report = feed.redrive()
    assert (report.records, report.settled, sum(report.letters.values())) == (0, 0, 9)
    told = "\n".join(feed.reasons(report))
    for words in (
        "only its first 13 bytes were kept",
        "field: still none, context b'#head'",
        "the source raised RuntimeError: a bug",
        "number: 'one' is a str",
        "gone",
        "its bytes are no row",
        "no stream 'other'",
        "of tenant 'umbrella'",
    ):
        assert words in told
    assert len(feed.open_letters()) == 10
    assert feed.records() == []


def test_a_source_that_cannot_read_again_says_so(stack, unique, tmp_path):
    """Where a stream has no redrive, its rejects are refused with the way out, and rows go all the same."""
    feed = LetterBoxSite(stack, unique, tmp_path, "scripted")
    feed.letter(b"x", "poll")
    feed.letter(row_bytes(event(2)), "encode")
    report = feed.redrive()
    assert report.records == 1
    assert "scripted cannot read its rejects again" in feed.reasons(report)[0]


def test_what_the_topic_holds_is_not_published_again(feed):
    """A record that was read again meanwhile, and a second letter of one record, are settled without being published."""
    feed.publish(event(1), event(2))
    feed.letter(row_bytes(event(2)), "encode")
    feed.letter(row_bytes(event(3)), "encode")
    feed.letter(row_bytes(event(3)), "encode")
    assert feed.outcomes(dry_run=True) == feed.outcomes() == {"already there": 2, "redriven": 1}
    assert feed.held("number") == {1: 1, 2: 1, 3: 1}
    assert feed.open_letters() == []
    feed.letter(row_bytes(event(3)), "encode")
    assert feed.outcomes() == {"already there": 1}


def test_what_a_transform_leaves_out_is_settled(feed):
    """A letter that a Filter drops today is counted, and no longer open."""
    feed.settings |= {
        "transforms": "drop",
        "transforms.drop": {"type": "Filter", "predicate": "noise"},
        "predicates.noise": {"type": "FieldEquals", "field": "text", "values": "hello"},
    }
    feed.letter(row_bytes(event(1)), "encode")
    assert feed.outcomes() == {"filtered": 1}
    assert (feed.records(), feed.open_letters()) == ([], [])


def test_a_record_too_large_stays_open_until_the_topic_takes_it(feed):
    """What is larger than a message may be is told so, beside others that go, and is published once it may be that large."""
    feed.letter(row_bytes(event(1, "x" * 900_000)), "encode")
    feed.letter(row_bytes(event(2)), "encode")
    feed.settings |= {"producer.override.message.max.bytes": 500_000}
    report = feed.redrive()
    assert report.records == 1
    assert "more than topic" in feed.reasons(report)[0]
    feed.settings.clear()
    assert feed.outcomes() == {"redriven": 1}
    assert feed.held("number") == {1: 1, 2: 1}


def test_of_two_redrives_at_once_the_later_one_wins(feed):
    """A redrive that begins while another is about to commit fences it: that one says so, and every record is there once."""
    for number in range(20):
        feed.letter(row_bytes(event(number)), "encode")
    later: list[dict[str, int]] = []
    with pytest.raises(PermanentError, match="another redrive of connector feed has begun"):
        feed.redrive(step=steps_until("before_commit", lambda: later.append(feed.outcomes())))
    assert later == [{"redriven": 20}]
    assert set(feed.held("number").values()) == {1}
    assert len(feed.records()) == 20


@pytest.mark.parametrize(("point", "error"), [("after_commit", CommitUnknown), ("before_commit", ProducerLost)])
def test_an_answer_that_is_lost_is_settled_by_the_markers(feed, point, error):
    """Whether the first transaction was committed or not, its letters are counted once and published once in the same redrive."""
    many = CHUNK_LETTERS + 20
    feed.write(feed.letter_message(row_bytes(event(number)), "encode") for number in range(many))

    def lose() -> None:
        raise error("the broker did not answer")

    report = feed.redrive(step=steps_until(point, lose))
    assert {outcome.value: number for outcome, number in report.letters.items()} == {"redriven": many}
    assert report.records == many
    assert (len(feed.records()), set(feed.held("number").values())) == (many, {1})
    assert feed.open_letters() == []


def test_letters_are_chosen(feed):
    """Only letters of the selection are dealt with."""
    feed.letter(row_bytes(event(1)), "encode", reason="Odd one")
    feed.letter(row_bytes(event(2)), "encode", reason="other")
    feed.letter(b'{"number": 3}', "poll", reason="odd too")
    first, *_ = sorted(feed.open_letters(), key=lambda letter: letter["id"])
    assert feed.outcomes(reason="ODD", stage="encode") == {"redriven": 1}
    assert feed.outcomes(since_ms=round(time.time() * 1000) + 60_000) == {}
    assert feed.outcomes(stage="poll") == {"redriven": 1}
    assert feed.held("number") == {1: 1, 3: 1}
    assert set(first) >= {"id", "at_ms", "connector", "stream", "tenant", "stage", "reason", "bytes"}


def test_older_news_never_takes_the_place_of_newer(keyed):
    """Of a compacted topic: what was published since the letter, a newer state, or an end stays; what stood there before gives way."""
    now_ms = round(time.time() * 1000)
    before_ms, letter_ms, since_ms = now_ms - 3_000_000, now_ms - 2_000_000, now_ms - 1_000_000
    keyed.publish(state(1), state(4, 2), at_ms=before_ms)
    keyed.publish(state(2, 7), at_ms=since_ms)
    keyed.publish(state(3), at_ms=since_ms, ended=True)
    keyed.publish(state(5, 9, BORN + timedelta(days=1)), at_ms=before_ms)
    for number in (1, 2, 3, 5, 6):
        keyed.letter(row_bytes(state(number, 2)), "encode", at_ms=letter_ms)
    keyed.letter(row_bytes(state(4, 2)), "encode", at_ms=letter_ms)
    assert keyed.outcomes(dry_run=True) == keyed.outcomes() == {"redriven": 2, "superseded": 3, "already there": 1}
    standing = keyed.standing()
    assert standing[b"1"] == keyed.value(state(1, 2))
    assert standing[b"2"] == keyed.value(state(2, 7))
    assert standing[b"3"] is None
    assert standing[b"5"] == keyed.value(state(5, 9, BORN + timedelta(days=1)))
    assert standing[b"6"] == keyed.value(state(6, 2))
    # A letter that is newer than one redriven before still counts, though that one has been published just now.
    keyed.letter(row_bytes(state(6, 3)), "encode", at_ms=letter_ms + 1)
    keyed.letter(row_bytes(state(6, 1)), "encode", at_ms=letter_ms - 1)
    assert keyed.outcomes() == {"superseded": 1, "redriven": 1}
    assert keyed.standing()[b"6"] == keyed.value(state(6, 3))


def test_an_end_is_published_as_a_tombstone(keyed):
    """A letter that turns out to be the end of a key ends it, unless nothing stands under it or news came since."""
    now_ms = round(time.time() * 1000)
    keyed.publish(state(1), state(2), at_ms=now_ms - 1000)
    keyed.letter(b"-1", "poll", at_ms=now_ms)
    keyed.letter(b"-2", "poll", at_ms=now_ms - 2000)
    keyed.letter(b"-3", "poll", at_ms=now_ms)
    assert keyed.outcomes() == {"superseded": 1, "redriven": 1, "already there": 1}
    assert keyed.standing() == {b"1": None, b"2": keyed.value(state(2))}
