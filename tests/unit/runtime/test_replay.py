import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from wellhead.runtime.replay import SeenRecords

IDENTITY = ("time", "uuid")
SCHEMA = pa.schema([("time", pa.timestamp("ms", tz="UTC")), ("uuid", pa.string()), ("other", pa.int64())])

rows = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.one_of(st.none(), st.integers(0, 5)),
            "uuid": st.one_of(st.none(), st.sampled_from(["a", "b", "c", "ü", ""])),
            "other": st.integers(0, 9),
        }
    ),
    max_size=30,
)


def batch(items) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(items, schema=SCHEMA)


def identities(table: pa.RecordBatch) -> list[tuple[object, object]]:
    return list(zip(table.column("time").to_pylist(), table.column("uuid").to_pylist(), strict=True))


@given(known=rows, again=rows)
def test_only_records_the_topic_holds_are_left_out(known, again):
    """Exactly the rows with a complete identity that was read back are dropped; the others keep their order and values."""
    seen = SeenRecords(IDENTITY, [batch(known[:10]), batch(known[10:])])
    kept = seen.unseen(batch(again))
    held = {pair for pair in identities(batch(known)) if None not in pair}
    expected = [row for row, pair in zip(batch(again).to_pylist(), identities(batch(again)), strict=True) if pair not in held]
    assert kept.to_pylist() == expected


def test_equal_first_hashes_are_told_apart():
    """Two identities that share one 64-bit hash are still different records."""
    seen = SeenRecords(IDENTITY, [batch([{"time": 1, "uuid": "a", "other": 0}, {"time": 2, "uuid": "b", "other": 0}])])
    assert len(seen) == 2
    seen._first = seen._first[:1].repeat(2)
    probe = batch([{"time": 9, "uuid": "zzz", "other": 0}])
    assert seen.unseen(probe).num_rows == 1


def test_nothing_known_keeps_everything():
    """With an empty topic a replay drops nothing."""
    table = batch([{"time": 1, "uuid": "a", "other": 0}])
    assert SeenRecords(IDENTITY, []).unseen(table) is table
