from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.flooded import START_MS, records, snapshot, upstream
from wellhead.consumers.floods.connections import Connections

STEP_MS = 10_000


class Plain:
    """The same, connection by connection, from what the words of the records mean."""

    def __init__(self) -> None:
        self.held: dict[int, dict[str, Any]] = {}

    def take(self, changes: list[tuple[str, int, int, int]], time_ms: int, *, full: bool) -> None:
        last = {port: (change, sent, received) for change, port, sent, received in changes}
        for port, (change, sent, received) in last.items():
            old = self.held.pop(port, None)
            if change == "closed":
                continue
            if old is None or change == "opened" or sent < old["sent"] or received < old["received"]:
                self.held[port] = {"asked": time_ms, "fed": None, "active": time_ms, "sent": sent, "received": received}
                continue
            grew, came = sent > old["sent"], received > old["received"]
            self.held[port] = {
                "asked": time_ms if grew else old["asked"],
                "fed": time_ms if came else old["fed"],
                "active": time_ms if grew or came else old["active"],
                "sent": sent,
                "received": received,
            }
        if full:
            self.held = {port: one for port, one in self.held.items() if port in last}


CHANGES = st.lists(
    st.tuples(st.sampled_from(["opened", "changed", "closed"]), st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)),
    max_size=8,
)
SNAPSHOTS = st.lists(st.tuples(st.booleans(), CHANGES, st.integers(0, 8)), max_size=8)


def rows_of(changes: list[tuple[str, int, int, int]], time_ms: int, number: int) -> pl.DataFrame:
    made = []
    for change, port, sent, received in changes:
        one = upstream(port, "198.51.100.7", bytes_sent=sent, bytes_received=received, since_ms=None)
        made += snapshot([one], time_ms, number, change)
    return pl.DataFrame(pl.from_arrow(records(made)))


@settings(max_examples=150, deadline=None)
@given(SNAPSHOTS)
def test_connections_are_what_the_records_say_one_by_one(snapshots):
    """Any snapshots, full or not, cut anywhere, leave what taking each record by itself leaves; kept and read again, too."""
    plain, held = Plain(), Connections()
    for number, (full, found, cut) in enumerate(snapshots):
        time_ms = START_MS + number * STEP_MS
        changes = [("full", *rest) for _, *rest in found] if full else found
        # Of one connection a source says one thing a snapshot.
        changes = list({change[1]: change for change in changes}.values())
        for part in (changes[:cut], changes[cut:]):
            if part:
                held.fold(rows_of(part, time_ms, number), time_ms)
        held.finish()
        plain.take(changes, time_ms, full=full and bool(changes))
        again = Connections()
        again.restore(json.loads(json.dumps(held.kept())))
        assert again.frame.equals(held.frame)
        held = again
    wanted = {port + 1024: one for port, one in plain.held.items()}
    found = {
        row["local_port"]: {name: row[name] for name in ("asked", "fed", "active", "sent", "received")}
        for row in held.frame.iter_rows(named=True)
    }
    assert found == wanted


def one(connections: Connections) -> dict[str, Any]:
    return connections.frame.row(0, named=True)


def fold(connections: Connections, legs: list[dict[str, Any]], secs: int, change: str = "full") -> None:
    time_ms = START_MS + secs * 1000
    connections.fold(pl.DataFrame(pl.from_arrow(records(snapshot(legs, time_ms, secs, change)))), time_ms)
    connections.finish()


def test_a_source_that_starts_anew_makes_no_connection_younger():
    """What was there stays as old as it was known to be, though the source counts from its own start."""
    connections = Connections()
    fold(connections, [upstream(1, "198.51.100.7")], 0)
    fold(connections, [upstream(1, "198.51.100.7", since_ms=START_MS + 60_000)], 60)
    assert one(connections)["since"] == START_MS


def test_other_bytes_between_the_same_ports_are_another_connection():
    """Fewer bytes than before cannot be the same connection, so it is as young as it says."""
    connections = Connections()
    fold(connections, [upstream(1, "198.51.100.7")], 0)
    fold(connections, [upstream(1, "198.51.100.7", bytes_sent=1, since_ms=START_MS + 60_000)], 60)
    assert one(connections)["since"] == START_MS + 60_000


def test_idle_time_is_the_kernels_where_it_tells_and_unknown_where_nothing_tells():
    """The kernel's own idle time goes first, bytes come second; with neither, use is not known."""
    connections = Connections()
    fold(connections, [upstream(1, "198.51.100.7", idle_secs=42.0)], 50)
    assert one(connections)["active"] == START_MS + 8_000
    fold(connections, [upstream(1, "198.51.100.7", bytes_sent=None, bytes_received=None)], 60)
    assert one(connections)["active"] is None
    assert one(connections)["asked"] is None
