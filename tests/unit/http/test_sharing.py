"""The rule of a shared budget, in simulated time: never over the limit, fair, live first, nothing left lying."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharers import Sharer, World

from wellhead.http.reports import Claim, Report, Told
from wellhead.http.sharing import ALIVE_MS, GRAINS, LATE_MS, RESERVE, SLICES, SharedWindow, claimant_name, valid_ms

LONG_AGO_MS = 1_700_000_000_000


def disturb(world: World, sharers: list[Sharer], draw: Random) -> None:
    """Let things happen to the processes: kills, freezes, newcomers, a broker that is away, now and then."""
    for number in range(draw.randrange(6)):
        at, who = draw.uniform(0, 5 * world.window_secs), draw.choice(sharers)
        match draw.randrange(4):
            case 0:
                world.at(at, lambda who=who: setattr(who, "dead", True))
            case 1:
                until = at + draw.uniform(0, 3 * world.window_secs)
                world.at(at, lambda who=who, until=until: setattr(who, "frozen_until", until))
            case 2:
                live = draw.random() < 0.7
                world.at(at, lambda number=number, live=live: sharers.append(Sharer(world, f"new{number}", live=live)))
            case _:
                back = at + draw.uniform(0, 2 * world.window_secs)
                away = world.broker_away
                world.broker_away = lambda now, at=at, back=back, away=away: away(now) or at <= now < back


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 4),
    calls=st.integers(1, 40),
    window_secs=st.sampled_from([1.0, 5.0, 20.0]),
    slow_secs=st.sampled_from([0.02, 0.3, 1.0]),
    says=st.booleans(),
)
def test_no_window_ever_holds_more_than_the_limit(seed, count, calls, window_secs, slow_secs, says):  # noqa: PLR0917
    """Whatever is delayed, killed, frozen or joins, and wherever the window begins, the vendor never counts more than the limit."""
    draw = Random(seed)
    world = World(draw, calls=calls, window_secs=window_secs, slow_secs=slow_secs, says_remaining=says)
    sharers = [Sharer(world, f"p{n}", live=draw.random() < 0.7, callers=draw.randrange(1, 5)) for n in range(count)]
    disturb(world, sharers, draw)
    world.run(6 * window_secs)
    assert world.refused == 0
    assert world.most_in_any_window() <= calls


def saturated(world: World, windows: int, after: float = 3.0) -> float:
    """Give the part of the quota used in so many windows, once it is under way."""
    world.run((after + windows) * world.window_secs)
    first = after * world.window_secs
    return sum(at > first for at in world.arrivals) / (windows * world.calls)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("calls", "window_secs"), [(30, 10.0), (100, 20.0), (200, 10.0)])
def test_a_saturated_quota_is_used(seed, calls, window_secs):
    """Three processes that want all they can get use 90 % of the quota at least, each its third, to a few calls a window."""
    world = World(Random(seed), calls=calls, window_secs=window_secs)
    _ = [Sharer(world, name, callers=5) for name in "abc"]
    assert saturated(world, 8) >= 0.9
    made = [world.within(name, 3 * window_secs, 11 * window_secs) for name in "abc"]
    assert max(made) - min(made) <= max(8, sum(made) * 0.05)
    assert world.refused == 0


def test_a_quota_told_by_headers_is_used_all_the_same():
    """A vendor that counts down in its answers says no less than our own count; it does not slow anybody."""
    world = World(Random(1), calls=100, window_secs=10.0, says_remaining=True)
    _ = [Sharer(world, name, callers=5) for name in "abc"]
    assert saturated(world, 8) >= 0.9
    assert world.refused == 0


def test_a_lone_process_has_all_of_it():
    """Nobody keeps calls for others that are not there."""
    world = World(Random(2), calls=100, window_secs=10.0)
    _ = Sharer(world, "a", callers=5)
    assert saturated(world, 8) >= 0.9


def test_the_others_take_over_what_a_killed_one_had():
    """A process that is gone holds its calls for a window and a bit; then the others use the whole quota."""
    world = World(Random(3), calls=100, window_secs=10.0)
    first, *_ = [Sharer(world, name, callers=5) for name in "abc"]
    world.run(50)
    first.dead = True
    world.run(50 + valid_ms(10_000) / 1000 + LATE_MS / 1000 + 20)
    now = world.now
    world.run(now + 100)
    assert sum(world.within(name, now, now + 100) for name in "bc") >= 0.9 * 1_000
    assert world.refused == 0


def test_live_goes_before_backfill():
    """Backfill leaves live its pace and takes the rest; what live wants all of, backfill gets none of."""
    world = World(Random(4), calls=100, window_secs=10.0)
    _ = [Sharer(world, "live", callers=1, demand_secs=0.3), Sharer(world, "past", live=False, callers=5)]
    assert saturated(world, 8) >= 0.9
    alone = World(Random(4), calls=100, window_secs=10.0)
    _ = Sharer(alone, "live", callers=1, demand_secs=0.3)
    alone.run(110)
    assert world.within("live", 30, 110) >= 0.9 * alone.within("live", 30, 110)
    _ = Sharer(world, "busy", callers=5)
    world.run(140)
    assert world.within("past", 130, 140) <= 5
    assert world.refused == 0


def test_backfill_alone_may_use_the_quota():
    """Where nobody is live nothing is kept back."""
    world = World(Random(5), calls=100, window_secs=10.0)
    _ = [Sharer(world, name, live=False, callers=5) for name in "ab"]
    assert saturated(world, 8) >= 0.9


def test_without_a_broker_nobody_calls():
    """While the log takes nothing, what was granted runs out within seconds, and then the vendor is left alone."""
    world = World(Random(6), calls=100, window_secs=10.0, broker_away=lambda now: 40 <= now < 80)
    _ = [Sharer(world, name, callers=5) for name in "abc"]
    world.run(130)
    assert not [at for at in world.arrivals if 40 + valid_ms(10_000) / 1000 + 1 < at < 80]
    assert sum(at > 100 for at in world.arrivals) >= 0.9 * 300
    assert world.refused == 0


def test_a_stranger_on_the_account_slows_all_of_them():
    """Where others use the credential, too, headers and a few refusals bring the group down to what is left."""
    world = World(Random(7), calls=200, window_secs=10.0, says_remaining=True)
    _ = [Sharer(world, name, callers=5) for name in "abc"]
    for second in range(200):
        world.at(second, lambda: world.foreign.extend([world.now] * 5))
    world.run(200)
    assert world.refused <= 60  # without sharing what is told, several hundred
    assert len([at for at in world.arrivals if at > 100]) >= 0.5 * 10 * 150


# The rule itself, message by message


class Log:
    """A log read as it is written; an hour's window, so that passing seconds free nothing by themselves."""

    def __init__(self, *, calls=10, window_ms=3_600_000) -> None:
        self.window = SharedWindow()
        self.calls, self.window_ms = calls, window_ms
        self.offset, self.now_ms = -1, LONG_AGO_MS
        self.granted: dict[str, dict[int, int]] = {}

    def say(self, member, target=0, *, live=True, after_ms=0, done=None, back=None, **more):
        self.offset += 1
        self.now_ms += after_ms
        claim = Claim(live, target, more.pop("calls", self.calls), self.window_ms, done or {}, back or {})
        grants = self.window.apply(self.offset, self.now_ms, Report(member, self.offset, {"feed": claim}, **more))
        for name, calls in grants.items():
            self.granted.setdefault(name, {})[self.offset] = calls
        return grants

    def pace(self):
        """Let the pace be forgotten, as if time had passed."""
        self.window._spent = {True: 0, False: 0}

    def hold(self, member, target):
        """Let one hold so many."""
        while sum(self.granted.get(claimant_name(member, "feed"), {}).values()) < target:
            self.pace()
            assert self.say(member, target)
        self.pace()

    def all_of(self, member):
        return self.granted.pop(claimant_name(member, "feed"))


