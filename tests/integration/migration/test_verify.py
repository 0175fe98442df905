"""`verify` between a real Elasticsearch 6.8 and a real OpenSearch 2.19: what is planted is found and named, what is the same is called so."""

import copy
import json
import random
import threading
from collections.abc import Iterator

import orjson
import pytest
from click.testing import CliRunner
from twin_stores import DAY_MS, FIRST_MS, HOUR_MS, Twin, attacks, hits

from wellhead.clock import SystemClock
from wellhead.migration.copy.clients import parse_clients
from wellhead.migration.copy.job import Caps
from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.verify.asking import Asking
from wellhead.migration.verify.comparing import Sizes
from wellhead.migration.verify.continuous import Pace, watch
from wellhead.migration.verify.report import Report
from wellhead.migration.verify.rules import rules_of
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.verifying import Verifying, Wanted
from wellhead.search.store import Action
from wellhead.tools.verify import verify

HITS = hits()
ATTACKS = attacks(HITS)
SPAN = Span(FIRST_MS, FIRST_MS + 3 * DAY_MS)
# A hit in the middle of its hour and day, so that an hour more stays on the day.
VICTIM = next(hit for hit in HITS.values() if hit["client_id"] == 4242 and HOUR_MS * 30 < hit["time"] - FIRST_MS < HOUR_MS * 40)

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def old(old_search_url: str) -> Iterator[Twin]:
    """The source, which no test changes."""
    made = Twin(old_search_url, f"truth{random.randrange(10**9)}", "old")
    made.put("hits", HITS.values())
    made.put("attacks", ATTACKS.values())
    yield made
    made.clear()


@pytest.fixture
def new(search_url: str, unique: str) -> Iterator[Twin]:
    """The target, empty."""
    made = Twin(search_url, unique.strip("."), "new")
    yield made
    made.clear()


def fill(new: Twin, *, without: str | None = None, **changed) -> None:
    """Copy all, one document left out or changed."""
    for kind, documents in (("hits", HITS), ("attacks", ATTACKS)):
        new.put(kind, [each for id_, each in documents.items() if id_ != without])
    for kind, document in changed.items():
        new.put(kind, [document], version=99)


def compare(old: Twin, new: Twin, *, settle: threading.Event | None = None, **wanted) -> Report:
    clock = SystemClock()
    stop = settle or threading.Event()
    rules = rules_of(wanted.pop("ignored", ()), times=wanted.pop("times", ()))
    sides = [Asking(twin.store, Caps(searches=2), clock, stop.wait) for twin in (old, new)]
    verifying = Verifying(
        *sides,
        mapping=load_mapping(wanted.pop("mapping", "identity")),
        rules=rules,
        clock=clock,
        pause=stop.wait,
        random=random.Random(3),
    )
    given = {
        "settle_secs": 0.3,
        "sampled": 20,
        "api_clients": 0,
        "sizes": Sizes(parallel=2, digest_docs=150, read_docs=60, page_docs=25),
    }
    return verifying.run(Wanted(parse_clients(wanted.pop("clients", "all")), wanted.pop("span", SPAN), **given | wanted))


def only(report: Report):
    """The one difference that was found."""
    assert report.verdict == "different", report.fields()
    assert report.exit_code == 1
    assert report.differing == 1, report.fields()
    return report.settled.differences[0]


@pytest.mark.parametrize("method", ["auto", "read"])
def test_same_documents_are_equal(old: Twin, new: Twin, method):
    """Fields in another order, 1.0 for 1, absent for null and lists that have no order are no difference, and everything was compared."""

    def otherwise(document) -> bytes:
        shuffled = dict(reversed([(name, value) for name, value in document.items() if value is not None]))
        shuffled |= {name: float(value) for name, value in shuffled.items() if name in {"pool_id", "rule_version"}}
        shuffled |= {name: value[::-1] for name, value in shuffled.items() if name == "ip_top"}
        return orjson.dumps(shuffled)

    new.put("hits", HITS.values(), shape=otherwise)
    new.put("attacks", ATTACKS.values(), shape=otherwise)
    report = compare(old, new, method=method, api_clients=3)
    assert report.verdict == "equal", report.fields()
    assert report.exit_code == 0
    hits_seen = report.totals["hits"]
    assert (hits_seen.left, hits_seen.right, hits_seen.clients) == (len(HITS), len(HITS), 3)
    attacks_seen = report.totals["attacks"]
    ways = [(hits_seen.by_digest, attacks_seen.by_digest), (hits_seen.by_reading, attacks_seen.by_reading)]
    assert ways == [(len(HITS), len(ATTACKS)), (0, 0)][:: 1 if method == "auto" else -1]
    assert report.sampled > 10
    assert report.asked_api > 20


