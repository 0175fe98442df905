"""A row is rejected once, for the first thing that was wrong with it."""

from wellhead.avro.rejects import BadRow, Faults, shown


def test_the_first_fault_of_a_row_stands():
    """Rows come out in order, each once."""
    faults = Faults()
    faults.add(3, "b", "second row")
    faults.add(1, "a", "first")
    faults.add(1, "z", "later")
    rows = faults.bad_rows(lambda index: {"n": index})
    assert rows == [BadRow(1, "a", "first", {"n": 1}), BadRow(3, "b", "second row", {"n": 3})]


def test_long_values_are_cut():
    """With their length, so that nobody takes the cut for the value."""
    assert shown("ab") == "'ab'"
    assert shown("x" * 100).endswith("… (102 characters)")
