"""An object that was rejected is read again as an indicator, or as the end of one."""

import json

import pytest

from connectors.threatstream.source import ThreatStreamConfig, read_again
from wellhead import Reject

CONFIG = ThreatStreamConfig(user="u", api_key="k")
SOUND = {"id": 7, "update_id": 70, "value": "203.0.113.7", "type": "ip", "status": "active", "itype": "c2_ip", "newer": [1]}


def again(thing: object):
    raw = thing if isinstance(thing, bytes) else json.dumps(thing).encode()
    return read_again(CONFIG, "ip", Reject(raw, "was wrong"))


def test_an_object_that_is_sound_by_now_is_a_record():
    """All its fields are read, into the stream it was read for."""
    batch = again(SOUND)
    (row,) = batch.table.to_pylist(maps_as_pydicts="lossy")
    assert (row["id"], row["update_id"], row["value"], row["stream"]) == (7, 70, "203.0.113.7", "ip")
    assert row["extensions"] == {"newer": "[1]"}
    assert (list(batch.rejects), len(batch.deletes)) == ([], 0)


@pytest.mark.parametrize("status", ["inactive", "falsepos"])
def test_an_object_that_has_ended_ends_its_key(status):
    """What is no longer active is never published as if it were."""
    batch = again(SOUND | {"status": status})
    assert batch.table.num_rows == 0
    assert batch.deletes.to_pylist() == [{"id": 7}]


def test_an_expired_object_is_left_to_the_sweep():
    """The clock is not looked at: one that has expired since is published, and the next sweep ends it."""
    batch = again(SOUND | {"expiration_ts": "2020-01-01T00:00:00.000Z"})
    assert (batch.table.num_rows, len(batch.deletes)) == (1, 0)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (b"{", "it is no JSON value"),
        (7, "not a JSON object"),
        (SOUND | {"id": None}, "missing"),
        (SOUND | {"value": ""}, "missing"),
        (SOUND | {"update_id": 10**15}, "far beyond all others"),
        (SOUND | {"id": "7", "status": "inactive"}, "no whole number from 0 to 2^63 - 1"),
    ],
)
def test_what_is_wrong_still_is_a_reject_with_its_bytes(thing, reason):
    """The bytes stay as they are, and the reason is today's."""
    raw = thing if isinstance(thing, bytes) else json.dumps(thing).encode()
    batch = again(raw)
    assert [(reject.raw, reject.reason) for reject in batch.rejects] == [(raw, reason)]
    assert (len(batch.table), len(batch.deletes)) == (0, 0)