PLANTED = {
    "field": ("changed", "path", lambda hit: {"path": "/elsewhere"}),
    "unindexed": ("changed", "extensions.node", lambda hit: {"extensions": {"node": "other"}}),
    "secret": ("changed", "value", lambda hit: {"value": "' or 2=2 --"}),
    "order": ("changed", "point", lambda hit: {"point": ["q", "get"]}),
    "type": ("type", "status_code", lambda hit: {"status_code": "403"}),
    "hour": ("time", "time", lambda hit: {"time": hit["time"] + HOUR_MS}),
    "millisecond": ("time", "time", lambda hit: {"time": hit["time"] + 1}),
    "out_of_range": ("time", "time", lambda hit: {"time": hit["time"] + 400 * DAY_MS}),
}


@pytest.mark.parametrize("method", ["auto", "read"])
def test_every_changed_field_is_found(old: Twin, new: Twin, method):
    """Each of eight small changes among hundreds of documents is found with its field, client and hour; nothing else is, and no payload is shown."""
    fill(new)
    victims = dict(zip(PLANTED, random.Random(5).sample(list(HITS.values()), len(PLANTED)), strict=True))
    new.put("hits", [victims[name] | change(victims[name]) for name, (_, _, change) in PLANTED.items()], version=99)
    report = compare(old, new, method=method)
    assert report.differing == len(PLANTED), report.fields()
    found = {each.suspect.id: each for each in report.settled.differences}
    for name, (what, path, _) in PLANTED.items():
        each, victim = found[victims[name]["id"]], victims[name]
        assert (each.what, [field.path for field in each.fields]) == (what, [path]), name
        assert each.suspect.client == victim["client_id"]
        assert abs(each.suspect.at_ms - victim["time"]) <= HOUR_MS, name
    shifts = {name: found[victims[name]["id"]].fields[0].shift_ms for name in ("hour", "millisecond", "out_of_range")}
    assert shifts == {"hour": HOUR_MS, "millisecond": 1, "out_of_range": 400 * DAY_MS}
    assert "2=2" not in json.dumps(report.fields())


