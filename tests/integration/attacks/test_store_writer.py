"""Proves on a real Kafka, OpenSearch and Elasticsearch that a store holds exactly what stands in the documents topic, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
from store_writing import DocumentsTopic, some, stored, until, writing, writing_process

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.search.store import SearchStore
from wellhead.stack.search import SearchOptions, SearchServer

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def topic(stack, unique):
    return DocumentsTopic(stack.bootstrap_servers, stack.registry_url, unique)


def place(url: str, topic: DocumentsTopic, **more) -> StoreSettings:
    return StoreSettings(url=url, index_prefix=topic.unique.rstrip("."), replicas=0, **more)


@pytest.fixture(params=["opensearch", "elasticsearch"])
def url(request):
    return request.getfixturevalue("search_url" if request.param == "opensearch" else "old_search_url")


def test_a_store_holds_what_the_topic_says_and_a_replay_changes_nothing(topic, url):
    """Of each document the newest committed version stands in its month's index, found by address and time; reading all again changes none."""
    documents = some(0, 150)
    for share in range(0, 150, 30):
        attacks = list(documents.attacks.values())[share : share + 30]
        topic.write(attacks, [hit for hit in documents.hits.values() if hit["attack_id"] in {each["id"] for each in attacks}])
    topic.write([{**each, "hits": 99} for each in documents.attacks.values()], commit=False)
    first, second, *_ = documents.attacks
    documents.merge(first, second)
    topic.write([documents.attacks[first], documents.attacks[second]])
    with writing(topic, "first", place(url, topic)) as writer:
        until(lambda: topic.is_done(writer.group), "the group commits the end")
        before = stored(writer.store)
        prefix = writer.store.settings.index_prefix
        assert before == topic.written.by_place(prefix)
        assert {index for index, _ in before} == set(writer.store.indices(f"{prefix}-*"))
        inside = writer.store.count(f"{prefix}-hits-*", {"term": {"ip": "203.0.113.0/29"}})
        assert inside == sum(hit["ip"].startswith("203.0.113.") for hit in documents.hits.values())
        moment = documents.attacks[second]["last_time"]
        assert writer.store.count(f"{prefix}-attacks-*", {"range": {"last_time": {"lte": moment}}}) == sum(
            attack["last_time"] <= moment for attack in documents.attacks.values()
        )
        assert writer.errors == []
    with writing(topic, "again", place(url, topic)) as writer:
        until(lambda: topic.is_done(writer.group), "the other group commits the end")
        assert stored(writer.store) == before
        assert writer.tally.documents.total() == 0
        assert writer.tally.stales == topic.version - 150


@pytest.fixture(scope="module")
def narrow():
    """A server for tests that break it, which takes little at once."""
    limits = {"indexing_pressure.memory.limit": "192kb", "http.max_content_length": "256kb"}
    with SearchServer("opensearch", options=SearchOptions(settings=limits)) as server:
        yield server


def test_a_killed_writer_loses_and_doubles_nothing(topic, search_url):
    """Writers killed at work leave what another member of the group, or the next start, ends: every document once, the newest of each."""
    documents = some(0, 250)
    for share in range(4):
        topic.write([{**each, "hits": share} for each in documents.attacks.values()], list(documents.hits.values())[share::4])
    settings = place(search_url, topic)
    store = SearchStore(settings, clock=SystemClock())
    group = f"{topic.unique}writers-main"

    def begun(count: int) -> bool:
        store.refresh(f"{settings.index_prefix}-*")
        return store.count(f"{settings.index_prefix}-*") >= count

    def start():
        return writing_process(topic, "main", search_url, settings.index_prefix, docs=20)

    with start() as first, start() as second:
        until(lambda: begun(100), "the first hundred")
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: begun(400), "more from who is left")
        os.kill(second.pid, signal.SIGKILL)
    with start():
        until(lambda: topic.is_done(group), "the next start goes on to the end")
        assert stored(store) == topic.written.by_place(settings.index_prefix)


def test_one_store_away_neither_loses_nor_slows_the_other(topic, narrow, old_search_url):
    """While one store is killed, or frozen, under load, the other goes on; the first waits as a member of its group and has all in the end."""
    loading = threading.Event()
    first_store = place(narrow.url, topic, timeout_secs=2)
    with (
        load(topic, loading),
        writing(topic, "breaks", first_store) as breaks,
        writing(topic, "stays", place(old_search_url, topic)) as stays,
    ):
        until(lambda: breaks.tally.documents.total() and stays.tally.documents.total(), "both write")
        member = topic.members(breaks.group)
        for strike, heal in ((narrow.kill, narrow.restart), (narrow.pause, narrow.resume)):
            strike()
            until(lambda: breaks.tally.now[0] == "waiting", "the writer says that its store is away")
            assert breaks.store.where in breaks.tally.now[2]
            before = stays.tally.documents.total()
            until(lambda before=before: stays.tally.documents.total() > before + 20, "the other goes on")
            assert not topic.is_done(breaks.group)
            heal()
            until(lambda: breaks.tally.now[0] == "running", "the writer is at work again")
        assert topic.members(breaks.group) == member
        loading.set()
        until(lambda: topic.is_done(breaks.group) and topic.is_done(stays.group), "both come to the end")
        expected = topic.written.by_place(first_store.index_prefix)
        assert stored(stays.store) == expected
        assert stored(breaks.store) == expected
        assert breaks.errors == stays.errors == []


