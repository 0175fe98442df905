"""One form for all documents of one meaning, and for no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.migration.verify.canonical import canonical, encoded
from wellhead.migration.verify.rules import Rules, rules_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=5)


PLAIN = Rules()


def form(content, rules=PLAIN):
    return encoded(canonical(content, rules))


@given(DOCUMENTS)
def test_the_order_of_fields_says_nothing(document):
    """Fields in any order, and null fields left out, give the same form."""
    turned = dict(reversed([(name, value) for name, value in document.items() if value is not None]))
    assert form(turned) == form(document)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": [1, {"b": 2.0}]}, {"a": [1.0, {"b": 2}]}),
        ({"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"merged": ["x", "y"]}, {"merged": ["y", "x"]}),
        (
            {"ip_top": [{"ip": "a", "count": 2}, {"ip": "b", "count": 2}]},
            {"ip_top": [{"count": 2.0, "ip": "b"}, {"count": 2, "ip": "a"}]},
        ),
    ],
)
def test_same_meaning(one, other):
    """Whole floats, inner nulls and unordered lists make no difference."""
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 0}, {"a": False}),
        ({"a": 0}, {}),
        ({"a": ""}, {}),
        ({"a": []}, {}),
        ({"a": [1]}, {"a": 1}),
        ({"point": ["a", "b"]}, {"point": ["b", "a"]}),
        ({"merged": ["x", "x"]}, {"merged": ["x"]}),
        ({"a": 1.5}, {"a": 1}),
        ({"a": 2**53 + 1}, {"a": 2**53 + 3}),
        ({"time": 1}, {"time": 2}),
    ],
)
def test_another_meaning(one, other):
    """Types, empty values, orders that count, multiplicity and single units are told apart."""
    assert form(one) != form(other)


def test_times_where_the_rules_say_so():
    """ISO text is its epoch milliseconds in a time field, with a zone, without one, and nowhere else."""
    rules = rules_of(times=["time"])
    for text in ("2026-02-01T00:00:00.005Z", "2026-02-01T01:00:00.005+01:00", "2026-02-01T00:00:00.005"):
        assert form({"time": text}, rules) == form({"time": 1769904000005}, rules)
        assert form({"other": text}, rules) != form({"other": 1769904000005}, rules)
    assert form({"time": "soon"}, rules) != form({"time": 0}, rules)


def test_what_is_ignored_is_not_there():
    """Ignored fields leave no trace."""
    assert form({"a": 1, "b": 2}, rules_of(["b"])) == form({"a": 1, "b": 3}, rules_of(["b"])) == form({"a": 1})
