"""Proves the read API as a process over a real OpenSearch and a real Elasticsearch 6.8: who answers, who is asked too, and what is said."""

import hashlib
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from attack_api import DEADLINE_SECS, AttackApi
from attack_documents import Documents, action_of, fill, write
from store_gate import StoreGate

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.search.store import SearchStore

CLIENTS = range(4000, 4040)
MIRRORED = "wellhead_attacks_read_mirror_count_total"
DISAGREED = "wellhead_attacks_read_disagreement_count_total"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def documents() -> Documents:
    made = Documents()
    for number in range(60):
        made.add(number)
    ids = list(made.attacks)
    made.merge(ids[4], ids[9])
    return made


@contextmanager
def filled(search_url: str, old_search_url: str, documents: Documents) -> Iterator[dict[str, SearchStore]]:
    """Give both stores, filled alike, until the block ends."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    made = {
        name: SearchStore(
            StoreSettings(url=url, index_prefix=prefix, shards=shards, replicas=0), name=name, clock=SystemClock()
        )
        for name, url, shards in (("primary", search_url, 2), ("second", old_search_url, 1))
    }
    for store in made.values():
        fill(store, documents)
    try:
        yield made
    finally:
        for store in made.values():
            store.delete_index(f"{prefix}-*")
            store.close()


@pytest.fixture(scope="module")
def stores(search_url, old_search_url, documents):
    with filled(search_url, old_search_url, documents) as made:
        yield made


@pytest.fixture
def gates(stores):
    with StoreGate(stores["primary"].settings.url[0]) as primary, StoreGate(stores["second"].settings.url[0]) as second:
        yield {"primary": primary, "second": second}


@pytest.fixture
def served(stores, gates, tmp_path):
    """Give what starts the API over both stores, behind their gates."""

    def start(**serve):
        urls = {name: gate.url for name, gate in gates.items()}
        options = {"reads_from": "primary", "mirror_to": "second", "mirror_recheck_secs": 0.1, **serve}
        return AttackApi(
            tmp_path,
            stores["primary"].settings.index_prefix,
            urls,
            **{name.replace("_", "."): value for name, value in options.items()},
        )

    return start


def test_what_it_answers(served, documents):
    """Over HTTP: pages that add up, one attack and where it lives on, its hits, counts, refusals that say what may stand there."""
    ids = list(documents.attacks)
    with served() as api:
        found, cursor = [], None
        while True:
            page = api.get("/v1/attacks", limit=7, **({"cursor": cursor} if cursor else {})).json()
            found += page["attacks"]
            cursor = page["cursor"]
            if cursor is None:
                break
        expected = [each for each in documents.attacks.values() if each["state"] != "merged"]
        assert found == sorted(expected, key=lambda each: (each["last_time"], each["id"]), reverse=True)
        merged = api.get(f"/v1/attacks/{ids[4]}").json()
        assert (merged["state"], merged["surviving_id"]) == ("merged", ids[9])
        hits = api.get(f"/v1/attacks/{ids[9]}/hits").json()
        assert hits["attack_ids"] == [ids[9], ids[4]]
        assert {hit["attack_id"] for hit in hits["hits"]} == {ids[9], ids[4]}
        assert len(hits["hits"]) == 6
        assert api.get("/v1/counts", by="type").json()["hits"] == 180
        assert api.get("/v1/attacks").headers["x-wellhead-store"] == "primary"
        assert api.get("/v1/attacks/202601:0123456789abcdef01234567").status_code == 404
        for params in ({"clint": 1}, {"limit": 2000}, {"cursor": "x"}, {"state": "odd"}):
            refused = api.get("/v1/attacks", **params)
            assert refused.status_code == 400
            assert next(iter(params)) in refused.json()["message"]
        theirs = api.get("/v1/attacks", limit=7).json()["cursor"]
        assert api.get("/v1/attacks", limit=7, client=4000, cursor=theirs).status_code == 400
        assert "/v1/attacks/{attack_id}/hits" in api.get("/openapi.json").json()["paths"]


def answering(api):
    """Give the store that answers each client."""
    found = {}
    for client in CLIENTS:
        answer = api.get("/v1/attacks", client=client, limit=1)
        assert answer.status_code == 200, answer.text
        found[client] = answer.headers["x-wellhead-store"]
    return found


def test_clients_are_shifted_one_way_without_a_failed_request(served):
    """1, 10, 100 percent by editing the file while requests run: none fails, nobody comes back, and /health and the metric tell the share."""
    with served(shift_percent=0) as api:
        statuses, stop = [], threading.Event()

        def ask():
            with httpx.Client(base_url=api.url, timeout=DEADLINE_SECS, trust_env=False) as client:
                while not stop.is_set():
                    statuses.append(client.get("/v1/attacks", params={"client": 4000 + len(statuses) % 80}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert set(answering(api).values()) == {"primary"}
            moved: set[int] = set()
            for percent in (1, 10, 100):
                api.edit(shift_percent=percent)
                api.until(lambda percent=percent: api.settings()["shift_percent"] == percent)
                assert api.metric("wellhead_attacks_read_share", wellhead_share="shift") == percent
                now = {client for client, store in answering(api).items() if store == "second"}
                assert moved <= now
                moved = now
            assert moved == set(CLIENTS)
        finally:
            stop.set()
            asking.join(DEADLINE_SECS)
        assert len(statuses) > 10
        assert set(statuses) == {200}


def test_a_bad_file_changes_nothing(served):
    """A file that cannot be used is told in the log and on /health, and the former settings hold until it is mended; SIGHUP reads it too."""
    with served(shift_percent=10) as api:
        api.edit(shift_percent=250)
        api.until(lambda: api.settings()["problem"])
        assert api.settings()["shift_percent"] == 10
        assert "shift.percent" in api.settings()["problem"]
        api.write("{")
        api.until(lambda: "shift.percent" not in api.settings()["problem"])
        assert api.get("/v1/attacks").status_code == 200
        assert api.settings()["shift_percent"] == 10
        api.edit(shift_percent=20)
        api.hang_up()
        api.until(lambda: api.settings()["shift_percent"] == 20)
        assert api.settings()["problem"] is None
        assert len([line for line in api.said() if line["level"] == "error"]) == 2


def test_planted_disagreements_are_found(search_url, old_search_url, documents, tmp_path):
    """What the other store lacks, has besides, or says differently is counted by kind and told by id, without a document's content."""
    attacks = [each for each in documents.attacks.values() if each["client_id"] == 4001]
    options = {"reads.from": "primary", "mirror.to": "second", "mirror.percent": 100, "mirror.recheck.secs": 0.1}
    with filled(search_url, old_search_url, documents) as own:
        second = own["second"]
        urls = {name: store.settings.url[0] for name, store in own.items()}
        with AttackApi(tmp_path, second.settings.index_prefix, urls, **options) as api:
            assert api.get("/v1/attacks", client=4001).status_code == 200
            api.until(lambda: api.metric(MIRRORED, wellhead_mirror_outcome="same") == 1)
            assert api.metric(DISAGREED) == 0
            changed, gone, other = attacks[0], attacks[1], next(iter(documents.attacks.values()))
            second.call("DELETE", f"/{action_of(second.settings.index_prefix, gone).index}/_doc/{gone['id']}")
            write(second, [{**changed, "path": "/canary-secret", "version": changed["version"] + 1}])
            write(second, [{**other, "id": "202601:00000000000000000000feed", "client_id": 4001}])
            assert api.get("/v1/attacks", client=4001).headers["x-wellhead-store"] == "primary"
            for kind in ("missing", "extra", "changed"):
                api.until(lambda kind=kind: api.metric(DISAGREED, wellhead_disagreement_kind=kind) == 1)
            api.get("/v1/counts", client=4001, by="path")
            api.until(lambda: api.metric(DISAGREED, wellhead_disagreement_kind="count") == 1)
            told = {line["kind"]: line for line in api.said() if line["event"] == "two stores answer differently"}
    assert told["missing"]["subjects"] == [gone["id"]]
    assert told["extra"]["subjects"] == ["202601:00000000000000000000feed"]
    assert (told["changed"]["subjects"], told["changed"]["fields"]) == ([changed["id"]], ["path", "version"])
    assert "canary" not in json.dumps(told)


