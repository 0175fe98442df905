from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead.telemetry import Snapshot
from wellhead.telemetry.tally import MAX_WORDS, OTHER, Extremes, word

TOTALS = [field.name for field in fields(Snapshot) if field.default == 0 and field.name != "at_ms"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=len(TOTALS), max_size=len(TOTALS)))
def test_differences_add_up(pairs):
    """What was added since an earlier snapshot, plus that snapshot, is the later one, for every total."""
    earlier = Snapshot(**dict(zip(TOTALS, (a for a, _ in pairs), strict=True)))
    later = Snapshot(**dict(zip(TOTALS, (a + b for a, b in pairs), strict=True)))
    assert [getattr(later.minus(earlier), name) for name in TOTALS] == [b for _, b in pairs]


def test_moments_are_not_subtracted():
    """A difference keeps the later snapshot's moments as they are."""
    later = Snapshot(at_ms=9, last_poll_ms=8, newest_event_ms=7, last_commit_ms=6, cursor_moved_ms=5)
    assert later.minus(Snapshot(at_ms=1, last_poll_ms=1)) == later


def test_age():
    """An age is in seconds, never negative, and None while the moment has not happened."""
    assert Snapshot(at_ms=5_000).age_secs(2_000) == 3.0
    assert Snapshot(at_ms=5_000).age_secs(9_000) == 0.0
    assert Snapshot(at_ms=5_000).age_secs(None) is None


@settings(deadline=None)
@given(st.text())
def test_labels_are_words(text):
    """Only words and host:port become labels: no URL, no free text, no address with credentials."""
    kept = word(text)
    assert kept == OTHER or not set(kept) & set(" /@?=&%#'\"\n")


def test_labels_known_to_pass_and_not():
    """Hosts, ports and snake-case reasons pass; URLs and sentences do not."""
    assert [word(text) for text in ("api.example.com:8443", "too_old", "410")] == ["api.example.com:8443", "too_old", "410"]
    assert {word(text) for text in ("https://u:p@h/x?t=1", "row 7 is bad", "", "x" * 65)} == {OTHER}


def test_labels_are_bounded():
    """One word too many is counted as "other"; those already known keep their own count."""
    known = {f"w{n}": 1 for n in range(MAX_WORDS)}
    assert (word("w0", known), word("another", known)) == ("w0", OTHER)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_extremes(values):
    """Count, smallest, largest and average are those of the values."""
    extremes = Extremes()
    for value in values:
        extremes.add(value)
    assert (extremes.count, extremes.smallest, extremes.largest) == (len(values), min(values), max(values))
    assert min(values) - 1e-6 <= extremes.average <= max(values) + 1e-6
