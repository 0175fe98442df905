"""What a dead-letter topic holds, counted without holding it."""

from received_letters import TOPIC, Received, letter

from wellhead.recovery.dlq import Survey
from wellhead.recovery.letter import Place, Selection
from wellhead.recovery.settled import Outcome, mark_in, marker


def mark(place: Place, offset: int = 900, outcome: Outcome = Outcome.REDRIVEN) -> Received:
    return Received(marker(place, outcome, connector="wss-acme", by="ann@soc"), 1, offset, 5000)


def test_a_marker_tells_which_letter_is_settled_how_and_by_whom():
    """A marker comes back as it was written, has no body, and is no letter."""
    place = Place(TOPIC, 3, 12)
    found = mark_in(mark(place))
    assert found is not None
    assert (found.place, found.outcome, found.at_ms, found.by) == (place, "redriven", 5000, "ann@soc")
    assert mark(place).value() is None
    assert mark_in(letter(1)) is None


def test_letters_are_counted_by_cause_and_settled_ones_left_out():
    """Counts are by connector, stream, tenant, stage and gist, the most first; a marker closes its letter wherever it stands."""
    looked = Survey(TOPIC)
    looked.add([mark(Place(TOPIC, 0, 2))])  # another partition may be read first
    looked.add([letter(1, at_ms=10), letter(2, at_ms=20), letter(3, at_ms=30), letter(4, 1, at_ms=40, stage="encode")])
    counts = looked.counts()
    assert [(count.kind.stage, count.letters, count.first_ms, count.last_ms) for count in counts] == [
        ("poll", 2, 10, 30),
        ("encode", 1, 40, 40),
    ]
    assert str(counts[0].example) == f"{TOPIC}/0/1"
    assert sum(count.letters for count in looked.counts(settled=True)) == 4
    assert sorted(looked.places()) == [(10, Place(TOPIC, 0, 1)), (30, Place(TOPIC, 0, 3)), (40, Place(TOPIC, 1, 4))]
    assert looked.mark(Place(TOPIC, 0, 2)) is not None
    assert looked.mark(Place(TOPIC, 0, 3)) is None


def test_an_offset_closes_only_its_own_partition():
    """Equal offsets of different partitions are different letters."""
    looked = Survey(TOPIC)
    looked.add([letter(7, 0), letter(7, 1), mark(Place(TOPIC, 1, 7))])
    assert [place for _, place in looked.places()] == [Place(TOPIC, 0, 7)]


def test_only_the_selection_is_counted():
    """What was not asked for is not held."""
    looked = Survey(TOPIC, Selection(connector="other"))
    looked.add([letter(1)])
    assert looked.counts() == []
