"""Tests of preparing a batch: transforms, then the encoder, with every record accounted for."""

import pyarrow as pa
import pytest
from scripted_source import BORN_MS, FeedCursor, connector

from wellhead import Batch, PermanentError, Reject
from wellhead.avro.encode import Encoder
from wellhead.avro.schema import Schema
from wellhead.clock import SystemClock
from wellhead.config import ConnectorSettings, LoadedConnector
from wellhead.config.chain import read_chain
from wellhead.runtime.prepare import Preparer
from wellhead.runtime.replay import SeenRecords
from wellhead.telemetry.stage import Stage
from wellhead.transforms import Transform, bind

STREAM = connector.streams[0]
SCHEMA = Schema(
    "scripted.event",
    1,
    """{"type": "record", "name": "Event", "fields": [
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "d"},
        {"name": "number", "type": "long", "doc": "d"},
        {"name": "text", "type": ["null", "string"], "default": null, "doc": "d"}]}""",
)
DROP_EVEN = {
    "transforms.drop-even.type": "Filter",
    "transforms.drop-even.predicate": "even",
    "predicates.even.type": "FieldMatches",
    "predicates.even.field": "text",
    "predicates.even.pattern": "[02468]$",
}


def preparer(words):
    chain = read_chain(words, "connectors.feed")
    assert not chain.problems
    settings = ConnectorSettings.model_validate({"name": "feed", "connector.class": "scripted"})
    loaded = LoadedConnector(settings, connector, connector.config(), connector.streams, chain.steps)
    return Preparer(STREAM, Encoder(SCHEMA, 7), bind(loaded, STREAM, SCHEMA, SystemClock()))


def batch(numbers, **more):
    rows = [{"time": BORN_MS + number, "number": number, "text": f"event {number}"} for number in numbers]
    return Batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA.arrow), FeedCursor(next=10), **more)


def prepared(made, given, seen=None):
    return made.encode(made.transform(given, seen))


def test_what_a_filter_leaves_out_is_counted_under_its_alias():
    """Every record is produced, dead-lettered or counted (I3), the connector's own count included."""
    given = batch(range(7), rejects=[Reject(b"x", "broken")], filtered={"drop-even": 2, "comment": 1})
    done = prepared(preparer(DROP_EVEN), given)
    assert (len(done.values), len(done.letters), done.filtered) == (3, 1, {"drop-even": 6, "comment": 1})
    assert done.accounted == 7 + 1 + 3


def test_a_fully_filtered_batch_still_moves_the_cursor_and_is_news():
    """Nothing is produced, but the cursor goes on, and the newest event counts: the vendor has data."""
    done = prepared(preparer(DROP_EVEN), batch([2, 8]))
    assert (done.values, done.keys, done.cursor.next) == ([], None, 10)
    assert done.filtered == {"drop-even": 2}
    assert done.newest_ms == BORN_MS + 8


def test_a_replay_compares_what_transforms_have_made():
    """De-duplication comes after the transforms, as the topic holds what they made."""
    words = {"transforms.hide.type": "MaskField", "transforms.hide.fields": "text", **DROP_EVEN, "transforms": "drop-even,hide"}
    made = preparer(words)
    published = made.transform(batch([1, 3]), None).table
    done = made.transform(batch(range(6)), SeenRecords(STREAM.identity, [published]))
    assert done.table.column("number").to_pylist() == [5]
    assert done.table.column("text").to_pylist() == [""]
    assert done.filtered == {"drop-even": 3, "duplicate": 2}


def test_a_record_that_does_not_fit_is_a_letter_of_the_encode_stage():
    """A row without a required value is refused before any transform sees it."""
    rows = [{"time": BORN_MS, "number": None, "text": "event 2"}, {"time": BORN_MS, "number": 1, "text": "event 1"}]
    done = prepared(preparer(DROP_EVEN), Batch(rows, FeedCursor(next=2)))
    assert [(letter.stage, letter.field) for letter in done.letters] == [(Stage.ENCODE, "number")]
    assert (len(done.values), done.filtered) == (1, {})


def test_a_transform_that_adds_records_is_refused():
    """A record that the vendor did not give has no place behind its cursor."""

    class Twice:
        def apply(self, table, rows):
            return pa.concat_batches([table, table])

    made = Preparer(STREAM, Encoder(SCHEMA, 7), [Transform("twice", Twice())])
    with pytest.raises(PermanentError, match="transform twice made 1 records more than it got"):
        made.transform(batch([1]), None)


def test_a_backfill_keeps_its_span_and_counts_the_rest():
    """Of a bounded reading the first moment is in and the last is out; what lies outside is counted, before any transform sees it (I3)."""
    made = Preparer(STREAM, Encoder(SCHEMA, 7), within=(BORN_MS + 2, BORN_MS + 5))
    kept = made.transform(batch(range(7), filtered={"comment": 1}), None)
    assert kept.table.column("number").to_pylist() == [2, 3, 4]
    assert kept.filtered == {"comment": 1, "outside the backfill": 4}
