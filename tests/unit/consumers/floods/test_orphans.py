from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.floods.orphans import allotted, bound, orphans

TIMES = st.lists(st.integers(0, 8), max_size=9)


def matched(asked: list[int], since: list[int]) -> int:
    """The most upstream legs that can each have a client of their own, by augmenting paths: slow and plain."""
    client_of: dict[int, int] = {}

    def place(leg: int, tried: set[int]) -> bool:
        for client, came in enumerate(since):
            if came > asked[leg] or client in tried:
                continue
            tried.add(client)
            if client not in client_of or place(client_of[client], tried):
                client_of[client] = leg
                return True
        return False

    return sum(place(leg, set()) for leg in range(len(asked)))


@given(TIMES, TIMES)
def test_the_bound_is_what_no_assignment_of_clients_can_explain(asked, since):
    """As many legs are orphans at least as are left over by the best assignment of legs to clients that were there when they were asked."""
    count, by = bound(np.array(asked, np.int64), np.array(since, np.int64))
    assert count == len(asked) - matched(asked, since)
    # And they are among those last asked by the time that is named.
    among = [time for time in asked if time <= by]
    assert len(among) - matched(among, since) == count


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=6))
def test_orphans_are_allotted_whole_and_no_certainty_is_made_up(count, families):
    """What families are allotted adds up, none gets more than it has, and what is certain of one is what all others cannot hold."""
    every = sum(legs for legs, _ in families)
    count = min(count, every)
    found = allotted(count, [(f"f{number}", legs, legs if fed else 0) for number, (legs, fed) in enumerate(families)])
    assert sum(likely for _, likely, _ in found) == count
    for name, likely, certain in found:
        legs = families[int(name[1:])][0]
        assert certain == max(0, count - (every - legs))
        assert certain <= likely <= legs


def frame(*legs: tuple[str, int, int | None, int | None, str | None]) -> pl.DataFrame:
    schema = {"direction": pl.String, "since": pl.Int64, "asked": pl.Int64, "fed": pl.Int64, "process": pl.String}
    return pl.DataFrame(list(legs), schema=schema, orient="row")


def test_what_has_no_clients_by_nature_has_no_orphans():
    """Connections of a process that never had a client, a monitor's or a log shipper's, need none."""
    legs = frame(*[("server", 5, 5, None, "shipper")] * 30, ("client", 5, 5, None, "proxy"), ("server", 6, 6, None, "proxy"))
    assert orphans(legs, {"proxy"}).count == 0
    assert orphans(legs, {"proxy", "shipper"}).count == 30


def test_where_a_process_cannot_be_seen_all_are_one():
    """A client whose process is not known may be anybody's, so nobody's leg is said to have none."""
    legs = frame(("server", 5, 5, None, "proxy"), ("client", 5, 5, None, None))
    assert orphans(legs, {"proxy"}).count == 0


def test_where_bytes_cannot_be_seen_a_later_client_may_own_a_leg():
    """Without bytes a leg may have been asked at any time, so only the plain surplus is certain."""
    late = [("client", 9, None, None, "proxy")] * 3
    assert orphans(frame(*[("server", 5, None, None, "proxy")] * 4, *late), {"proxy"}).count == 1
    assert orphans(frame(*[("server", 5, 5, None, "proxy")] * 4, *late), {"proxy"}).count == 4


def test_legs_that_still_receive_are_named_first():
    """Of two families that could be it, the one that is still sent what nobody asked for is."""
    assert allotted(10, [("*.busy.example", 90, 0), ("*.ticker.example", 10, 10)])[0] == ("*.ticker.example", 10, 0)
