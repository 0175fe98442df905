"""Proves on a real OpenSearch and a real Elasticsearch 6.8 that a reader finds exactly what it should, whatever is asked."""

import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest
from attack_documents import START_MS, Documents, fill, write

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.api.filters import Filters, HitFilters
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.search.store import SearchStore

MANY = 1000
HOUR_MS = 3_600_000

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def documents() -> Documents:
    made = Documents()
    for number in range(300):
        made.add(number)
    ids = list(made.attacks)
    made.merge(ids[3], ids[8])
    made.merge(ids[8], ids[13])
    return made


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def store(request, documents):
    url = request.getfixturevalue("search_url" if request.param == "opensearch" else "old_search_url")
    settings = StoreSettings(url=url, index_prefix=f"t{uuid.uuid4().hex[:12]}", shards=2, replicas=0)
    made = SearchStore(settings, clock=SystemClock())
    fill(made, documents)
    yield made
    made.delete_index(f"{settings.index_prefix}-*")
    made.close()


@pytest.fixture
def reader(store) -> Reader:
    return Reader(store)


def by_last_time(attacks):
    return sorted(attacks, key=lambda each: (each["last_time"], each["id"]), reverse=True)


def by_time(hits):
    return sorted(hits, key=lambda each: (each["time"], each["id"]), reverse=True)


def of_net(hits, start):
    return {hit["attack_id"] for hit in hits if hit["ip"].startswith(start)}


SPAN = {"from": START_MS + HOUR_MS, "to": START_MS + 2 * HOUR_MS}
WISHES = [
    ({}, lambda attack: True),
    ({"client": [4002]}, lambda attack: attack["client_id"] == 4002),
    ({"client": [4002, 4004]}, lambda attack: attack["client_id"] in {4002, 4004}),
    (SPAN, lambda attack: attack["last_time"] >= SPAN["from"] and attack["first_time"] < SPAN["to"]),
    ({"from": SPAN["to"]}, lambda attack: attack["last_time"] >= SPAN["to"]),
    ({"type": ["sqli", "rce"]}, lambda attack: attack["type"] in {"sqli", "rce"}),
    ({"domain": ["www.example.org"]}, lambda attack: attack["domain"] == "www.example.org"),
    ({"path": ["/login"]}, lambda attack: attack["path"] == "/login"),
    ({"path": ["/api"]}, lambda attack: False),
    ({"path_prefix": "/api/"}, lambda attack: attack["path"].startswith("/api/")),
    ({"rule": ["basic"]}, lambda attack: attack["rule"] == "basic"),
    ({"state": ["open"]}, lambda attack: attack["state"] == "open"),
    ({"client": [4001], "type": ["xss"], "path_prefix": "/"}, lambda attack: (attack["client_id"], attack["type"]) == (4001, "xss")),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "matches"), WISHES, ids=[",".join(wish) or "all" for wish, _ in WISHES])
def test_attacks_are_those_that_match(reader, documents, wish, matches):
    """Each filter gives the attacks it names, newest first, without those that live on in another."""
    found = reader.attacks(Filters.model_validate(wish), limit=MANY)
    assert found["cursor"] is None
    assert found["attacks"] == by_last_time(
        each for each in documents.attacks.values() if each["state"] != "merged" and matches(each)
    )


def test_merged_attacks_are_there_for_who_asks(reader, documents):
    """`state=merged` lists what lives on elsewhere; each says where, over two steps too, and the survivor has the hits of all."""
    ids = list(documents.attacks)
    listed = reader.attacks(Filters(state=("merged",)))["attacks"]
    assert {each["id"] for each in listed} == {ids[3], ids[8]}
    assert [reader.attack(each)["surviving_id"] for each in (ids[3], ids[8], ids[13], ids[1])] == [
        ids[13],
        ids[13],
        ids[13],
        ids[1],
    ]
    found = reader.hits_of(ids[13], limit=MANY)
    assert set(found["attack_ids"]) == {ids[3], ids[8], ids[13]}
    assert found["hits"] == by_time(hit for hit in documents.hits.values() if hit["attack_id"] in {ids[3], ids[8], ids[13]})
    assert reader.attack(ids[0], client=[1]) is None
    assert reader.hits_of(ids[0], filters=HitFilters(client=(1,))) is None
    assert reader.attack("no such") is None
    assert reader.hits_of("202601:0123456789abcdef01234567") is None


@pytest.mark.parametrize(
    ("ip", "start"), [("203.0.113.3", "203.0.113.3"), ("203.0.113.0/24", "203."), ("2001:db8::1", "2001:db8::1")]
)
def test_attacks_of_an_address(reader, documents, ip, start):
    """An address finds every attack one of its hits is in, also where it is not among the ten the attack names, and a merged one's survivor."""
    took_part = of_net(documents.hits.values(), start)
    expected = [
        each for each in documents.attacks.values() if each["state"] != "merged" and took_part & {each["id"], *each["merged"]}
    ]
    assert reader.attacks(Filters(ip=(ip,)), limit=MANY)["attacks"] == by_last_time(expected)
    assert len(expected) > 0


