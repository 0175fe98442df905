from wellhead.rest import limits
from wellhead.rest.limits import Rate
from wellhead.testing.clock import FakeClock


def test_a_bucket_refills_with_time():
    """Up to the burst at once, then as many as the time since gives, never more than the burst."""
    clock = FakeClock()
    rate = Rate(2, clock, burst=3)
    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [rate.take("a"), rate.take("a")] == [True, False]
    clock.advance(1000)
    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]


def test_each_key_has_its_own():
    """One asker who asks too often takes nothing from another."""
    rate = Rate(1, FakeClock())
    assert [rate.take("a"), rate.take("a"), rate.take("b")] == [True, False, True]


def test_keys_are_bounded():
    """However many askers there are, no more than a bounded number of buckets is kept."""
    rate = Rate(1, FakeClock())
    for number in range(limits.MOST_KEYS + 10):
        rate.take(str(number))
    assert len(rate._buckets) == limits.MOST_KEYS
    assert str(limits.MOST_KEYS) in rate._buckets