A, B, C = (claimant_name(member, "feed") for member in "abc")
HOUR_MS = 3_600_000


def test_what_is_free_goes_to_whoever_holds_fewest():
    """A newcomer is given what comes free until it holds as many as the others, then they take turns."""
    log = Log(calls=12)
    log.hold("a", 8)
    log.hold("b", 4)
    assert log.say("c", 4) == {}
    assert log.say("b", 8) == {}
    assert log.say("a", 5, back=dict.fromkeys(log.granted[A], 1)) == {C: 3}
    assert log.say("a", 0, back={0: 2}) == {B: 1, C: 1}


def test_an_ended_call_counts_for_one_window():
    """Not a millisecond less, for the vendor may have counted it just before its end was told; nor longer."""
    log = Log()
    log.hold("a", 10)
    log.say("a", 0, done=log.all_of("a"))
    assert log.say("b", 2, after_ms=HOUR_MS - 1) == {}
    assert log.say("b", 2, after_ms=1) == {B: 2}


def test_calls_that_cool_together_cool_until_the_last_of_them():
    """Ends told at about the same time are kept as one, never at the cost of the limit."""
    log = Log(calls=2)
    log.hold("a", 2)
    granted = list(log.all_of("a"))
    log.say("a", 0, done={granted[0]: 1})
    log.say("a", 0, done={granted[1]: 1}, after_ms=HOUR_MS // GRAINS)
    assert log.say("b", 1, after_ms=HOUR_MS - 1) == {}
    assert log.say("b", 1, after_ms=1) == {B: 1}


def test_when_a_call_is_free_again_can_be_told():
    """At once while some are left; at the pace's time, a window after the first end, or after a pause."""
    log = Log(calls=80, window_ms=80_000)
    log.say("a", 19)
    assert log.window.next_free_ms(is_live=True) == 0
    log.say("a", 21)
    assert log.window.next_free_ms(is_live=True) == 800
    log.hold("a", 80)
    log.say("a", 0, done=log.all_of("a"))
    log.pace()
    assert log.window.next_free_ms(is_live=True) == 80_000
    log.say("a", 0, pause_ms=90_000, after_ms=1_000)
    assert log.window.next_free_ms(is_live=False) == 90_000


def test_a_call_given_back_is_free_at_once():
    """What never went out counts for nothing."""
    log = Log()
    log.hold("a", 10)
    assert log.say("b", 2) == {}
    assert log.say("a", 8, back={0: 2}) == {B: 2}


def test_what_a_dead_process_holds_is_free_in_the_end():
    """Neither before its calls can have reached the vendor a window ago, nor ever later."""
    log = Log()
    log.hold("a", 10)
    log.say("b", 2, after_ms=valid_ms(HOUR_MS) + LATE_MS)
    assert log.say("b", 2, after_ms=HOUR_MS - 1) == {}
    assert log.say("b", 2, after_ms=1) == {B: 2}


def test_an_end_told_twice_or_too_late_counts_once():
    """Calls are named by what granted them: a strange or late word takes nothing from others."""
    log = Log()
    log.say("a", 2)
    log.say("a", 3, done={0: 2})
    log.say("a", 3, done={0: 2, 77: 5})
    log.say("a", 3, back={0: 1})
    assert log.window.held == 3


def test_who_has_gone_silent_wants_nothing():
    """Nothing is granted to a process of which nobody has heard for long."""
    log = Log()
    log.hold("b", 10)
    log.say("a", 4)
    log.say("b", 0, back=log.all_of("b"), after_ms=ALIVE_MS + 1)
    assert log.window.held == 0


def test_a_brokers_clock_that_steps_back_gives_nothing_away():
    """Time goes on from where it was; nothing is free earlier, and not much later."""
    log = Log()
    log.hold("a", 10)
    log.say("a", 0, done=log.all_of("a"))
    assert log.say("b", 2, after_ms=-5 * HOUR_MS) == {}
    assert log.say("b", 2, after_ms=HOUR_MS - 1) == {}
    assert log.say("b", 2, after_ms=1) == {B: 2}


def test_the_fewest_calls_and_the_longest_window_hold():
    """Sharers that disagree are held to the strictest of them, and it is told."""
    log = Log()
    log.say("a", 1)
    assert not log.window.differs
    for _ in range(9):
        log.say("b", 9, calls=4)
        log.pace()
    assert (log.window.limit, log.window.held, log.window.differs) == (4, 4, True)


def test_a_refusal_stops_everybody():
    """A 429 seen by one: nothing is granted until it is over, and what has not begun is recalled."""
    log = Log()
    log.say("a", 1)
    assert log.say("b", 2, pause_ms=5_000) == {}
    assert (log.window.recalled, log.window.paused_ms, log.window.left()) == (1, 5_000, 0)
    assert log.say("b", 2, after_ms=4_999) == {}
    assert log.say("b", 2, after_ms=1) == {B: 2}


def test_the_vendors_word_lowers_what_is_left_for_all():
    """Nineteen by our count, three by the vendor's, of which one call is under way: two are left, until it says that there are new ones."""
    log = Log(calls=20)
    log.say("a", 1)
    assert log.say("b", 4, told=Told(3, 4_000, 0)) == {B: 2}
    assert log.say("b", 4, after_ms=3_999) == {}
    assert log.say("b", 4, after_ms=1) == {B: 2}


def test_an_older_word_does_not_count():
    """Of two processes that tell what the vendor said, the one whose call began later knows more."""
    log = Log(calls=20)
    log.say("a", 1)
    log.say("a", 1, told=Told(2, 60_000, 1))
    assert log.say("b", 4, told=Told(4, 60_000, 0)) == {B: 1}


def test_backfill_leaves_a_reserve_and_live_a_turn_to_others():
    """Nobody takes a window's calls at once; and while live is known, some calls are kept free for it."""
    log = Log(calls=80, window_ms=80_000)
    assert log.say("a", 80) == {A: 80 // SLICES[True]}
    log.say("a", 20)
    assert log.say("b", 80, live=False) == {B: 80 // SLICES[False]}
    assert log.say("b", 80, live=False, after_ms=4_000) == {B: 5}
    for _ in range(40):
        log.pace()
        log.say("b", 80, live=False)
    assert log.window.left() == 80 // RESERVE
    assert log.say("a", 23) == {A: 3}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.booleans(), st.integers(-50, 4_000)), max_size=30))
def test_a_state_that_was_written_goes_on_alike(said):
    """Whoever joins by a state in the log comes to the same grants as those who read it from its start."""
    log = Log()
    other: SharedWindow | None = None
    for number, (member, target, live, after_ms) in enumerate(said):
        before = log.window.to_state()
        granted = log.say(member, target, live=live, after_ms=after_ms, done={number - 2: 1, number - 4: 2})
        other = other or SharedWindow.from_state(json.loads(json.dumps(before)))
        claim = Claim(live, target, log.calls, log.window_ms, {number - 2: 1, number - 4: 2}, {})
        assert other.apply(log.offset, log.now_ms, Report(member, log.offset, {"feed": claim})) == granted
        assert other.to_state() == log.window.to_state()
