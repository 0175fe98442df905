"""When another attempt is worth it, and how long to wait for it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead.http import HttpSettings
from wellhead.http.retry import RetryPolicy

SETTINGS = HttpSettings(retry_max_attempts=4, retry_in_place_max_secs=10)


def policy(seed=1, **changes: float):
    return RetryPolicy(SETTINGS.model_copy(update=changes), Random(seed))


@settings(deadline=None)
@given(seed=st.integers(), attempt=st.integers(1, 60), most=st.floats(0, 100))
def test_waits_grow_double_to_a_ceiling_with_jitter_of_half(seed, attempt, most):
    """The wait after attempt n lies between half of and the whole of min(ceiling, 0.5 * 2^(n-1))."""
    wait = policy(seed, retry_max_attempts=100, retry_in_place_max_secs=most).after_failure(attempt, repeatable=True)
    ceiling = min(most, 0.5 * 2 ** (attempt - 1))
    assert ceiling / 2 <= wait <= ceiling


def test_there_is_an_end_and_what_is_not_repeatable_is_not_repeated():
    """After the last attempt, and for a lost POST, there is no wait."""
    assert policy().after_failure(4, repeatable=True) is None
    assert policy().after_failure(1, repeatable=False) is None
    assert policy().after_answer(4, 503, 1, idempotent=True) is None


@pytest.mark.parametrize(
    ("status", "retry_after", "idempotent", "wait"),
    [
        (200, None, True, None),
        (200, 5, True, None),
        (404, None, True, None),
        (408, None, True, None),
        (423, 5, True, None),
        (429, None, True, None),
        (429, 10, True, 10),
        (429, 10, False, 10),
        (429, 10.1, True, None),
        (503, 3, False, 3),
        (503, 60, True, None),
        (500, 60, True, None),
        (500, 3, True, 3),
        (500, None, False, None),
        (501, None, True, None),
    ],
)
def test_answers_are_judged_by_status_and_retry_after(status, retry_after, idempotent, wait):
    """Only what is short enough and safe to repeat is waited for in place."""
    assert policy().after_answer(1, status, retry_after, idempotent=idempotent) == wait


@pytest.mark.parametrize(("status", "retry_after"), [(503, None), (503, 0), (429, 0), (500, 0)])
def test_no_answer_is_met_with_a_hot_loop(status, retry_after):
    """Without a hint, or with one that says "now", the wait is the backoff's."""
    assert 0.25 <= policy().after_answer(1, status, retry_after, idempotent=True) <= 0.5