@pytest.mark.parametrize("method", ["auto", "read", "count"])
def test_a_missing_document_is_found(old: Twin, new: Twin, method):
    """A document that did not arrive is named, even where documents are only counted."""
    fill(new, without=VICTIM["id"])
    report = compare(old, new, method=method)
    found = only(report)
    assert (found.suspect.id, found.what) == (VICTIM["id"], "missing")
    assert report.narrowed[0].docs == (report.narrowed[0].docs[1] + 1, report.narrowed[0].docs[1])
    assert [hour // HOUR_MS for hour in report.narrowed[0].hours] == [VICTIM["time"] // HOUR_MS]


@pytest.mark.parametrize("method", ["auto", "read"])
def test_an_extra_document_is_found(old: Twin, new: Twin, method):
    """A document that only the target has is named."""
    fill(new, hits=VICTIM | {"id": "hits_production_4242_202602_v_1:extra", "path": "/new", "time": VICTIM["time"] + 5})
    found = only(compare(old, new, method=method))
    assert (found.suspect.id, found.what) == ("hits_production_4242_202602_v_1:extra", "extra")


@pytest.mark.parametrize("method", ["auto", "read"])
def test_a_duplicate_under_another_id_is_found(old: Twin, new: Twin, method):
    """A second copy is named together with what it is a copy of, though it shares time and content."""
    fill(new)
    new.store.bulk([_under(new, "copy", VICTIM)])
    new.store.refresh(f"{new.prefix}-*")
    found = only(compare(old, new, method=method))
    assert (found.suspect.id, found.what, found.twin) == ("copy", "duplicate", VICTIM["id"])


def _under(new: Twin, id_: str, document):
    return Action(new.index("hits"), id_, orjson.dumps(document), 1)


@pytest.mark.parametrize("method", ["auto", "read"])
def test_a_wrong_month_is_found(old: Twin, new: Twin, method):
    """A document that stands in another month's index is named, with both indices; one in both is a duplicate."""
    fill(new, without=VICTIM["id"])
    new.put("hits", [VICTIM], month="2026.03")
    found = only(compare(old, new, method=method))
    assert (found.suspect.id, found.what) == (VICTIM["id"], "index")
    assert (found.fields[0].left[-7:], found.fields[0].right[-7:]) == ("2026.02", "2026.03")
    new.put("hits", [VICTIM])
    found = only(compare(old, new, method=method))
    assert (found.suspect.id, found.what) == (VICTIM["id"], "duplicate")


@pytest.mark.parametrize("method", ["auto", "read"])
def test_an_older_version_is_found(old: Twin, new: Twin, method):
    """An attack as it was some hits ago is named as older."""
    attack = next(iter(ATTACKS.values()))
    earlier = attack | {"hits": attack["hits"] - 2, "version": attack["version"] - 2}
    fill(new, without=attack["id"])
    new.put("attacks", [earlier])
    found = only(compare(old, new, method=method))
    assert (found.suspect.id, found.what) == (attack["id"], "older")
    assert {"hits", "version"} <= {each.path for each in found.fields}


def test_an_older_version_with_the_same_fields_is_found_by_reading(old: Twin, new: Twin):
    """Reading compares external versions too, which a later write would otherwise run into; a newer one is no harm."""
    fill(new, without=VICTIM["id"])
    new.put("hits", [VICTIM], version=2)
    assert only(compare(old, new, method="read")).what == "older"
    new.put("hits", [VICTIM], version=12)
    assert compare(old, new, method="read").verdict == "equal"


def test_ignored_fields_times_and_clients_are_honoured(old: Twin, new: Twin):
    """What is ignored does not differ, ISO text is a time where it is said to be, and other clients are not looked at."""
    attack = next(each for each in ATTACKS.values() if each["client_id"] == 11)
    fill(new, hits=VICTIM | {"path": "/other"}, attacks=attack | {"state": "open"})
    assert compare(old, new).differing == 2
    assert compare(old, new, ignored=["path", "state"], top=0).verdict == "equal"
    assert compare(old, new, clients="12").verdict == "equal"
    assert compare(old, new, clients="11-12").differing == 1
    later = Span(FIRST_MS + 2 * DAY_MS, FIRST_MS + 3 * DAY_MS)
    assert compare(old, new, clients="4242", span=later).verdict == "equal"


def test_differences_are_all_counted_and_few_named(old: Twin, new: Twin):
    """With every document of a client wrong the report names as many as asked for and counts all."""
    fill(new)
    wrong = [hit | {"path": "/wrong"} for hit in HITS.values() if hit["client_id"] == 11]
    new.put("hits", wrong, version=50)
    report = compare(old, new, shown=7)
    assert report.differing == len(wrong) == 120
    assert len(report.settled.differences) == 7
    assert len(report.fields()["documents"]) == 7
    assert {each.client for each in report.narrowed} == {11}


def test_refresh_and_late_writes_are_no_difference(old: Twin, new: Twin):
    """What the target shows only at the second look is equal: the pause between looks is when it arrives."""
    fill(new, without=VICTIM["id"])
    arrived = _Arriving(lambda: new.put("hits", [VICTIM]))
    report = compare(old, new, settle=arrived)
    assert arrived.came == 1
    assert report.verdict == "equal", report.fields()


def test_documents_that_keep_changing_are_no_difference(old: Twin, new: Twin, old_search_url: str, unique: str):
    """While both stores take the same writes one after the other, an attack that is never twice the same is called moving, not different."""
    source = Twin(old_search_url, f"{unique.strip('.')}src", "source")
    try:
        for twin in (source, new):
            twin.put("hits", HITS.values())
            twin.put("attacks", ATTACKS.values())
        attack = copy.deepcopy(next(iter(ATTACKS.values())))
        behind = [attack["version"]]

        def write() -> None:
            behind.append(behind[-1] + 3)
            for twin, version in ((source, behind[-1]), (new, behind[-2])):
                twin.put("attacks", [attack | {"hits": version, "version": version}])

        write()
        report = compare(source, new, settle=_Arriving(write, always=True))
        assert report.verdict == "equal", report.fields()
        assert report.settled.moving == 1
    finally:
        source.clear()


class _Arriving(threading.Event):
    """A pause in which something is written."""

    def __init__(self, write, *, always: bool = False) -> None:
        super().__init__()
        self._write, self._always, self.came = write, always, 0

    def wait(self, timeout: float | None = None) -> bool:
        if timeout and (self._always or not self.came):
            self.came += 1
            self._write()
        return False


def test_two_empty_or_unreachable_stores_are_not_called_equal(old: Twin, new: Twin):
    """Nothing on either side, and a store that is away, are told as not compared."""
    nothing = compare(new, new)
    assert (nothing.verdict, nothing.exit_code) == ("incomparable", 2)
    away = Twin.__new__(Twin)
    away.store, away.prefix = new.store, new.prefix
    missing = compare(old, new, clients="777")
    assert missing.exit_code == 2
    assert "neither store" in missing.failure


def test_the_command_tells_and_exits(old: Twin, new: Twin, tmp_path):
    """The verb prints the table, stores the report and exits 0 for equal, 1 for different, 2 for a store that is away."""
    fill(new)
    files = {}
    for name, twin in (("old", old), ("new", new)):
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(f"url: {twin.store.settings.url[0]}\nindex.prefix: {twin.prefix}\n")
    files["away"] = tmp_path / "away.yaml"
    files["away"].write_text("url: http://127.0.0.1:9\ntimeout.secs: 1\n")
    report = tmp_path / "report.json"
    words = ["--settle", "0.3", "--from", str(files["old"]), "--report", str(report), "--sample", "10", "--parallel", "2"]
    ran = CliRunner().invoke(verify, [*words, "--to", str(files["new"])])
    assert ran.exit_code == 0, ran.output
    assert f"EQUAL: {len(HITS) + len(ATTACKS):,} documents" in ran.output
    new.put("hits", [VICTIM | {"method": "POST"}], version=60)
    ran = CliRunner().invoke(
        verify, [*words, "--to", str(files["new"]), "--from-date", "2026-02-10", "--to-date", "2026-02-13"]
    )
    assert ran.exit_code == 1, ran.output
    assert "DIFFERENT: 1 documents (1 changed)" in ran.output
    assert 'method: "GET" -> "POST"' in ran.output
    stored = json.loads(report.read_text())
    assert (stored["verdict"], stored["documents"][0]["id"]) == ("different", VICTIM["id"])
    ran = CliRunner().invoke(verify, [*words, "--to", str(files["away"])])
    assert ran.exit_code == 2, ran.output
    assert "NOT COMPARED" in ran.output


def test_mirrored_writes_are_watched_round_after_round(old: Twin, new: Twin):
    """Each round says in one line whether the newest closed windows are equal, and a later one that they no longer are."""
    fill(new)
    clock = SystemClock()
    sides = [Asking(twin.store, Caps(searches=2), clock, lambda _secs: False) for twin in (old, new)]
    verifying = Verifying(
        *sides,
        mapping=load_mapping("identity"),
        rules=rules_of(),
        clock=clock,
        pause=lambda _secs: False,
        random=random.Random(3),
    )

    class At(SystemClock):
        def now_ms(self) -> int:
            return SPAN.end_ms + 12_000

    said = []

    def tell(found) -> None:
        said.append(found.fields())
        if found.number == 1:
            new.put("hits", [VICTIM | {"path": "/later"}], version=70)

    wanted = Wanted(parse_clients("all"), SPAN, settle_secs=0, sampled=10, api_clients=0, sizes=Sizes(parallel=2))
    last = watch(verifying, wanted, Pace(60, 3 * 86_400, 10, rounds=2), clock=At(), pause=lambda _secs: False, tell=tell)
    assert [each["verdict"] for each in said] == ["equal", "different"]
    assert [(each["from_ms"], each["to_ms"]) for each in said] == [(SPAN.first_ms, SPAN.end_ms)] * 2
    assert said[1]["rounds_equal"] == said[1]["rounds_different"] == 1
    assert last.exit_code == 1
