from random import Random

from wellhead.backoff import Backoff


def test_waits_double_up_to_the_cap_with_jitter_below():
    """Each wait lies between half of and the whole of a ceiling that doubles until the cap."""
    backoff = Backoff(1.0, 60.0, Random(7))
    waits = [backoff.next_secs() for _ in range(10)]
    for number, wait in enumerate(waits):
        ceiling = min(60.0, 2.0**number)
        assert ceiling / 2 <= wait <= ceiling
    assert len(set(waits)) == len(waits)


def test_a_success_forgets_failures():
    """After a reset the first wait is short again."""
    backoff = Backoff(1.0, 60.0, Random(7))
    for _ in range(8):
        backoff.next_secs()
    backoff.reset()
    assert backoff.next_secs() <= 1.0


def test_a_thousand_failures_do_not_overflow():
    """The cap holds however long a vendor is away."""
    backoff = Backoff(5.0, 300.0, Random(7))
    backoff.failures = 10_000
    assert backoff.next_secs() <= 300.0