def test_a_store_that_takes_little_at_once_gets_little_at_once(topic, narrow):
    """Bulks beyond what the store has memory for (429), or takes as a request (413), come again smaller, and nothing of them is lost."""
    documents = some(0, 300)
    topic.write([{**each, "domain": "x" * 2000} for each in documents.attacks.values()], documents.hits.values())
    with writing(topic, "narrow", place(narrow.url, topic)) as writer:
        until(lambda: topic.is_done(writer.group), "the group commits the end")
        assert stored(writer.store) == topic.written.by_place(writer.store.settings.index_prefix)
        assert writer.tally.retries > 0
        assert writer.tally.refusals == 0
        assert writer.errors == []


def test_what_a_store_refuses_becomes_a_dead_letter(topic, url):
    """Documents of the wrong type and messages that say not where they belong stand in the dead-letter topic, with why; all others are stored."""
    documents = some(0, 20)
    spoilt = some(100, 2)
    bad = {**next(iter(spoilt.attacks.values())), "client_id": 3, "first_time": "yesterday"}
    topic.write(documents.attacks.values())
    topic.write([bad], documents.hits.values())
    headers = [("kind", b"hit"), ("month", b"2026.02"), ("version", b"7")]
    topic.write_raw(b"cut", b'{"id": "cut', headers)
    topic.write_raw(b"i" * 600, b'{"id": "long"}', headers)
    topic.write_raw(b"nowhere", b'{"id": "nowhere"}', headers[:1])
    topic.write_raw(b"gone", None, headers)
    del topic.written.newest[bad["id"]]
    with writing(topic, "only", place(url, topic)) as writer:
        until(lambda: topic.is_done(writer.group), "the group commits the end")
        assert stored(writer.store) == topic.written.by_place(writer.store.settings.index_prefix)
        assert writer.tally.refusals == 5
    letters = {letter.key(): letter for letter in topic.letters()}
    assert letters.keys() == {bad["id"].encode(), b"cut", b"i" * 600, b"nowhere", b"gone"}
    told = {key: dict(letter.headers()) for key, letter in letters.items()}
    letter = told[bad["id"].encode()]
    assert orjson.loads(letters[bad["id"].encode()].value()) == bad
    assert (letter["kind"], letter["month"]) == (b"attack", bad["id"][:4].encode() + b"." + bad["id"][4:6].encode())
    assert letter["__connect.errors.topic"] == topic.name.encode()
    assert (letter["__connect.errors.partition"], int(letter["__connect.errors.offset"]) >= 0) == (b"0", True)
    assert letter["__connect.errors.exception.class.name"] == b"mapper_parsing_exception"
    assert b"first_time" in letter["__connect.errors.exception.message"]
    assert letter["wellhead.store"] == b"only"
    assert b"month" in told[b"nowhere"]["__connect.errors.exception.message"]
    assert b"no value" in told[b"gone"]["__connect.errors.exception.message"]
    assert b"512 bytes" in told[b"i" * 600]["__connect.errors.exception.message"]


def test_what_was_deleted_before_it_was_stored_is_told(topic, search_url, caplog):
    """Where retention was quicker than the store, the writer says which documents it missed, and goes on with the first there is."""
    documents = some(0, 30)
    topic.write(documents.attacks.values())
    settings = place(search_url, topic)
    with writing(topic, "slow", settings) as writer:
        until(lambda: topic.is_done(writer.group), "the group commits the end")
    topic.write([{**each, "hits": 7} for each in documents.attacks.values()])
    for partition in range(topic.partitions):
        topic.cut(partition)
    topic.write([{**each, "hits": 8} for each in documents.attacks.values()])
    with writing(topic, "slow", settings) as writer:
        until(lambda: topic.is_done(writer.group), "the group commits the end")
        assert stored(writer.store) == topic.written.by_place(settings.index_prefix)
    assert any("documents_deleted_unstored" in record.getMessage() for record in caplog.records)


@contextmanager
def load(topic: DocumentsTopic, done: threading.Event) -> Iterator[None]:
    """Write documents, a few at a time, until `done`."""

    def write() -> None:
        number = 0
        while not done.is_set():
            documents = some(number % 200, 5)
            topic.write([{**each, "hits": number} for each in documents.attacks.values()], documents.hits.values())
            number += 5
            done.wait(0.1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
