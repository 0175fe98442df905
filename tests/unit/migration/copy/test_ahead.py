"""The next item is fetched while one is used, and everything comes in its turn."""

import pytest

from wellhead.errors import TemporaryError
from wellhead.migration.copy.ahead import read_ahead


def items(count, fetched):
    for number in range(count):
        fetched.append(number)
        yield number


@pytest.mark.parametrize("count", [0, 1, 50])
def test_all_items_come_in_order(count):
    """None is lost and none is doubled."""
    assert list(read_ahead(items(count, []))) == list(range(count))


def test_one_item_waits_and_no_more():
    """What is held in memory is bounded, however slow its user is."""
    fetched = []
    for number in read_ahead(items(20, fetched)):
        assert len(fetched) <= number + 2


def test_an_error_is_raised_after_the_items_before_it():
    """What was read before the source went away is used first."""

    def failing():
        yield 1
        yield 2
        raise TemporaryError("away")

    reading = read_ahead(failing())
    assert [next(reading), next(reading)] == [1, 2]
    with pytest.raises(TemporaryError, match="away"):
        next(reading)


def test_leaving_early_closes_what_is_read():
    """A point in time is given back when a slice is left in the middle; at most one item more was fetched."""
    fetched, closed = [], []

    def closing_items():
        try:
            for number in range(100):
                fetched.append(number)
                yield number
        finally:
            closed.append(True)

    reading = read_ahead(closing_items())
    assert next(reading) == 0
    reading.close()
    assert closed == [True]
    assert fetched in ([0], [0, 1])
