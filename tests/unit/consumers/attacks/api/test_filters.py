import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wellhead.consumers.attacks.api.cursors import decode, encode
from wellhead.consumers.attacks.api.filters import Filters, HitFilters
from wellhead.rest.contract import ApiError


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-02-01T00:00:00Z", 1_769_904_000_000),
        ("2026-02-01", 1_769_904_000_000),
        ("2026-02-01T02:00:00+02:00", 1_769_904_000_000),
        ("2026-02-01T02:00:00 02:00", 1_769_904_000_000),  # a plus sign that was not escaped
        ("1769904000000", 1_769_904_000_000),
        (1_769_904_000_000, 1_769_904_000_000),
        ("0", 0),
    ],
)
def test_a_moment_may_be_written_in_several_ways(text, expected_ms):
    """A time with its zone, a date and epoch milliseconds mean the same moment."""
    assert Filters.model_validate({"from": text}).from_ms == expected_ms


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"from": "1769904000"}, "seconds"),
        ({"from": "2026-02-01T00:00:00"}, "zone"),
        ({"from": "yesterday"}, "2026-02-01T00:00:00Z"),
        ({"from": "99999999999999999999"}, "2026-02-01T00:00:00Z"),
        ({"from": True}, "2026-02-01T00:00:00Z"),
        ({"from": "2026-02-02", "to": "2026-02-02"}, "before"),
        ({"ip": ["203.0.113"]}, "203.0.113.7"),
        ({"client": ["x"]}, "integer"),
        ({"client": [-1]}, "greater"),
        ({"client": [2**63]}, "less"),
        ({"state": ["odd"]}, "open"),
        ({"domain": [""]}, "1 character"),
        ({"domain": ["a\x00b"]}, "control"),
        ({"type": ["x"] * 101}, "100"),
        ({"clint": [1]}, "permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(wish, told):
    """A wish that cannot be meant is refused with what may stand there, and its value is not repeated."""
    with pytest.raises(ValidationError) as refused:
        Filters.model_validate(wish)
    assert told in str(refused.value)


def test_hits_have_no_state():
    """The state belongs to attacks: a question for hits that names it is refused."""
    with pytest.raises(ValidationError):
        HitFilters.model_validate({"state": ["open"]})


def test_an_address_has_one_way_of_writing():
    """Addresses and networks are brought into one form, so that the same wish has the same cursor."""
    found = Filters.model_validate({"ip": ["2001:0db8::0001", "10.1.2.3/8", "192.0.2.1/32"]})
    assert found.ip == ("2001:db8::1", "10.0.0.0/8", "192.0.2.1")


def test_the_same_wish_is_the_same_whatever_its_order():
    """Values in another order are the same wish; another value, field or question is another one."""
    one = Filters(client=(1, 2), type=("xss", "sqli"))
    assert one.wish("a") == Filters(client=(2, 1), type=("sqli", "xss")).wish("a")
    others = [Filters(client=(1, 2)), Filters(client=(1,), type=("xss", "sqli")), Filters(client=(1, 2), rule=("xss", "sqli"))]
    assert len({each.wish("a") for each in (one, *others)} | {one.wish("b")}) == 5


@given(st.integers(0, 2**53), st.text(max_size=60))
def test_a_cursor_comes_back_as_it_was(time_ms, name):
    """What a cursor was made of is read from it again, and it is safe in a URL."""
    text = encode("wish", [time_ms, name])
    assert decode(text, "wish", [int, str]) == [time_ms, name]
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80))
def test_a_forged_cursor_is_refused(text):
    """Whatever text is sent as a cursor, it is refused with 400 and never fails otherwise."""
    with pytest.raises(ApiError) as refused:
        decode(text, "wish", [int, str])
    assert refused.value.status == 400


@pytest.mark.parametrize("mark", [[1], [1, "a", 2], ["a", 1], [True, "a"], [None, "a"], [1.5, "a"]])
def test_a_cursor_holds_what_its_question_sorts_by(mark):
    """A cursor with other sort values than the question's is refused, and so is one of another wish."""
    with pytest.raises(ApiError):
        decode(encode("wish", mark), "wish", [int, str])
    with pytest.raises(ApiError):
        decode(encode("other", [1, "a"]), "wish", [int, str])
