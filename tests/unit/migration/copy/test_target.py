"""What became of each document is counted, and nothing is given up that the store only had no room for."""

import pytest

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.migration.copy.gate import AdaptiveGate
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.tally import Tally
from wellhead.migration.copy.target import Stopped, Target
from wellhead.migration.copy.translate import Found, Translator
from wellhead.search.actions import BulkAnswer, Refused

LAYOUT = Layout(index="i", target="t", time="time")


class FakeStore:
    """Takes bulks as scripted; knows versions."""

    def __init__(self, *answers, versions=None, **words):
        self.settings = StoreSettings(url="http://x:1", **words)
        self.answers = list(answers)
        self.bulks = []
        self.versions = versions or {}

    def bulk(self, actions):
        self.bulks.append([action.id for action in actions])
        made = self.answers.pop(0) if self.answers else BulkAnswer
        return made(actions) if made is not BulkAnswer else BulkAnswer(done=len(actions), secs=0.1)

    def about(self):
        class Known:
            class dialect:  # noqa: N801
                typed = True

        return Known

    def call(self, method, path, *, body, doing):
        assert all(doc["_type"] == "_doc" for doc in body["docs"])
        held = [self.versions.get(doc["_id"]) for doc in body["docs"]]
        return {"docs": [{"found": version is not None, "_version": version} for version in held]}


def target_of(store, pauses=None, *, stop=False):
    waited = pauses if pauses is not None else []

    def pause(secs):
        waited.append(secs)
        return stop

    gate = AdaptiveGate(4, slow_secs=9, clock=SystemClock())
    return Target(store, {"hits": Translator(LAYOUT, "p")}, gate, pause, chance=lambda: 1.0)


def found(*ids, version=5, kind="hits"):
    return [Found(kind, "i", id_, version, {"n": 1}) for id_ in ids]


def test_busy_documents_are_sent_again_until_taken():
    """Each time after a longer wait, and only those."""
    pauses = []
    store = FakeStore(
        lambda actions: BulkAnswer(done=1, busy=list(actions[1:])), lambda actions: BulkAnswer(busy=list(actions)), BulkAnswer
    )
    written = target_of(store, pauses).write(found("a", "b", "c"))
    assert store.bulks == [["a", "b", "c"], ["b", "c"], ["b", "c"]]
    assert (written.tally.copied, written.tally.refused) == (3, 0)
    assert pauses == [0.25, 0.5]


def test_what_was_there_is_told_from_what_was_newer():
    """By the version the target has of each; one that was written by us stays written by us, though a newer one has replaced it meanwhile."""
    store = FakeStore(
        lambda actions: BulkAnswer(done=1, stale=3, known=actions[1:]), versions={"a": 6, "b": 6, "c": 5, "d": 99}
    )
    tally = target_of(store).write(found("a", "b", "c", "d")).tally
    assert (tally.copied, tally.there, tally.newer) == (1, 1, 2)


def test_only_the_highest_version_of_a_page_is_written():
    """The others count as newer there."""
    store = FakeStore()
    page = [*found("a", version=1), *found("a", version=3), *found("a", version=2), *found("b")]
    tally = target_of(store).write(page).tally
    assert store.bulks == [["a", "b"]]
    assert (tally.copied, tally.newer, tally.read) == (2, 2, 4)


def test_bulks_stay_within_the_stores_settings():
    """By count and by size, each document whole."""
    store = FakeStore(bulk_max_docs=2, bulk_max_bytes=1024)
    target_of(store).write([*found("a", "b", "c"), Found("hits", "i", "big", 1, {"x": "y" * 2000}), *found("d")])
    assert store.bulks == [["a", "b"], ["c"], ["big"], ["d"]]


def test_refusals_of_store_and_mapping_are_kept_with_reason():
    """Neither stops the rest."""
    store = FakeStore(lambda actions: BulkAnswer(done=1, refused=[Refused(actions[1], 400, "mapper_parsing_exception")]))
    written = target_of(store).write([*found("a", "b"), *found("c", version=None), *found("d", kind="tea")])
    assert written.tally.copied == 1
    assert written.tally.refused == 3
    assert set(written.tally.reasons) == {"mapper_parsing_exception", "it has no version in _version", "it is none of hits"}
    assert next((each.action.id, each.action.source) for each in written.refused) == ("c", b'{"n":1}')
    assert written.tally.read == 4


@pytest.mark.parametrize("stop", [True, False])
def test_a_process_that_ends_does_not_wait_for_room(stop):
    """Nor one whose slice is another's by now."""
    store = FakeStore(*[lambda actions: BulkAnswer(busy=list(actions))] * 3)
    with pytest.raises(Stopped):
        target_of(store, stop=stop).write(found("a"), leaving=lambda: not stop)
    assert len(store.bulks) == 1


def test_nothing_is_nothing():
    """An empty page asks nobody."""
    store = FakeStore()
    assert target_of(store).write([]).tally == Tally()
    assert store.bulks == []
