"""The truth is what a client can read that is active now, told by its own rule and by the schema's columns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wellhead.avro import schema as schemas

TYPES = ("ip", "domain", "hash", "url", "email")


@pytest.mark.parametrize("kind", TYPES)
def test_values_are_the_indicator_as_it_is_served(vendor, kind):
    """Each record's values are the object of the page, field by field, in the middle of life."""
    here = vendor(changes_per_minute=3, new_per_minute=2, lively=40)
    here.clock.advance(1_800)
    here.simulator.desk.add(kind, confidence=2)
    served = {told["id"]: told for told in here.walk(type=kind, limit=1000)}
    now = datetime.fromtimestamp(here.clock.now_ms() / 1000, UTC)
    active = {i: told for i, told in served.items() if datetime.fromisoformat(told["expiration_ts"]) > now}
    records = list(here.simulator.truth_of(kind))
    assert {record.stream for record in records} == {kind}
    assert [record.identity for record in records] == [(str(t["id"]), str(t["update_id"])) for t in active.values()]
    assert [record.values for record in records] == list(active.values())


def test_the_truth_is_all_streams_and_identities_name_it(vendor):
    """truth() is the five streams one after the other, and identity_of names a published record in the same way."""
    here = vendor()
    records = list(here.simulator.truth(values=False))
    assert {record.stream for record in records} == set(TYPES)
    assert all(not record.values for record in records)
    assert {record.identity for record in records} == here.simulator.identities()
    assert here.simulator.identity_of({"id": 5, "update_id": 6, "value": "x"}) == ("5", "6")


@pytest.mark.parametrize("kind", TYPES)
def test_rows_are_columns_of_the_schema(vendor, kind):
    """What rows() gives are columns of the schema, with the values the schema's words ask for."""
    here = vendor(faults=["odd_types:2", "sparse:2"], history_days=10)
    rows = list(here.simulator.rows(kind))
    told = [record.values for record in here.simulator.truth_of(kind)]
    assert set(rows[0]) <= set(schemas.load("threatstream.indicator").names)
    for row, values in zip(rows, told, strict=True):
        assert (row["id"], row["value"], row["subtype"]) == (values["id"], values["value"], values["subtype"])
        assert row["severity"] == values.get("meta", {}).get("severity")
        assert row["expiration_ts"] == datetime.fromisoformat(values["expiration_ts"])
        assert row["tags"] is None or row["tags"] == [tag["name"] for tag in values["tags"]]
        assert row["asn"] is None or row["asn"] == values["asn"]
    kinds = {"hash": {"hash_md5", "hash_sha1", "hash_sha256", "hash_sha512"}}.get(kind, {kind})
    assert {row["ioc_type"] for row in rows} == kinds


def test_options_and_hint_hold_the_way_in(vendor):
    """options() opens the vendor; hint() shows only the invented key, never one that was given."""
    here = vendor()
    options = here.simulator.options(here.url)
    assert options == {"url": here.url, "user": "ts-user@example.org", "api_key": "invented-api-key"}
    assert "invented-api-key" in here.simulator.hint(here.url)
    assert "real-key" not in vendor(api_key="real-key").simulator.hint(here.url)
