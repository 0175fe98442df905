"""What every lookup target is given by the contract."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from wellhead import Config
from wellhead.errors import PermanentError, TemporaryError
from wellhead.targets import CheckedTarget, LookupFile, LookupTarget, RowChanges, ThreadClock
from wellhead.testing.blockingclock import SteppingClock

FILE = LookupFile("x.csv", Path("x.csv"), 1, 10, "digest", ("ip",))


class Shelf(CheckedTarget[Config]):
    """Tells sizes from a list, one a look; an error in it is raised."""

    name = "shelf"
    title = "A shelf"
    config = Config

    def __init__(self, clock, *sizes, digest="digest"):
        super().__init__(Config(), clock)
        self.sizes = list(sizes)
        self.digest = digest
        self.closed = False

    def size_of(self, name):
        size = self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0]
        if isinstance(size, Exception):
            raise size
        return size

    def digest_of(self, name):
        if isinstance(self.digest, Exception):
            raise self.digest
        return self.digest

    def put(self, file):
        raise NotImplementedError

    def close(self):
        self.closed = True


def test_a_target_closes_with_its_block():
    """Also when the block fails."""
    shelf = Shelf(SteppingClock(), 10)
    with pytest.raises(KeyError), shelf:
        raise KeyError
    assert shelf.closed


def test_a_target_that_says_nothing_of_rows_cannot_take_them():
    """The default is the whole file."""
    assert Shelf(SteppingClock(), 10).patch("x.csv", RowChanges(Path("c.csv"), 1, ("ip",))) is False


@pytest.mark.parametrize("name", ["x.csv", "a-B_0.9.csv", "_x", "x" * 200])
def test_a_plain_name_is_let_through(name):
    """Letters, digits, - _ and dots."""
    assert Shelf(SteppingClock(), 10).require_plain(name) is None


def test_a_file_of_the_limit_fits_and_one_byte_more_does_not():
    """The message says both sizes and what to do."""
    shelf = Shelf(SteppingClock(), 10)
    shelf.require_fit(FILE)
    shelf.max_bytes = 10
    shelf.require_fit(FILE)
    shelf.max_bytes = 9
    with pytest.raises(PermanentError, match=r"x.csv has 10 bytes \(1 rows\), and at most 9 are taken. Nothing was sent."):
        shelf.require_fit(FILE)


def test_a_file_that_is_there_at_once_costs_one_look():
    """No wait."""
    clock = SteppingClock()
    Shelf(clock, 10).confirm(FILE, "size", 60)
    assert clock.waits == []


def test_a_file_is_waited_for_at_growing_intervals():
    """Missing, half there, and a look that failed are all reasons to look again."""
    clock = SteppingClock()
    Shelf(clock, None, 5, TemporaryError("busy"), 10).confirm(FILE, "content", 60)
    assert clock.waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (None, "it is not there"),
        (5, "5 of its 10 bytes are there"),
        (TemporaryError("busy"), r"could not be looked at \(busy\)"),
    ],
)
def test_a_file_that_does_not_come_is_told_as_it_was_last_seen(seen, words):
    """After no longer than the given time."""
    clock = SteppingClock()
    with pytest.raises(TemporaryError, match=f"after 20 s .*{words}.* raise shelf.verify_secs"):
        Shelf(clock, seen).confirm(FILE, "size", 20)
    assert clock.monotonic_secs() <= 20


def test_other_bytes_of_the_same_size_are_seen_only_when_compared():
    """Which is what `content` is for."""
    Shelf(SteppingClock(), 10, digest="other").confirm(FILE, "size", 0)
    with pytest.raises(TemporaryError, match="other bytes are there"):
        Shelf(SteppingClock(), 10, digest="other").confirm(FILE, "content", 0)


def test_nothing_is_asked_where_nothing_is_compared():
    """`none` does not look at all."""
    shelf = Shelf(SteppingClock(), PermanentError("asked"))
    assert shelf.confirm(FILE, "none", 60) is None


def test_a_refusal_to_look_is_not_waited_for():
    """A person must act."""
    clock = SteppingClock()
    with pytest.raises(PermanentError, match="refused"):
        Shelf(clock, PermanentError("refused")).confirm(FILE, "size", 60)
    assert clock.waits == []


@pytest.mark.parametrize(
    ("digest", "held"),
    [("digest", True), ("other", False), (None, False), (TemporaryError("x"), False), (PermanentError("x"), False)],
)
def test_only_the_same_bytes_are_the_file(digest, held):
    """What cannot be found out is no yes."""
    assert Shelf(SteppingClock(), 10, digest=digest).holds(FILE) is held


def test_a_wait_ends_when_the_process_stops():
    """At once, with an error that leaves the delivery for the next run."""
    stopping = threading.Event()
    threading.Timer(0.05, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(TemporaryError, match="stopping"):
        ThreadClock(stopping).wait(60)
    assert time.monotonic() - began < 30


def test_a_wait_without_a_stop_lasts():
    """A wait of nothing or less returns."""
    clock = ThreadClock()
    before = clock.monotonic_secs()
    clock.wait(-1)
    clock.wait(0.01)
    assert clock.monotonic_secs() - before >= 0.009


def test_a_target_must_say_what_it_is():
    """The three abstract methods have no default."""
    with pytest.raises(TypeError, match="abstract"):
        LookupTarget(Config(), ThreadClock())  # type: ignore[abstract]
