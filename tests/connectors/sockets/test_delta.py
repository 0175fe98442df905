"""Tests of what a snapshot is told as: whoever folds the records as the guide says has exactly what the gateway has."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from connectors.sockets.delta import KEY, WATCHED, Delta

SCHEMA = {
    "local_ip": pl.String,
    "local_port": pl.Int32,
    "remote_ip": pl.String,
    "remote_port": pl.Int32,
    "state": pl.String,
    "direction": pl.String,
    "remote_name": pl.String,
    "uid": pl.Int64,
    "inode": pl.Int64,
    "pid": pl.Int32,
    "process": pl.String,
    "complete": pl.Boolean,
    "idle_secs": pl.Float64,
    "bytes_sent": pl.Int64,
    "bytes_received": pl.Int64,
}
OTHER = {"direction": "server", "remote_name": None, "uid": 0, "pid": 7, "process": "p", "complete": True}


def frame(held):
    """A snapshot of `{port: (state, inode, sent)}`."""
    rows = [
        {
            **OTHER,
            "local_ip": "10.0.0.1",
            "local_port": port,
            "remote_ip": "198.51.100.7",
            "remote_port": 443,
            "state": state,
            "inode": inode,
            "idle_secs": 0.0,
            "bytes_sent": sent,
            "bytes_received": sent,
        }
        for port, (state, inode, sent) in held.items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def fold(known, records):
    """Fold one snapshot's records as the guide says, row by row."""
    whole = any(row["change"] == "full" for row in records)
    known = {} if whole else dict(known)
    for row in records:
        key = tuple(row[name] for name in KEY)
        if row["change"] == "closed":
            del known[key]
        else:
            assert whole or (row["change"] == "changed") == (key in known) or row["change"] == "opened"
            known[key] = tuple(row[name] for name in WATCHED)
    return known


SOCKETS = st.tuples(st.sampled_from(["ESTABLISHED", "CLOSE_WAIT"]), st.sampled_from([0, 11, 12]), st.integers(0, 2))
SNAPSHOTS = st.lists(st.dictionaries(st.integers(1, 4), SOCKETS, max_size=4), min_size=1, max_size=8)


@given(SNAPSHOTS, st.integers(1, 4))
def test_folding_what_is_told_gives_what_there_is(snapshots, full_every):
    """After each snapshot, however often it is told whole, also when nothing is left; nothing is there before the first."""
    delta, known = Delta(full_every), {}
    for number, held in enumerate(snapshots):
        records = delta.step(frame(held), 1_000 * number).to_dicts()
        known = fold(known, records)
        there = {tuple(row[name] for name in KEY): tuple(row[name] for name in WATCHED) for row in frame(held).to_dicts()}
        assert known == there


def test_the_last_connections_are_told_closed_even_when_all_is_due():
    """No record can say that there is nothing; without these a reader would hold them for ever."""
    delta = Delta(2)
    held = {1: ("ESTABLISHED", 11, 0)}
    told = [delta.step(frame(each), 0)["change"].to_list() for each in (held, held, {}, {}, {}, held)]
    assert told == [["full"], [], ["closed"], [], [], ["opened"]]


def test_what_did_not_change_is_not_told():
    """Only idle times went on."""
    delta = Delta(10)
    held = {1: ("ESTABLISHED", 11, 0), 2: ("ESTABLISHED", 12, 0)}
    assert delta.step(frame(held), 0)["change"].to_list() == ["full", "full"]
    assert delta.step(frame(held).with_columns(idle_secs=pl.lit(9.0)), 10_000).is_empty()


def test_another_connection_between_the_same_ports_is_a_new_one():
    """By its inode; one that lost its inode on its way out is not."""
    delta = Delta(10)
    delta.step(frame({1: ("ESTABLISHED", 11, 0), 2: ("ESTABLISHED", 12, 0)}), 0)
    told = delta.step(frame({1: ("ESTABLISHED", 99, 0), 2: ("LAST_ACK", 0, 0)}), 10_000)
    assert told.select("local_port", "change", "since", "age_secs").rows() == [
        (1, "opened", 10_000, 0.0),
        (2, "changed", 0, 10.0),
    ]


def test_a_clock_that_was_set_back_makes_nothing_younger_than_new():
    """Ages are never negative."""
    delta = Delta(1)
    delta.step(frame({1: ("ESTABLISHED", 11, 0)}), 60_000)
    assert delta.step(frame({1: ("ESTABLISHED", 11, 0)}), 0)["age_secs"].to_list() == [0.0]
