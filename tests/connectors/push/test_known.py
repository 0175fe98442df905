"""Proves that an event that was here is told, and none that was not."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from connectors.push.events import PushEvent
from connectors.push.known import MOST_REMEMBERED, Known


def event(number, data="x", kind="message"):
    return PushEvent(data, kind, None if number is None else str(number))


def test_the_same_event_comes_once():
    """An event that is sent again is left out, in the same list too."""
    known = Known()
    assert known.fresh([event(1), event(2), event(1)]) == [event(1), event(2)]
    assert known.fresh([event(2), event(3)]) == [event(3)]


def test_an_id_given_twice_hides_nothing():
    """Events that share an id and nothing else are all kept, and so are those without an id."""
    several = [event(1, "a"), event(1, "b"), event(1, "a", "other"), event(None), event(None)]
    assert Known().fresh(several) == several


def test_what_a_cursor_holds_is_known_again():
    """The last events are known from the text that was stored, in no more of them than asked for."""
    known = Known()
    known.fresh([event(number) for number in range(10)])
    stored = known.stored(3)
    assert len(stored) <= 3 * 11 + 4
    assert Known(stored).fresh([event(number) for number in range(6, 11)]) == [event(6), event(10)]
    assert Known(stored).stored(3) == stored
    assert known.stored(0) == ""


def test_what_lies_across_two_is_neither():
    """An event is known by its own place: the end of one hash and the beginning of the next are no third."""
    known = Known()
    known.fresh([event(1)])
    name = base64.b64decode(known.stored(1))
    across = bytes(4) + name + bytes(4)
    assert Known(base64.b64encode(across).decode()).fresh([event(1)]) == [event(1)]
    assert Known(base64.b64encode(across + name).decode()).fresh([event(1)]) == []


def test_no_more_than_a_bounded_number_is_remembered():
    """The oldest are forgotten."""
    known = Known()
    known.fresh([event(number) for number in range(MOST_REMEMBERED + 1)])
    assert known.fresh([event(0), event(MOST_REMEMBERED)]) == [event(0)]


@given(st.text())
def test_any_text_in_a_cursor_is_survived(text):
    """What a person wrote into the cursor makes an event unknown at worst."""
    assert Known(text).fresh([event(1)]) in ([event(1)], [])
