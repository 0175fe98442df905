"""Proves which documents are written together."""

from document_messages import FakeMessage, document
from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.attacks.store.batch import batch_of
from wellhead.consumers.attacks.store.documents import read_document


def test_attacks_stand_before_hits():
    """Whatever the order, an attack is written before the hits that name it."""
    taken = [(document("h1", kind="hit"), 1), (document("a1", kind="attack"), 1), (document("h2", kind="hit"), 1)]
    assert [action.id for action in batch_of(taken).actions()] == ["a1", "h1", "h2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=30))
def test_of_each_document_the_newest_version_is_written(versions):
    """The highest version of each id, once; the others are counted as superseded."""
    taken = [(document(key, version, offset=at), 1) for at, (key, version) in enumerate(versions)]
    batch = batch_of(taken)
    newest = {key: max(version for other, version in versions if other == key) for key, _ in versions}
    assert {action.id: action.version for action in batch.actions()} == newest
    assert batch.superseded == len(versions) - len(newest)


def test_the_end_of_each_partition_is_known():
    """Also messages that ask for no write move it; they are kept apart."""
    unreadable = read_document(FakeMessage(b"k", b"v", [], 4, 99), "w")
    batch = batch_of([(document("a", partition=3, offset=5), 1), (unreadable, 2), (document("b", partition=3, offset=6), 1)])
    assert batch.ends == {3: (7, 1), 4: (100, 2)}
    assert batch.unreadable == [unreadable]
    assert len(batch.documents) == 2
