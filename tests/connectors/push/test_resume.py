"""Proves where a channel stands after what arrived, and that a gap is told with the first event after it."""

from connectors.push.events import Arrived, PushEvent
from connectors.push.resume import LEAST_RETRY_MS, MOST_POSITION_CHARS, MOST_RETRY_MS, Place, Standing
from wellhead import Reject


def event(number):
    return PushEvent(f"data {number}", id=str(number))


def arrived(*numbers, **facts):
    position = str(numbers[-1]) if numbers else facts.pop("position", "")
    return Arrived(events=[event(number) for number in numbers], position=position, **facts)


def test_the_place_is_after_what_arrived():
    """Position, count and the server's wait are those after the last arrival."""
    standing = Standing(None, 16)
    taken = standing.take([arrived(41), arrived(42, retry_ms=3_000, unwanted=2, rejects=[Reject(b"x", "is no JSON")])])
    assert [each.id for each in taken.events] == ["41", "42"]
    assert taken.filtered == {"event_not_wanted": 2}
    assert [reject.raw for reject in taken.rejects] == [b"x"]
    place = standing.place
    assert (place.last_event_id, place.received, place.retry_ms, place.gap_possible) == ("42", 5, 3_000, False)


def test_an_event_sent_again_after_a_restart_is_left_out():
    """A server that begins with the event it was asked to go on after causes no double, also in another process."""
    first = Standing(None, 16)
    first.take([arrived(41, 42)])
    stored = Place.model_validate(first.place.model_dump(mode="json"))
    taken = Standing(stored, 16).take([arrived(41, 42, 43)])
    assert [each.id for each in taken.events] == ["43"]
    assert taken.filtered == {"duplicate": 2}
    assert taken.first_sequence == 5


def test_numbers_go_on():
    """Events are numbered from one on, over restarts, and one that was left out has a number."""
    standing = Standing(None, 16)
    assert standing.take([arrived(1, 2)]).first_sequence == 1
    standing = Standing(standing.place, 16)
    standing.take([arrived(unwanted=3, position="5")])
    assert standing.take([arrived(6)]).first_sequence == 6


def test_a_gap_is_told_with_the_first_event_after_it():
    """The first event after a connection that could not go on says so, however much later it comes; the cursor says so from then on."""
    standing = Standing(Place(received=3), 16)
    assert standing.take([arrived(after_gap=True)]).events == []
    assert standing.take([arrived(4)]).after_gap
    assert not standing.take([arrived(5)]).after_gap
    assert standing.place.gap_possible


def test_an_empty_id_takes_the_place_away():
    """Where the server names the position away there is none to go on from."""
    standing = Standing(Place(last_event_id="41"), 16)
    standing.take([Arrived(events=[PushEvent("x")], position="")])
    assert standing.place.last_event_id == ""


def test_the_servers_wait_is_bounded():
    """A server can ask for neither no wait at all nor one of days."""
    standing = Standing(None, 16)
    standing.take([arrived(retry_ms=0)])
    assert standing.place.retry_ms == LEAST_RETRY_MS
    standing.take([arrived(retry_ms=10**12)])
    assert standing.place.retry_ms == MOST_RETRY_MS


def test_a_position_that_cannot_be_asked_from_is_not_kept():
    """A server whose ids are longer than a header may be does not make the cursor grow with them."""
    standing = Standing(None, 16)
    standing.take([Arrived(events=[PushEvent("x", id="y")], position="z" * (MOST_POSITION_CHARS + 1))])
    assert standing.place.last_event_id == ""
    standing.take([Arrived(events=[PushEvent("x", id="w")], position="z" * MOST_POSITION_CHARS)])
    assert len(standing.place.last_event_id) == MOST_POSITION_CHARS
