"""More writes at once while they go well, fewer as soon as they do not."""

from contextlib import ExitStack

from wellhead.migration.copy.gate import AdaptiveGate
from wellhead.testing.blockingclock import SteppingClock


def gate_of(most: int = 16, clock: SteppingClock | None = None) -> AdaptiveGate:
    return AdaptiveGate(most, slow_secs=1.0, clock=clock or SteppingClock())


def write(gate: AdaptiveGate, clock: SteppingClock, secs: float = 0.1, *, busy: bool = False) -> None:
    with gate.turn() as turn:
        clock.advance(secs)
        turn.secs, turn.busy = secs, busy


def test_it_opens_quickly_until_the_store_first_says_no():
    """Each good write makes room for one more, up to the most."""
    clock = SteppingClock()
    gate = gate_of(4, clock)
    assert gate.limit == 2
    write(gate, clock)
    assert gate.limit == 3
    for _ in range(5):
        write(gate, clock)
    assert gate.limit == 4


def test_after_a_decrease_it_grows_by_about_one_for_each_round():
    """As many good writes as there is room for make room for one more: near what the store can take, steps are small."""
    clock = SteppingClock()
    gate = gate_of(8, clock)
    for _ in range(8):
        write(gate, clock)
    write(gate, clock, busy=True)
    assert gate.limit == 4
    for _ in range(4):
        write(gate, clock)
    assert gate.limit == 4
    write(gate, clock)
    assert gate.limit == 5


def test_a_refusal_halves_it_and_slowness_takes_a_third():
    """429 is worse than slow; there is always room for one."""
    clock = SteppingClock()
    gate = gate_of(16, clock)
    for _ in range(200):
        write(gate, clock)
    assert gate.limit == 16
    write(gate, clock, busy=True)
    assert gate.limit == 8
    write(gate, clock, 3.0)
    assert gate.limit == 5
    for _ in range(10):
        write(gate, clock, busy=True)
    assert gate.limit == 1


def test_writes_under_way_together_count_as_one_decrease():
    """All that began before the limit fell tell of the same load."""
    clock = SteppingClock()
    gate = gate_of(8, clock)
    for _ in range(60):
        write(gate, clock)
    assert gate.limit == 8
    with ExitStack() as writes:
        turns = [writes.enter_context(gate.turn()) for _ in range(6)]
        clock.advance(1)
        for turn in turns:
            turn.secs, turn.busy = 0.5, True
    assert gate.limit == 4


def test_an_error_says_nothing_about_room():
    """A write that ended without an answer changes nothing."""
    clock = SteppingClock()
    gate = gate_of(8, clock)
    with gate.turn():
        clock.advance(9)
    assert gate.limit == 2
