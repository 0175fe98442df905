"""The mapping of the vendor's own monthly layout."""

import json

from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.copy.translate import Found, Translator


def test_a_monthly_index_gives_our_hits():
    """Names, types and ids are those of our own hits; the client and the month come out of the index's name and the hit's time."""
    layout = load_mapping("wallarm/monthly").layout("hits")
    index = "hits_production_4242_202602_v_1"
    hit = {
        "id": [index, "Zk3Qm8t1"],
        "attackid": ["attacks_production_4242_202602_v_1", "s9vJ"],
        "type": "sqli",
        "time": 1770109501,
        "statuscode": "403",
        "poolid": -1,
        "point": ["post", "json_doc"],
    }
    assert layout.client_of(index) == "4242"
    action = Translator(layout, "wellhead").action(Found("hits", index, "Zk3Qm8t1", 7, hit))
    assert (action.index, action.id, action.version) == ("wellhead-hits-2026.02", f"{index}:Zk3Qm8t1", 1)
    assert json.loads(action.source) == {
        "id": f"{index}:Zk3Qm8t1",
        "client_id": 4242,
        "vendor_attack_id": "attacks_production_4242_202602_v_1:s9vJ",
        "type": "sqli",
        "time": 1770109501000,
        "status_code": 403,
        "pool_id": -1,
        "point": ["post", "json_doc"],
    }
