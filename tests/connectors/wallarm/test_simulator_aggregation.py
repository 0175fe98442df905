"""Tests of the simulated Wallarm cloud's newer API: groups cut by the day, the vectors of a group, cursors."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from typing import Any

import pytest
from wallarm_vendor import CLIENT, NOW_SECS, ids_of, vendor

BASE = f"/v1/client/{CLIENT}/attack-vectors"
SPAN = f"{NOW_SECS - 200_000}-{NOW_SECS + 1}"


def rows_of(cloud, **body: Any) -> list[dict[str, Any]]:
    """Give all rows of a query, page by page."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        told = cloud.post(
            f"{BASE}/security-agg/query", **{"time_range": SPAN, **body}, **({"cursor": cursor} if cursor else {})
        ).json()
        rows += told["data"]
        if (cursor := told["next_cursor"]) is None:
            return rows


def vectors_of(cloud, group: str, limit: int = 40) -> list[dict[str, Any]]:
    """Give all vectors of a group, page by page."""
    vectors: list[dict[str, Any]] = []
    cursor = None
    while True:
        told = cloud.post(f"{BASE}/by-group", group_id=group, limit=limit, **({"cursor": cursor} if cursor else {})).json()
        vectors += told["data"]
        assert ("cursor" in told) is told["has_more"]
        if (cursor := told.get("cursor")) is None:
            return vectors


@pytest.mark.parametrize("by", [["attack_type"], ["host", "path"], ["source_ip"], ["attack"]])
def test_the_vectors_of_all_groups_are_the_hits(by):
    """Whatever is grouped by, the groups' vectors together are the hits that can be read, each once, under ids of their own."""
    with vendor(history_hours=30, hits=500) as cloud:
        rows = rows_of(cloud, group_by=by, limit=20)
        vectors = list(itertools.chain(*(vectors_of(cloud, row["id"]) for row in rows)))
        hits = cloud.listed()
    names = {hashlib.sha256(name.encode()).hexdigest() for name in ids_of(hits)}
    assert (len(vectors), {vector["vector_id"] for vector in vectors}) == (len(hits), names)
    assert sum(row["attack_vectors_count"] for row in rows) == len(hits)
    told = Counter((v["host"], v["path"], v["type"], v["request_id"], v["remote_addr4"] or v["remote_addr6"]) for v in vectors)
    assert told == Counter((h["domain"], h["path"], h["type"], h["request_id"], h["ip"]) for h in hits)


def test_rows_are_cut_by_the_day():
    """A group that spans midnight is a row for each day; every row says which, and begins and ends in it."""
    with vendor(history_hours=48, hits=600) as cloud:
        rows = rows_of(cloud, group_by=["attack_type"], select=["min_request_time", "max_request_time"])
    days = [row["day"] for row in rows]
    assert len(set(days)) > 1
    assert days == sorted(days, reverse=True)
    assert all(row["min_request_time"] // 86_400_000 == row["max_request_time"] // 86_400_000 for row in rows)
    assert all("unique_ips" not in row for row in rows)


def test_a_cursor_counts_only_with_its_own_body():
    """A cursor sent with another body than it was given for is refused; prev_cursor leads back."""
    with vendor() as cloud:
        body = {"group_by": ["path"], "time_range": SPAN, "limit": 5}
        first = cloud.post(f"{BASE}/security-agg/query", **body).json()
        second = cloud.post(f"{BASE}/security-agg/query", **body, cursor=first["next_cursor"]).json()
        back = cloud.post(f"{BASE}/security-agg/query", **body, cursor=second["prev_cursor"]).json()
        wrong = cloud.post(f"{BASE}/security-agg/query", **{**body, "limit": 6}, cursor=first["next_cursor"])
    assert first["prev_cursor"] is None
    assert back["data"] == first["data"] != second["data"]
    assert (wrong.status_code, wrong.json()["body"]) == (400, "cursor does not belong to this request")


def test_a_filter_tree_is_kept_when_a_group_is_opened():
    """Conditions and groups of them choose the hits; the id of a row holds them, so that its vectors are the same."""
    host = {"kind": "condition", "field": "host", "op": "=", "values": ["shop.example.com"]}
    kinds = {"kind": "condition", "field": "attack_type", "op": "!=", "values": ["xss"]}
    with vendor() as cloud:
        rows = rows_of(cloud, group_by=["attack_type"], where={"kind": "group", "op": "and", "children": [host, kinds]})
        vectors = list(itertools.chain(*(vectors_of(cloud, row["id"]) for row in rows)))
        hits = cloud.listed(domain="shop.example.com", **{"!type": ["xss"]})
    assert hits
    assert len(vectors) == len(hits)
    assert {(vector["host"], vector["type"] == "xss") for vector in vectors} == {("shop.example.com", False)}


@pytest.mark.parametrize(("told", "hours"), [("24h", 24), ("-24h", 24), ("-7d", 168)])
def test_a_time_range_may_be_relative(told, hours):
    """So many hours or days until now mean the same as the two epoch seconds."""
    with vendor(history_hours=200, hits=300) as cloud:
        relative = rows_of(cloud, group_by=["host"], time_range=told)
        absolute = rows_of(cloud, group_by=["host"], time_range=f"{NOW_SECS - hours * 3_600}-{NOW_SECS + 1}")
    assert [row["attack_vectors_count"] for row in relative] == [row["attack_vectors_count"] for row in absolute]
    assert relative


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("security-agg/query", {"time_range": f"{NOW_SECS - 200 * 86_400}-{NOW_SECS}"}, 400),
        ("security-agg/query", {"time_range": "yesterday"}, 400),
        ("security-agg/query", {"limit": 101}, 400),
        ("security-agg/query", {"group_by": ["colour"]}, 400),
        ("security-agg/query", {"preset": "colour"}, 400),
        ("security-agg/query", {"where": {"kind": "condition", "field": "host", "op": "~", "values": []}}, 400),
        ("by-group", {"group_id": "??"}, 400),
        ("by-group", {"group_id": "e30=", "limit": 1_001}, 400),
    ],
)
def test_a_call_that_is_wrong_is_refused(path, body, status):
    """What the newer API cannot answer is refused in the vendor's envelope."""
    with vendor() as cloud:
        answer = cloud.http.post(f"{BASE}/{path}", json=body)
        foreign = cloud.http.post("/v1/client/9/attack-vectors/by-group", json={})
    assert (answer.status_code, answer.json()["status"], foreign.status_code) == (status, status, 403)


def test_the_schema_names_what_can_be_asked_for():
    """Every field of the schema can be grouped by, and the vectors of a request are found by its id."""
    with vendor() as cloud:
        schema = cloud.http.get(f"{BASE}/security-agg/query/schema").json()
        counts = {
            sum(row["attack_vectors_count"] for row in rows_of(cloud, group_by=[field], limit=100))
            for field in schema["fields"]
        }
        hit = cloud.listed()[0]
        found = cloud.post(f"{BASE}/by-request", request_id=hit["request_id"]).json()["data"]
        hits = cloud.listed(request_id=hit["request_id"])
    assert len(counts) == 1
    assert len(found) == len(hits)
