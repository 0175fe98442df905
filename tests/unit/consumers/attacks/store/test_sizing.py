"""Proves how much a store is given at once."""

from wellhead.consumers.attacks.store.sizing import BulkSize
from wellhead.search.actions import Action


def actions(count, nbytes):
    return [Action("i", str(number), b"x" * nbytes) for number in range(count)]


def test_a_bulk_ends_at_the_first_limit():
    """Documents or bytes, whichever comes first; a single document goes however large it is."""
    assert BulkSize(10, 10**9).cut(actions(25, 1)) == 10
    assert BulkSize(10, 1000).cut(actions(25, 300)) == 2
    assert BulkSize(10, 1000).cut(actions(3, 5000)) == 1
    assert BulkSize(10, 10**9).cut(actions(3, 1)) == 3


def test_no_room_halves_and_room_doubles_again():
    """Each refusal for lack of room halves the bulk, down to a floor; some that went well double it, up to what is set."""
    size = BulkSize(2000, 5 * 1024 * 1024)
    seen = []
    for _ in range(40):
        size.too_much()
        seen.append((size.docs, size.nbytes))
    assert seen[0] == (1000, 5 * 512 * 1024)
    assert seen[-1] == (10, 64 * 1024)
    steps = 0
    while size.docs < 2000:
        size.went_well()
        steps += 1
        assert steps < 200
    assert size.nbytes == 5 * 1024 * 1024
    size.went_well()
    assert size.docs == 2000


def test_one_that_did_not_go_well_starts_the_count_anew():
    """Only bulks in a row that went well make the next one larger."""
    size = BulkSize(64, 10**6)
    size.too_much()
    for _ in range(9):
        size.went_well()
    size.too_much()
    for _ in range(9):
        size.went_well()
    assert size.docs == 16


def test_a_limit_below_the_floor_holds():
    """Who sets less than the floor gets no more than that."""
    size = BulkSize(3, 2048)
    size.too_much()
    assert (size.docs, size.nbytes) == (3, 2048)