def test_hits_are_those_that_match(reader, documents):
    """Filters of hits are by their own values, and a span by their own time."""
    for wish, matches in (
        ({"ip": ["203.0.113.3"]}, lambda hit: hit["ip"] == "203.0.113.3"),
        ({"ip": ["2001:db8::/32"]}, lambda hit: hit["ip"].startswith("2001:")),
        (SPAN, lambda hit: SPAN["from"] <= hit["time"] < SPAN["to"]),
        ({"client": [4003], "path_prefix": "/api/"}, lambda hit: hit["client_id"] == 4003 and hit["path"].startswith("/api/")),
    ):
        found = reader.hits(HitFilters.model_validate(wish), limit=MANY)
        assert found["hits"] == by_time(hit for hit in documents.hits.values() if matches(hit))


@pytest.mark.parametrize("sort", ["last_time", "id"])
def test_pages_are_whole_while_attacks_are_added(store, documents, sort):
    """Page by page every attack that was there at the start comes exactly once, while others with newer, older and equal times are written."""
    reader, more = Reader(store), Documents()
    here = {each["id"] for each in documents.attacks.values() if each["state"] != "merged" and each["type"] == "sqli"}
    # A store remembers for a while that a document was deleted, and in which version: each order adds its own.
    first = {"last_time": 100_000, "id": 200_000}[sort]
    seen, cursor, turn = [], None, 0
    while True:
        page = reader.attacks(Filters(type=("sqli",)), cursor, 7, sort=sort)
        seen += [each["id"] for each in page["attacks"]]
        cursor, turn = page["cursor"], turn + 1
        if cursor is None:
            break
        number = (0, 300, 900)[turn % 3] + 3 * turn
        write(store, [more.add(first + number, first_time=START_MS + number * 60_000, type="sqli", state="closed")])
    assert len(seen) == len(set(seen))
    assert here <= set(seen)
    for each in more.attacks.values():
        store.call("DELETE", f"/{store.settings.index_prefix}-attacks-{each['id'][:4]}.{each['id'][4:6]}/_doc/{each['id']}")
    store.refresh(f"{store.settings.index_prefix}-*")


def test_pages_of_equal_times(reader, documents):
    """Pages of one entry go through attacks of one moment without leaving any out."""
    wish = Filters(client=(4000,), type=("rce",))
    seen, cursor = [], None
    while True:
        page = reader.attacks(wish, cursor, 1)
        seen += page["attacks"]
        cursor = page["cursor"]
        if cursor is None:
            break
    expected = [
        each
        for each in documents.attacks.values()
        if (each["client_id"], each["type"], each["state"] == "merged") == (4000, "rce", False)
    ]
    assert seen == by_last_time(expected)
    assert len({each["last_time"] for each in documents.attacks.values()}) < len(documents.attacks)


FIELDS = {"client": "client_id", "country": "remote_country"}


@pytest.mark.parametrize(
    "by", ["client", "type", "domain", "path", "rule", "ip", "country", "status_code", "block_status", "method"]
)
def test_counts_are_right(reader, documents, by):
    """Counts by each field equal a count by hand, and with what is not shown add up to the totals."""
    field = FIELDS.get(by, by)
    hits = Counter(hit[field] for hit in documents.hits.values())
    alive = [each for each in documents.attacks.values() if each["state"] != "merged"]
    attacks = Counter(each[field] for each in alive) if field in alive[0] else None
    found = reader.counts(Filters(), by, 2)
    assert (found["hits"], found["exact"]) == (len(documents.hits), True)
    ranked = sorted(hits.items(), key=lambda each: (-each[1], each[0]))[:2]
    assert [(each["value"], each["hits"]) for each in found["counts"]] == ranked
    assert [each["attacks"] for each in found["counts"]] == [attacks[value] if attacks else None for value, _ in ranked]
    assert found["others"]["hits"] == len(documents.hits) - sum(count for _, count in ranked)


def test_counts_by_day_and_state(reader, documents):
    """Days are of UTC, the newest first; spans side by side add up; where a state is asked for, nothing is said of hits."""
    day = Counter(datetime.fromtimestamp(hit["time"] / 1000, UTC).date().isoformat() for hit in documents.hits.values())
    assert {each["value"]: each["hits"] for each in reader.counts(Filters(), "day", 10)["counts"]} == day
    assert reader.counts(Filters(), "day", 1)["counts"][0]["value"] == max(day)
    middle = START_MS + 5 * HOUR_MS + 1
    halves = [reader.counts(Filters(to_ms=middle)), reader.counts(Filters(from_ms=middle))]
    whole = reader.counts(Filters())
    assert [sum(half[name] for half in halves) for name in ("attacks", "hits")] == [whole["attacks"], whole["hits"]]
    states = Counter(each["state"] for each in documents.attacks.values())
    assert {each["value"]: each["attacks"] for each in reader.counts(Filters(), "state")["counts"]} == states
    assert reader.counts(Filters(state=("open",)))["hits"] is None


def test_a_store_without_indices_is_empty(store):
    """Before the first document every question has an empty answer, none an error."""
    settings = store.settings.model_copy(update={"index_prefix": f"{store.settings.index_prefix}none"})
    empty = SearchStore(settings, clock=SystemClock())
    try:
        reader = Reader(empty)
        assert reader.attacks(Filters(ip=("203.0.113.3",))) == {"attacks": [], "cursor": None}
        assert reader.hits(HitFilters()) == {"hits": [], "cursor": None}
        assert reader.attack("202601:0123456789abcdef01234567") is None
        assert reader.counts(Filters(), "type")["hits"] == 0
    finally:
        empty.close()
