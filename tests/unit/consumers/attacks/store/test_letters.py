"""Proves what a dead letter of a store says."""

from document_messages import FakeMessage, document, headers

from wellhead.consumers.attacks.store.documents import read_document
from wellhead.consumers.attacks.store.letters import Letters, Sender

LETTERS = Letters(Sender("wallarm", "primary", "w.attack_document", "w.attack_document.dlq"), {}, {})


def test_a_letter_holds_the_document_and_says_why():
    """Key, value and headers are the message's own; Connect's headers say where it stood and why it was refused, another which store it was."""
    found = read_document(FakeMessage(b"a:1", b'{"n":1}', headers("attack", version=9), 3, 17), "w")
    made = LETTERS.message(found, "mapper_parsing_exception", "store 'primary' at h, index 'i': 400, no")
    told = dict(made.headers)
    assert (made.topic, made.key, made.value) == ("w.attack_document.dlq", b"a:1", b'{"n":1}')
    assert (told["kind"], told["month"], told["version"]) == (b"attack", b"2026.02", b"9")
    connect = {name.removeprefix("__connect.errors."): text for name, text in told.items() if name.startswith("__connect.")}
    assert connect == {
        "topic": b"w.attack_document",
        "partition": b"3",
        "offset": b"17",
        "connector.name": b"wallarm",
        "task.id": b"0",
        "stage": b"store",
        "class.name": b"wellhead.consumers.attacks.store.writer.StoreWriter",
        "exception.class.name": b"mapper_parsing_exception",
        "exception.message": b"store 'primary' at h, index 'i': 400, no",
    }
    assert told["wellhead.store"] == b"primary"
    assert made.timestamp_ms == 1_770_000_000_000


def test_a_letter_fits_into_its_topic():
    """A document that would be too large with what is said of it is cut, and how long it was is said."""
    made = LETTERS.message(document("a", size=999_990), "x", "no")
    assert made.size_bytes() <= 1_000_000
    assert dict(made.headers)["wellhead.original.bytes"] == b"999990"
