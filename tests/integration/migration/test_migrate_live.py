"""Both stores live while documents go over: the newer one wins, the source is spared, a full target is waited for."""

import json
import threading

import pytest
from confluent_kafka import Consumer
from migrated import KEYWORD, PROPERTIES, Migrations, Store, hits
from store_front import StoreFront

CLIENTS = {12: 60, 13: 5, 14: 5, 900: 1}

pytestmark = pytest.mark.timeout(400)


def test_what_is_written_meanwhile_stays(old: Store, new: Store, migrations: Migrations):
    """Documents that mirrored writes have brought in a newer version stay as they are; older ones are replaced; the report counts both."""
    documents = hits(2000, CLIENTS)
    old.put(documents)
    keys = sorted(documents)
    newer = {key: (documents[key][0] + 1, {**documents[key][1], "type": "live"}) for key in keys[::10]}
    older = {
        key: (documents[key][0] - 1, {**documents[key][1], "type": "stale"}) for key in keys[5::10] if documents[key][0] > 1
    }
    same = {key: documents[key] for key in keys[3::10]}
    new.put(older | same)
    begun = threading.Event()

    def write_live(number: int) -> None:
        if number == 5 and not begun.is_set():
            begun.set()
            new.bulk([(f"{new.prefix}-{place}", id_, version, fields) for (place, id_), (version, fields) in newer.items()])

    with StoreFront(new.url) as front:
        front.before_bulk = write_live
        words = ["--from", migrations.store("old", old), "--to", migrations.store("new", new, front.url), "--page-docs", "100"]
        code, said, report = migrations.run(*words, "--slice-docs", "300", "--parallel", "2")
    assert code == 0, said
    assert new.read() == documents | newer
    tally = report["tally"]
    assert tally["there"] == len(same)
    assert 0 < tally["newer"] <= len(newer)
    assert tally["copied"] + tally["newer"] + tally["there"] == len(documents)


def test_a_full_target_is_waited_for_and_the_source_spared(old: Store, new: Store, migrations: Migrations):
    """Refused bulks (429) are sent again until taken; the source is never asked for more than the caps allow."""
    documents = hits(1500, CLIENTS)
    old.put(documents)
    with StoreFront(new.url) as target, StoreFront(old.url) as source:
        target.is_full = lambda number: number <= 4 or number % 3 == 0
        words = ["--from", migrations.store("old", old, source.url), "--to", migrations.store("new", new, target.url)]
        words += [
            "--source-docs-per-sec",
            "500",
            "--source-searches",
            "2",
            "--parallel",
            "4",
            "--page-docs",
            "50",
            "--slice-docs",
            "200",
        ]
        code, said, report = migrations.run(*words)
        first, last = min(begin for begin, _ in source.searches), max(begin for begin, _ in source.searches)
    assert code == 0, said
    assert new.read() == documents
    assert target.refused_bulks >= 5
    assert source.most_searches() <= 2
    # The first page and a second's worth may come at once; after that it is the cap, however quick the machine.
    assert source.search_docs <= 500 * (last - first + 1) + 4 * 50
    assert report["tally"]["copied"] == len(documents)


def test_what_nobody_takes_is_kept_with_the_reason(old: Store, new: Store, migrations: Migrations):
    """A document the target refuses lies in the dead letters and exit 1 says so; one without id or time field, or client, goes over."""
    documents = hits(300, CLIENTS, days=20)
    bad = {key: (version, {**fields, "status_code": "four"}) for key, (version, fields) in list(documents.items())[:3]}
    odd = {("hits-2026.02", "nameless"): (7, {"client_id": 12, "time": 1770109501000}), ("hits-2026.02", "bare"): (8, {})}
    old.make_index(f"{old.prefix}-hits-2026.02", {**PROPERTIES, "status_code": KEYWORD})
    old.put(documents | bad | odd)
    words = ["--from", migrations.store("old", old), "--to", migrations.store("new", new), "--job", "bad"]
    code, said, report = migrations.run(*words)
    assert code == 1, said
    assert new.read() == odd | {key: held for key, held in documents.items() if key not in bad}, (said, report)
    assert (report["tally"]["refused"], sum(report["tally"]["reasons"].values())) == (3, 3)
    letters = _letters(migrations, f"{migrations.group}-migrate-bad-refused", 3)
    assert {letter["id"] for letter in letters} == {id_ for _, id_ in bad}
    assert all("status_code" in letter["__connect.errors.exception.message"] for letter in letters)


def test_a_dry_run_counts_and_writes_nothing(old: Store, new: Store, migrations: Migrations):
    """It tells the documents by client and month within the range, and makes neither index nor topic."""
    documents = hits(400, CLIENTS)
    old.put(documents)
    words = [
        "--from",
        migrations.store("old", old),
        "--to",
        migrations.store("new", new),
        "--clients",
        "12,13-20",
        "--job",
        "dry",
    ]
    code, said, _ = migrations.run(*words, "--from-date", "2026-02-10", "--dry-run")
    wanted = [fields for _, fields in documents.values() if fields["client_id"] != 900 and fields["time"] >= 1770681600000]
    assert code == 0, said
    assert f"{len(wanted)} documents of 3 clients; nothing was written" in said
    march = sum(fields["client_id"] == 12 and place == "hits-2026.03" for (place, _), (_, fields) in documents.items())
    assert any(line.split() == ["hits", "client", "12", "2026-03", str(march)] for line in said.splitlines()), said
    assert new.call("GET", f"/{new.prefix}-*/_settings") == {}
    assert not [topic for topic in _topics(migrations) if "migrate-dry" in topic]


def _topics(migrations: Migrations) -> list[str]:
    consumer = Consumer({"bootstrap.servers": migrations.bootstrap, "group.id": f"{migrations.group}-look"})
    try:
        return list(consumer.list_topics(timeout=20).topics)
    finally:
        consumer.close()


def _letters(migrations: Migrations, topic: str, count: int) -> list[dict[str, str]]:
    consumer = Consumer(
        {"bootstrap.servers": migrations.bootstrap, "group.id": f"{migrations.group}-letters", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    try:
        found = [message for _ in range(count) if (message := consumer.poll(30)) is not None and message.error() is None]
    finally:
        consumer.close()
    assert all(json.loads(message.value())["status_code"] == "four" for message in found)
    return [{name: value.decode() for name, value in message.headers()} for message in found]
