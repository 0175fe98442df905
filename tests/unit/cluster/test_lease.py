"""A lease lasts as long as proofs that were sent in time say, and no answer that comes late brings a lost one back."""

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.cluster.lease import MARGIN_SECS, PROOF_SECS, BootClock, Lease, Proofs
from wellhead.testing.clock import FakeClock

SESSION_SECS = 10.0
TERM_SECS = SESSION_SECS - MARGIN_SECS


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def proofs(clock: FakeClock) -> Proofs:
    return Proofs(clock, SESSION_SECS)


def test_a_term_counts_from_before_the_proof_was_sent(clock, proofs):
    """However long the answer takes, the lease ends a margin before the session that the proof began."""
    number = proofs.begin()
    clock.advance(3)
    assert not proofs.lease.valid()
    proofs.accepted(number)
    assert proofs.lease.left_secs() == pytest.approx(TERM_SECS - 3)
    clock.advance(TERM_SECS - 3)
    assert not proofs.lease.valid()


def test_answers_out_of_order_never_shorten_a_lease(clock, proofs):
    """The newest proof that was accepted counts, in whatever order answers come."""
    first = proofs.begin()
    clock.advance(1)
    second = proofs.begin()
    proofs.accepted(second)
    until_secs = proofs.lease.until_secs
    proofs.accepted(first)
    assert proofs.lease.until_secs == until_secs


def test_a_proof_sent_before_the_loss_proves_nothing_after_it(clock, proofs):
    """An answer that was under way when the partitions were lost renews neither the old lease nor the next."""
    number = proofs.begin()
    old = proofs.lease
    proofs.lost()
    proofs.accepted(number)
    assert not old.valid()
    assert not proofs.lease.valid()


def test_a_lost_lease_stays_lost(clock, proofs):
    """What was started under a lost lease cannot go on under the next one."""
    proofs.accepted(proofs.begin())
    old = proofs.lease
    assert old.valid()
    proofs.lost()
    proofs.accepted(proofs.begin())
    assert proofs.lease.valid()
    assert not old.valid()
    assert old.ended


def test_an_answer_counts_once_and_unknown_ones_never(clock, proofs):
    """A number that was never sent, or was answered already, moves nothing."""
    number = proofs.begin()
    proofs.accepted(number + 1)
    assert not proofs.lease.valid()
    proofs.accepted(number)
    clock.advance(TERM_SECS)
    proofs.accepted(number)
    assert not proofs.lease.valid()


def test_proofs_are_due_every_second_and_at_once_after_a_loss(clock, proofs):
    """A proof is due at first, then a second after the last one was sent, and at once where it is wanted soon."""
    assert proofs.due()
    proofs.begin()
    assert not proofs.due()
    clock.advance(PROOF_SECS)
    assert proofs.due()
    proofs.begin()
    proofs.soon()
    assert proofs.due()
    proofs.begin()
    proofs.lost()
    assert proofs.due()


events = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 4)),
        st.tuples(st.just("send"), st.just(0.0)),
        st.tuples(st.just("answer"), st.floats(0, 1)),
        st.tuples(st.just("lose"), st.just(0.0)),
    ),
    max_size=60,
)


@given(events)
def test_a_lease_is_valid_only_within_the_session_of_an_accepted_proof(steps):
    """Whatever is sent, answered late, lost or never answered: a valid lease means a proof of this membership within session minus margin."""
    clock = FakeClock()
    proofs = Proofs(clock, SESSION_SECS)
    under_way: dict[int, float] = {}
    since_loss: list[float] = []  # when the accepted proofs of this membership were sent
    ended: list[Lease] = []
    for step, value in steps:
        if step == "pass":
            clock.advance(value)
        elif step == "send":
            under_way[proofs.begin()] = clock.monotonic_secs()
        elif step == "lose":
            ended.append(proofs.lease)
            proofs.lost()
            under_way = {number: float("-inf") for number in under_way}
            since_loss = []
        elif under_way:
            number = sorted(under_way)[int(value * (len(under_way) - 1))]
            proofs.accepted(number)
            since_loss.append(under_way.pop(number))
        proven = any(clock.monotonic_secs() < sent_secs + TERM_SECS for sent_secs in since_loss)
        assert proofs.lease.valid() == proven
        assert not any(lease.valid() for lease in ended)


def test_waiting_ends_with_the_proof(clock, proofs):
    """`wait` returns True when the lease becomes valid, told from another thread."""

    async def scenario() -> bool:
        waiting = asyncio.create_task(proofs.lease.wait())
        await asyncio.sleep(0)
        thread = threading.Thread(target=lambda: proofs.accepted(proofs.begin()))
        thread.start()
        found = await waiting
        thread.join()
        return found

    assert asyncio.run(scenario())


def test_waiting_for_a_lease_that_ended_gives_false(clock, proofs):
    """`wait` returns False where the lease can never be valid again, before and while it is waited for."""

    async def scenario() -> tuple[bool, bool]:
        lease = proofs.lease
        waiting = asyncio.create_task(lease.wait())
        await asyncio.sleep(0)
        threading.Thread(target=proofs.lost).start()
        return await waiting, await lease.wait()

    assert asyncio.run(scenario()) == (False, False)


def test_a_valid_lease_is_not_waited_for(clock, proofs):
    """`wait` on a valid lease gives way to nobody, so what was checked before it still holds."""
    proofs.accepted(proofs.begin())
    waiting = proofs.lease.wait()
    with pytest.raises(StopIteration) as done:
        waiting.send(None)
    assert done.value.value is True


def test_the_end_is_seen_however_often_it_was_renewed(clock, proofs):
    """`wait_over` outlasts renewals and returns once time has run out."""

    async def scenario() -> float:
        proofs.accepted(proofs.begin())
        over = asyncio.create_task(proofs.lease.wait_over())
        for _ in range(5):
            await clock.pass_time(PROOF_SECS)
            proofs.accepted(proofs.begin())
        assert not over.done()
        renewed_secs = clock.monotonic_secs()
        while not over.done():
            await clock.pass_time(PROOF_SECS)
        return clock.monotonic_secs() - renewed_secs

    assert asyncio.run(scenario()) == pytest.approx(TERM_SECS)


def test_a_loss_ends_the_wait_at_once(clock, proofs):
    """`wait_over` returns when the lease is lost, though time is left."""

    async def scenario() -> float:
        proofs.accepted(proofs.begin())
        over = asyncio.create_task(proofs.lease.wait_over())
        await clock.until_sleeping()
        threading.Thread(target=proofs.lost).start()
        await over
        return clock.monotonic_secs()

    assert asyncio.run(scenario()) == 0


def test_a_waiter_whose_loop_has_ended_disturbs_nobody(clock, proofs):
    """A renewal passes over waiters that were cancelled with their loop."""

    async def give_up() -> None:
        waiting = asyncio.create_task(proofs.lease.wait())
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(give_up())
    proofs.accepted(proofs.begin())
    assert proofs.lease.valid()


def test_the_clock_of_a_lease_counts_suspended_time():
    """The lease's own clock is the machine's boot time where there is one, which never stands still."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
    now = BootClock().monotonic_secs()
    after = time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
    assert before <= now <= after
