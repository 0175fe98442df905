"""A place knows which row an entry of a nested column belongs to."""

import numpy as np

from wellhead.avro.place import Place
from wellhead.avro.rejects import Faults


def test_entries_are_led_back_to_their_row():
    """Through a list in a list."""
    faults = Faults()
    inner = Place("a", faults).among("[]", np.array([0, 2, 2])).among("[]", np.array([1, 1, 2]))
    inner.fault(0, "wrong")
    assert faults.found == {2: ("a[][]", "wrong")}


def test_what_means_nothing_is_no_fault():
    """Entries inside a null record are skipped, at any depth."""
    faults = Faults()
    part = Place("r", faults).part("x", np.array([True, False])).part("y", None)
    part.fault(0, "wrong")
    part.fault(1, "wrong")
    part.among("[]", np.array([1, 1])).fault(0, "wrong")
    assert faults.found == {0: ("r.x.y", "wrong")}
