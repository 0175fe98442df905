"""What a vendor's headers say about pace."""

from email.utils import formatdate

import pytest

from wellhead.http.hints import QuotaHint, quota_hint, retry_after_secs

NOW_MS = 1_767_225_600_000


@pytest.mark.parametrize(
    ("value", "secs"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("-3", 0),
        (formatdate(NOW_MS / 1000 + 90, usegmt=True), 90),
        (formatdate(NOW_MS / 1000 - 90, usegmt=True), 0),
        ("Thursday, 01-Jan-26 00:01:00 GMT", 60),
        ("Thu Jan  1 00:01:00 2026", 60),
        (None, None),
        ("", None),
        ("soon", None),
        ("1e400", None),
        ("Thu, 99 Foo 2026 00:00:00 GMT", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_every_form(value, secs):
    """Seconds and the three HTTP date forms give seconds from now; what nobody can read gives None."""
    assert retry_after_secs(value, now_ms=NOW_MS) == secs


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"x-ratelimit-remaining": "41"}, 41),
        ({"x-rate-limit-remaining": "7"}, 7),
        ({"X-RateLimit-Remaining": "7"}, 7),
        ({"ratelimit-remaining": "9"}, 9),
        ({"x-ratelimit-remaining-minute": "5", "x-ratelimit-remaining-day": "400"}, 5),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, 50),
        ({"ratelimit": '"burst";r=3;t=1, "daily";r=900;t=3600'}, 3),
        ({"x-ratelimit-remaining": "3, 3;w=60"}, 3),
        ({"x-ratelimit-limit": "100", "x-ratelimit-reset": "9"}, None),
        ({"x-ratelimit-remaining": "plenty"}, None),
        ({}, None),
    ],
)
def test_the_scarcest_remaining_quota_is_found(headers, left):
    """Every common spelling of "calls left" is read, and the fewest counts."""
    hint = quota_hint(headers, now_ms=NOW_MS)
    assert (None if hint is None else hint.remaining) == left


@pytest.mark.parametrize(
    ("headers", "secs"),
    [
        ({"x-ratelimit-reset": "90"}, 90),
        ({"x-ratelimit-reset": f"{NOW_MS // 1000 + 90}"}, 90),
        ({"x-ratelimit-reset": f"{NOW_MS / 1000 + 1.5}"}, 1.5),
        ({"x-ratelimit-reset": f"{NOW_MS + 90_000}"}, 90),
        ({"x-ratelimit-reset": f"{NOW_MS // 1000 - 90}"}, 0),
        ({"x-ratelimit-reset": "30, 30;w=60"}, 30),
        ({"x-ratelimit-reset": formatdate(NOW_MS / 1000 + 90, usegmt=True)}, 90),
        # The vendor's clock is an hour behind ours: its own Date tells what its epoch means.
        ({"x-ratelimit-reset": f"{NOW_MS // 1000 - 3510}", "date": formatdate(NOW_MS / 1000 - 3600, usegmt=True)}, 90),
        ({"x-ratelimit-reset": "90", "date": "soon"}, 90),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "500000000"}, None),
        ({"ratelimit-reset": "90"}, None),
        ({}, None),
    ],
)
def test_when_the_quota_renews_is_read_in_every_form(headers, secs):
    """Seconds, epoch seconds, epoch milliseconds and a date give seconds from now; a reset of another header is none of ours."""
    hint = quota_hint({"x-ratelimit-remaining": "1", **headers}, now_ms=NOW_MS)
    assert hint is not None
    assert hint.renews_in_secs == (None if secs is None else pytest.approx(secs))


@pytest.mark.parametrize(
    ("name", "secs"),
    [
        ("X-RateLimit-Remaining-Second", 1),
        ("X-RateLimit-Remaining-Minute", 60),
        ("x-ratelimit-remaining-hour", 3600),
        ("x-ratelimit-minute-remaining", 60),
        ("x-rate-limit-remaining-15min", 900),
        ("x-ratelimit-remaining-per-hour", 3600),
        ("x-ratelimit-remaining-10s", 10),
        ("x-ratelimit-requests-remaining-1m", 60),
        ("x-ratelimit-remaining-day", None),
        ("x-ratelimit-remaining-tokens", None),
        ("x-ratelimit-remaining", None),
    ],
)
def test_a_name_tells_the_window(name, secs):
    """A count of a second, a minute or an hour renews within that time, also where no reset is told."""
    assert quota_hint({name: "0"}, now_ms=NOW_MS) == QuotaHint(0, secs)


def test_a_reset_goes_before_the_window_of_the_name():
    """What the vendor says in figures is more exact than a name."""
    headers = {"x-ratelimit-remaining-hour": "7", "x-ratelimit-reset-hour": "90"}
    assert quota_hint(headers, now_ms=NOW_MS) == QuotaHint(7, 90)


def test_what_is_left_of_a_month_says_nothing_of_today():
    """An undated count of a longer window is no quota of ours; a dated one is."""
    assert quota_hint({"x-ratelimit-remaining-month": "100000"}, now_ms=NOW_MS) is None
    assert quota_hint({"x-ratelimit-remaining-month": "9", "x-ratelimit-reset-month": "60"}, now_ms=NOW_MS) == QuotaHint(9, 60)


@pytest.mark.parametrize(
    ("text", "left", "secs"),
    [
        ("limit=100, remaining=50, reset=30", 50, 30),
        ('"burst";r=3;t=1, "daily";r=900;t=3600', 3, 1),
        ('"daily";r=0;t=3600, "burst";r=0;t=1', 0, 3600),
        ('"daily";r=7', 7, None),
    ],
)
def test_a_structured_quota_renews_by_its_own_time(text, left, secs):
    """Of several quotas the scarcest counts with its own renewal, of equally scarce ones the one that takes longer."""
    assert quota_hint({"ratelimit": text}, now_ms=NOW_MS) == QuotaHint(left, secs)
