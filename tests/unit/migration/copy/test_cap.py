"""The source is asked for no more than the caps allow."""

from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.job import Caps
from wellhead.testing.blockingclock import SteppingClock


def cap_of(clock: SteppingClock, caps: Caps, share: float = 1.0) -> SourceCap:
    def pause(secs: float) -> bool:
        clock.wait(secs)
        return False

    return SourceCap(lambda: caps, lambda: share, clock, pause)


def read(cap: SourceCap, pages: int, docs: int) -> None:
    for _ in range(pages):
        with cap.page(docs):
            pass


def test_documents_come_at_the_rate_of_the_cap():
    """Ten pages of 100 at 50 a second take the time of the nine that follow the first."""
    clock = SteppingClock()
    read(cap_of(clock, Caps(docs_per_sec=50)), 10, 100)
    assert round(clock.monotonic_secs(), 6) == 18


def test_a_process_takes_its_share():
    """With a quarter of the partitions it reads a quarter."""
    clock = SteppingClock()
    cap = cap_of(clock, Caps(docs_per_sec=100, searches=8), share=0.25)
    read(cap, 3, 100)
    assert round(clock.monotonic_secs(), 6) == 8
    assert cap.searches == 2


def test_idle_time_is_not_saved_up():
    """After a long quiet the source is not flooded to make up for it."""
    clock = SteppingClock()
    cap = cap_of(clock, Caps(docs_per_sec=100))
    read(cap, 1, 100)
    clock.advance(1000)
    read(cap, 3, 100)
    assert round(clock.monotonic_secs(), 6) == 1002


def test_without_a_cap_nobody_waits():
    """0 means as fast as it goes; one search is always allowed."""
    clock = SteppingClock()
    cap = cap_of(clock, Caps(), share=0.01)
    read(cap, 100, 1000)
    assert clock.waits == []
    assert cap.searches == 1
