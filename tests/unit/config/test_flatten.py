"""Tests of the two ways between nested mappings and dotted words."""

from hypothesis import given
from hypothesis import strategies as st

from wellhead.config.flatten import flatten, nest

PLAIN_KEYS = st.text(alphabet="abcdef_-", min_size=1, max_size=5)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2))
TREES = st.dictionaries(
    PLAIN_KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(PLAIN_KEYS, inner, min_size=1, max_size=3)), max_size=4
)


@given(TREES)
def test_nest_undoes_flatten(tree):
    """Whatever is flattened can be nested again, nothing lost."""
    tree = {key: value for key, value in tree.items() if value != {}}
    flat, problems = flatten(tree)
    assert problems == []
    assert nest(flat) == tree


@given(TREES)
def test_flat_words_stay_as_they_are(tree):
    """Flattening a second time changes nothing."""
    flat, _ = flatten(tree)
    assert flatten(flat) == (flat, [])


@given(TREES)
def test_no_mapping_is_left_in_flat_words(tree):
    """A flat word holds a value, never a mapping that was not asked to be kept."""
    flat, _ = flatten(tree)
    assert not any(isinstance(value, dict) for value in flat.values())


def test_any_mix_of_dots_and_nesting_means_the_same():
    """`a.b.c`, `a: {b.c}` and `a: {b: {c}}` are one word."""
    forms = [
        {"poll.interval.secs": 5},
        {"poll": {"interval.secs": 5}},
        {"poll": {"interval": {"secs": 5}}},
        {"poll.interval": {"secs": 5}},
    ]
    assert [flatten(form)[0] for form in forms] == [{"poll.interval.secs": 5}] * 4


def test_a_kept_option_is_data():
    """The value of a kept key is taken whole, dots and all; elsewhere the same key is a word."""
    flat, problems = flatten({"headers": {"a.b": {"c": 1}}, "http": {"headers": {"x": 1}}}, keep={"headers"})
    assert (flat, problems) == ({"headers": {"a.b": {"c": 1}}, "http.headers.x": 1}, [])


def test_a_word_given_in_two_forms_is_a_problem():
    """`a.b` beside `a: {b}` is refused with its path: which one counts would be a guess."""
    _, problems = flatten({"poll.cron": "x", "poll": {"cron": "y"}}, path="connectors.one")
    assert [str(problem) for problem in problems] == ["connectors.one.poll.cron: given twice"]


def test_a_longer_word_goes_below_a_mapping_already_there():
    """A flag for one entry of a mapping leaves the other entries alone."""
    assert nest({"headers": {"a": "1", "b": "2"}, "headers.b": "3"}) == {"headers": {"a": "1", "b": "3"}}
    assert nest({"headers.b": "3", "headers": {"a": "1"}}) == {"headers": {"a": "1", "b": "3"}}
