import pytest
import scripted_source

from wellhead.errors import ConfigError, PermanentError
from wellhead.recovery.aim import Shift, ToCursor, ToStart, ToTime, checked, deduplicates, iso, parse_span, parse_time, target
from wellhead.recovery.way import Step

HOUR_MS = 3_600_000
STEPS = [Step(None, {"next": 5}, 10 * HOUR_MS), Step({"next": 5}, {"next": 9}, 13 * HOUR_MS)]


def test_each_aim_is_a_cursor():
    """The start is no cursor; a cursor is itself; a time and a shift are what the history held then."""
    assert target(ToStart(), STEPS, whose="x") is None
    assert target(ToCursor({"next": 1}), STEPS, whose="x") == {"next": 1}
    assert target(ToTime(12 * HOUR_MS), STEPS, whose="x") == {"next": 5}
    assert target(Shift(-2 * HOUR_MS), STEPS, whose="x") == {"next": 5}
    assert target(Shift(-4 * HOUR_MS), STEPS, whose="x") is None


def test_a_time_before_the_history_is_refused_with_what_there_is():
    """What the history does not hold is not guessed; the message says when it begins."""
    with pytest.raises(PermanentError, match=r"feed: .*1970-01-01T12:00.*begins at 1970-01-01T13:00"):
        target(ToTime(12 * HOUR_MS), STEPS[1:], whose="feed")
    with pytest.raises(PermanentError, match="has nothing of it"):
        target(Shift(-1), [], whose="feed")


def test_a_cursor_is_held_against_its_model():
    """A cursor of the wrong shape is refused with every field that is wrong and none of its values."""
    assert checked({"next": 5}, scripted_source.FeedCursor, "feed") == {"next": 5, "replay_from": None, "quiet_until": None}
    with pytest.raises(ConfigError) as caught:
        checked({"next": "s3cret", "more": 1}, scripted_source.FeedCursor, "feed")
    assert {problem.path for problem in caught.value.problems} == {"next", "more"}
    assert "s3cret" not in str(caught.value)


def test_a_replaying_cursor_tells_duplicates():
    """Only a cursor that replays leaves out what stands in the topic already."""
    model = scripted_source.FeedCursor
    assert deduplicates({"next": 0, "replay_from": 1}, model)
    assert not deduplicates({"next": 0}, model)
    assert not deduplicates(None, model)
    assert not deduplicates({"next": 0, "replay_from": 1}, None)
    assert not deduplicates({"bad": 0}, model)


@pytest.mark.parametrize(
    ("text", "ms"), [("-2h", -2 * HOUR_MS), ("30m", 1_800_000), ("+1.5d", 129_600_000), ("-250ms", -250), ("1w", 604_800_000)]
)
def test_spans_are_read(text, ms):
    """A span is a signed number and a unit."""
    assert parse_span(text) == ms


@pytest.mark.parametrize("text", ["2", "h", "two hours", "-2 h", ""])
def test_what_is_no_span_is_refused(text):
    """A span without a unit is not guessed."""
    with pytest.raises(ValueError, match="span"):
        parse_span(text)


def test_times_are_utc_unless_they_say_otherwise():
    """A time without a zone is UTC, one with a zone is taken at its word, and a time is written as it is read."""
    assert parse_time("2026-05-01T00:00Z") == parse_time("2026-05-01") == parse_time("2026-05-01T02:00+02:00")
    assert iso(parse_time("2026-05-01T00:00:00.250Z")) == "2026-05-01T00:00:00.250Z"
    with pytest.raises(ValueError, match="Invalid isoformat"):
        parse_time("yesterday")
