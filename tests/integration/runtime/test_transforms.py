"""Transforms in a running worker, with a real broker and registry."""

import json
from pathlib import Path

import readback

SCHEMA = Path(readback.__file__).parent / "schemas/scripted.event/v1.avsc"


def test_a_fully_filtered_batch_commits_the_cursor_and_is_counted(rig):
    """What a Filter leaves out is not in the topic, is counted in the run record and health, and is not asked for again."""
    rig.script.text = lambda number: "heartbeat" if number >= 5 else f"event {number}"
    rig.settings |= {
        "transforms": "drop_noise,redact",
        "transforms.drop_noise": {"type": "Filter", "predicate": "noise"},
        "transforms.redact": {"type": "MaskField", "fields": "text", "replacement": "hidden"},
        "predicates.noise": {"type": "FieldEquals", "field": "text", "values": "heartbeat"},
        "transaction.boundary": "poll",
    }
    process = rig.run_once()
    assert rig.numbers() == list(range(5))
    assert {
        record["text"] for record in readback.records(rig.bootstrap, f"{rig.prefix}scripted.event", SCHEMA.read_text())
    } == {"hidden"}
    # Nine of ten batches are empty now; each moved the cursor all the same.
    assert [json.loads(value)["next"] for _, value in rig.cursors()][:10] == list(range(10, 101, 10))
    (run,) = rig.runs()
    assert (run["records"], run["filtered"], run["cursor_to"]["next"]) == (5, 95, 100)
    (task,) = process.health()["connectors"]["feed"]["tasks"]
    assert (task["records"], task["filtered"]) == (5, 95)
    rig.run_once()
    assert rig.script.polled_from == [None, 100]
