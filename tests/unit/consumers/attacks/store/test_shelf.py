"""Proves what may be committed, and that nothing is committed that is not stored."""

import threading

from document_messages import document

from wellhead.consumers.attacks.store.shelf import Shelf
from wellhead.consumers.attacks.store.sizing import BulkSize
from wellhead.testing.blockingclock import SteppingClock

SIZE = BulkSize(4, 10_000)


def shelf(*partitions, max_docs=4, clock=None):
    made = Shelf(max_docs, 10_000, 0.5, clock or SteppingClock())
    made.assign(partitions or [0])
    return made


def run(first, count, partition=0):
    return [document(f"{partition}-{number}", offset=number, partition=partition) for number in range(first, first + count)]


def taken(made, size=SIZE):
    return made.take(size, 0, 0)


def test_only_what_is_stored_may_be_committed():
    """Offsets move with the batches that are stored, not with those that are read or under way, and are told until they are committed."""
    made = shelf()
    made.put(run(10, 6))
    assert made.to_commit() == {}
    batch = taken(made)
    assert len(batch.documents) == 4
    assert made.to_commit() == {}
    made.stored(batch)
    assert made.to_commit() == made.to_commit() == {0: 14}
    made.committed({0: 14})
    assert made.to_commit() == {}
    made.stored(taken(made))
    assert made.to_commit() == {0: 16}
    assert taken(made) is None


def test_the_end_past_markers_counts_once_all_before_it_is_stored():
    """The end of a partition, behind the markers of transactions, may be committed only after what stands before it."""
    made = shelf(0, 1)
    made.put(run(0, 2))
    made.reached(0, 3)
    made.reached(1, 9)
    assert made.to_commit() == {1: 9}
    made.stored(taken(made))
    assert made.to_commit() == {0: 3, 1: 9}


def test_an_end_that_others_have_passed_does_not_count_too_early():
    """What came after an end was told is waited for."""
    made = shelf()
    made.put(run(0, 4))
    made.reached(0, 5)
    made.put(run(5, 1))
    made.stored(taken(made))
    assert made.to_commit() == {0: 4}
    made.stored(taken(made))
    assert made.to_commit() == {0: 6}


def test_partitions_that_leave_take_their_documents_along():
    """Documents of a partition that goes are not stored any more, and what is stored of it later moves nothing, not even when it is back."""
    made = shelf(0, 1)
    made.put(run(0, 1) + run(0, 1, partition=1))
    under_way = taken(made)
    made.put(run(1, 1) + run(1, 1, partition=1))
    assert not made.withdraw([0], 0)
    made.forget([0])
    made.assign([0])
    made.stored(under_way)
    assert made.to_commit() == {1: 1}
    assert [place[1] for place in taken(made).documents] == ["1-1"]


def test_leaving_waits_for_what_is_under_way():
    """A partition is let go of as soon as its batch is stored, and its offset is still told then."""
    made = shelf()
    made.put(run(0, 1))
    batch = taken(made)
    storing = threading.Timer(0.05, made.stored, [batch])
    storing.start()
    assert made.withdraw([0], 30)
    assert made.to_commit() == {0: 1}
    storing.join()


def test_what_nobody_owns_is_not_taken():
    """Messages of a partition that is gone are dropped: another member reads them."""
    made = shelf(0)
    made.put(run(0, 3, partition=5))
    assert taken(made) is None


def test_reading_ahead_is_bounded():
    """Room is for some bulks, by number and by bytes; it is low again at half of that."""
    made = shelf(max_docs=4)
    made.put(run(0, 15))
    assert made.has_room()
    made.put(run(15, 1))
    assert not made.has_room()
    taken(made)
    assert made.has_room()
    assert not made.has_room(0.5)
    heavy = shelf()
    heavy.put([document("a", size=50_000)])
    assert not heavy.has_room()


def test_a_batch_keeps_to_the_size():
    """Documents and bytes are bounded; the first document goes however large it is."""
    made = shelf(max_docs=1000)
    made.put([document(str(number), offset=number, size=4000) for number in range(8)])
    assert len(taken(made).documents) == 3
    lone = shelf()
    lone.put([document("a", size=50_000), document("b", offset=1)])
    assert len(taken(lone).documents) == 1


def test_closing_wakes_whoever_waits():
    """Nobody waits for a shelf that is closed, and it gives nothing any more."""
    made = shelf()
    waiting = threading.Thread(target=made.take, args=(SIZE, 30, 0))
    waiting.start()
    made.close()
    waiting.join(30)
    assert not waiting.is_alive()
    made.put(run(0, 1))
    assert taken(made) is None


def version(number, offset, key="a", partition=0):
    return document(key, number, kind="attack", offset=offset, partition=partition)


def versions(batch):
    return [each.action.version for each in batch.documents.values()]


def test_a_new_attack_goes_at_once_and_its_newer_versions_a_while_later():
    """An attack that was written just now waits until that is long enough ago, and then only its newest version goes."""
    clock = SteppingClock()
    made = shelf(clock=clock, max_docs=1000)
    made.put([version(1, 0), version(2, 1)])
    first = taken(made)
    assert (versions(first), first.superseded) == ([2], 1)
    made.stored(first)
    made.put([version(3, 2), document("hit", offset=3), version(9, 4, "other"), version(4, 5)])
    second = taken(made, BulkSize(10, 10_000))
    assert ([place[1] for place in second.documents], second.superseded) == (["other", "hit"], 1)
    made.stored(second)
    assert taken(made) is None
    clock.advance(0.5)
    assert versions(taken(made)) == [4]


def test_what_waits_holds_its_offset_back():
    """Nothing is committed past a version that waits or is under way, though what came after it is stored."""
    clock = SteppingClock()
    made = shelf(0, 1, clock=clock, max_docs=1000)
    made.put([version(1, 0)])
    made.stored(taken(made))
    made.put([version(2, 7), document("hit", offset=8), document("hit", offset=3, partition=1)])
    made.stored(taken(made))
    assert made.to_commit() == {0: 7, 1: 4}
    clock.advance(0.5)
    waited = taken(made)
    assert made.to_commit() == {0: 7, 1: 4}
    made.put([document("later", offset=20)])
    made.stored(waited)
    assert made.to_commit() == {0: 9, 1: 4}


def test_what_waits_leaves_with_its_partition():
    """A version that waits is not written once its partition belongs to somebody else."""
    clock = SteppingClock()
    made = shelf(0, 1, clock=clock)
    made.put([version(1, 0), version(1, 0, "b", partition=1)])
    made.stored(taken(made))
    made.put([version(2, 1), version(2, 1, "b", partition=1)])
    assert taken(made) is None
    assert made.withdraw([0], 0)
    made.forget([0])
    clock.advance(0.5)
    assert [place[1] for place in taken(made).documents] == ["b"]


def test_an_older_version_that_comes_again_replaces_no_newer():
    """A replay that brings an older version while a newer waits writes the newer."""
    clock = SteppingClock()
    made = shelf(clock=clock)
    made.put([version(1, 0)])
    made.stored(taken(made))
    made.put([version(5, 1), version(3, 2)])
    assert taken(made) is None
    clock.advance(0.5)
    assert versions(taken(made)) == [5]


def test_what_waits_takes_room():
    """Reading ahead stops where too much waits."""
    made = shelf(max_docs=1)
    made.put([version(1, number, str(number)) for number in range(4)])
    made.stored(taken(made))
    made.put([version(2, number, str(number)) for number in range(4)])
    assert taken(made) is None
    assert not made.has_room()
