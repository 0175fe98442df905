"""`wellhead migrate` between a real Elasticsearch 6.8 and a real OpenSearch 2.19."""

from pathlib import Path

import pytest
from migrated import KEYWORD, LONG, Migrations, Store, attacks, hits, produce_documents

CLIENTS = {12: 60, 13: 5, 14: 5, 900: 1}

pytestmark = pytest.mark.timeout(400)


def test_everything_arrives_with_its_version_and_only_once(old: Store, new: Store, migrations: Migrations):
    """A whole store goes over exactly, version by version; the same command again copies nothing."""
    documents = hits(6000, CLIENTS) | attacks(300, list(CLIENTS))
    old.put(documents)
    words = [
        "--from",
        migrations.store("old", old),
        "--to",
        migrations.store("new", new),
        "--slice-docs",
        "500",
        "--page-docs",
        "200",
    ]
    code, said, report = migrations.run(*words)
    assert code == 0, said
    assert new.read() == documents
    assert report["tally"]["copied"] == len(documents)
    assert report["slices"] > 10
    assert (report["complete"], report["tally"]["there"]) == (True, 0)
    code, said, again = migrations.run(*words)
    assert (code, again["tally"]) == (0, report["tally"]), said


def test_a_topic_rebuilds_a_lost_store(new: Store, migrations: Migrations):
    """Replayed, the documents topic gives each document in its last version; clients and offsets bound what is replayed."""
    documents = hits(1500, CLIENTS) | attacks(100, list(CLIENTS))
    older = {key: (version - 1, {**fields, "type": "older"}) for key, (version, fields) in documents.items() if version > 1}
    later = {key: held for key, held in documents.items() if held[0] % 2}
    ends = produce_documents(migrations, [older, documents, later])
    words = ["--from", f"topic:{migrations.group}.document", "--to", migrations.store("new", new), "--slice-docs", "400"]
    code, said, report = migrations.run(*words, "--clients", "13-900", "--job", "some")
    assert code == 0, said
    assert new.read() == {key: held for key, held in documents.items() if held[1]["client_id"] >= 13}
    assert report["tally"]["skipped"] > 0
    code, said, _ = migrations.run(*words, "--job", "part", "--offsets", f"0:0-{ends[0]}", "--offsets", f"1:0-{ends[1]}")
    assert code == 0, said
    assert new.read() == documents


def test_an_older_layout_becomes_ours(old: Store, new: Store, migrations: Migrations, tmp_path: Path):
    """Indices of each client, other names, seconds and no ids of their own: only the clients asked for come, each document whole."""
    mapping = tmp_path / "older.yaml"
    mapping.write_text(OLDER.replace("PREFIX", old.prefix))
    wanted = {}
    for client in (12, 13, 14):
        index = f"{old.prefix}-waf_{client}_202602_v_1"
        old.make_index(index, {"at": LONG, "code": KEYWORD, "path": KEYWORD})
        old.bulk([(index, f"k{at}", 1, {"at": SECOND + at // 3, "code": "403", "path": "/ü", "debug": 1}) for at in range(50)])
        for at in range(50):
            fields = {"time": (SECOND + at // 3) * 1000, "status_code": 403, "path": "/ü", "rule": None, "client_id": client}
            wanted["hits-2026.02", f"{index}:k{at}"] = (1, {**fields, "id": f"{index}:k{at}"})
    old.refresh()
    words = ["--from", migrations.store("old", old), "--to", migrations.store("new", new), "--mapping", str(mapping)]
    code, said, report = migrations.run(*words, "--clients", "12-13", "--page-docs", "7", "--slice-docs", "20")
    assert code == 0, said
    assert new.read() == {key: held for key, held in wanted.items() if held[1]["client_id"] < 14}
    assert report["slices"] >= 4


SECOND = 1_770_109_501
OLDER = r"""
description: An older layout.
hits:
  index: "PREFIX-waf_*"
  target: "{prefix}-hits-{month}"
  month: time
  client.from.index: "-waf_(\\d+)_"
  client.to: client_id
  time: at
  time.unit: s
  tie: _id
  id: "index:_id"
  id.to: id
  version: 1
  drop: debug
  rename: {at: time, code: status_code}
  convert: {time: secs_to_ms, status_code: int}
  constant: {rule: null}
"""