@pytest.mark.parametrize("mode", ["shut", "holding"])
def test_a_mirror_store_that_is_away_changes_no_answer(served, gates, mode):
    """While the other store is gone or hangs, every answer is as before; the failures are counted."""
    with served(mirror_percent=100, timeout_secs=1) as api:
        before = api.get("/v1/attacks").json()
        gates["second"].set(mode)
        for _ in range(60):
            answer = api.get("/v1/attacks")
            assert (answer.status_code, answer.json()) == (200, before)
        api.until(lambda: api.metric(MIRRORED, wellhead_mirror_outcome="failed") > 0)
        assert api.get("/health").json()["status"] == "healthy"
        api.until(lambda: api.get("/health").json()["stores"]["second"]["state"] == "down")


def test_a_store_that_is_away(served, gates):
    """Without its store a question gets 503 and when to try again; with `fallback` the other answers and says so; then all is as it was."""
    with served(timeout_secs=2) as api:
        before = api.get("/v1/attacks").json()
        gates["primary"].set("shut")
        refused = api.get("/v1/attacks")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "primary" in refused.json()["message"]
        api.until(lambda: api.get("/health").status_code == 500)
        assert api.get("/ready").status_code == 200
        api.edit(fallback=True)
        api.until(lambda: api.settings()["fallback"])
        answer = api.get("/v1/attacks")
        assert (answer.status_code, answer.json()) == (200, before)
        assert answer.headers["x-wellhead-store"] == "second"
        assert answer.headers["x-wellhead-instead-of"] == "primary"
        assert api.metric("wellhead_attacks_read_fallback_count_total", wellhead_store="primary") >= 1
        gates["primary"].set("open")
        api.until(lambda: api.get("/v1/attacks").headers["x-wellhead-store"] == "primary")
        api.until(lambda: api.get("/health").status_code == 200)


def test_who_may_ask(stores, tmp_path):
    """With a file of tokens nobody reads without one, probes aside; beyond this machine it does not start unguarded."""
    (tmp_path / "tokens").write_text(f"soc:{hashlib.sha256(b'tok').hexdigest()}:read-only\n")
    urls = {name: store.settings.url[0] for name, store in stores.items()}
    worker = {"rest.auth.token.file": str(tmp_path / "tokens")}
    with AttackApi(tmp_path, stores["primary"].settings.index_prefix, urls, worker=worker) as api:
        for path in ("/v1/attacks", "/v1/hits", "/v1/counts", "/openapi.json"):
            assert api.get(path).status_code == 401
            assert api.client.get(path, headers={"authorization": "Bearer tok"}).status_code == 200
        assert api.get("/metrics").status_code == 200
    command = [sys.executable, "-m", "wellhead", "attacks", "serve", str(tmp_path / "attacks.json")]
    more = ["--set", "attacks.wallarm.serve.listeners=http://0.0.0.0:0"]
    ended = subprocess.run([*command, *more], capture_output=True, text=True, timeout=DEADLINE_SECS, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "attacks.wallarm.serve.listeners" in ended.stderr
