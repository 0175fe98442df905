"""Proves how the months' indices are named, made and read."""

import pytest
from recorded_store import ELASTICSEARCH_6, OPENSEARCH, Answer, RecordedStore, store_at

from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.store.templates import KINDS, index_of, index_settings, mappings_of, pattern_of, put_templates


@pytest.mark.parametrize(("said", "path"), [(OPENSEARCH, "_index_template"), (ELASTICSEARCH_6, "_template")])
def test_both_kinds_get_a_template(said, path):
    """Hits and attacks each have a template for all their months, under the prefix, with what the settings say."""
    answers = {"GET /": Answer(said)} | {f"PUT /{path}/acme-{kind}s": Answer({}) for kind in KINDS}
    with RecordedStore(answers) as recorded:
        store = store_at(recorded.url, index_prefix="acme", shards=3, refresh_interval_ms=500)
        put_templates(store)
        store.close()
    asked = {asked.path.rpartition("/")[2]: asked.json for asked in recorded.asked if asked.method == "PUT"}
    assert {name: body["index_patterns"] for name, body in asked.items()} == {
        "acme-hits": ["acme-hits-*"],
        "acme-attacks": ["acme-attacks-*"],
    }
    settings = [body.get("template", body)["settings"]["index"] for body in asked.values()]
    assert settings == [{"number_of_shards": 3, "number_of_replicas": 1, "refresh_interval": "500ms"}] * 2


def test_a_month_has_its_index():
    """The pattern of all months covers each of them."""
    assert index_of("wellhead", "hit", "2026.02") == "wellhead-hits-2026.02"
    assert index_of("wellhead", "attack", "2026.12").startswith(pattern_of("wellhead", "attack").rstrip("*"))


def test_what_is_filtered_by_has_its_type():
    """Addresses, moments and numbers are such; texts are words of any length a term may have; what the record does not know is not mapped."""
    hit, attack = mappings_of("hit"), mappings_of("attack")
    assert (hit["properties"]["ip"]["type"], hit["properties"]["ip"]["ignore_malformed"]) == ("ip", True)
    assert hit["properties"]["time"] == attack["properties"]["last_time"] == {"type": "date", "format": "epoch_millis"}
    assert hit["properties"]["extensions"] == {"type": "object", "dynamic": False}
    assert hit["properties"]["client_id"] == attack["properties"]["hits"] == {"type": "long"}
    words = hit["dynamic_templates"][0]["words"]
    assert words["match_mapping_type"] == "string"
    assert words["mapping"]["ignore_above"] * 4 <= 32766
    assert not hit["date_detection"]


def test_the_refresh_interval_is_named():
    """An index refreshes by itself also where nobody searches: its interval is its own, not the default."""
    assert index_settings(StoreSettings(url="http://h"))["index"]["refresh_interval"] == "250ms"
