"""A slice goes on from its last checkpoint, page by page, and only for its owner."""

import threading
from types import SimpleNamespace

import orjson

from wellhead.clock import SystemClock
from wellhead.errors import TemporaryError
from wellhead.migration.copy.lanes import Lanes, Tenure
from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.source import SourcePage
from wellhead.migration.copy.tally import Progress, Tally
from wellhead.migration.copy.target import Written

SLICE = Slice(3, "hits", "i", 6)


class Scene:
    """A source of numbered documents, a target and a journal in memory."""

    def __init__(self, docs=6, page=2, fail_at=None, known=None):
        self.docs, self.page = docs, page
        self.fail_at = list(fail_at or [])
        self.written, self.journal_records, self.pauses = [], [], []
        self.latest = known
        self.on_write = lambda _docs: None
        self.name, self.member, self.partitions, self.page_docs = "job", "me", 4, page
        self.source, self.target, self.cap, self.clock = self, SimpleNamespace(write=self.take), None, SystemClock()
        self.journal = SimpleNamespace(write=self.journal_records.extend, bury=lambda *_: None)

    def pages(self, wanted, after, size, cap):
        at = after[0] if after else 0
        while at < self.docs:
            if self.fail_at and self.fail_at[0] == at:
                self.fail_at.pop(0)
                raise TemporaryError("the source is away")
            page = list(range(at, min(at + size, self.docs)))
            at += size
            yield SourcePage(page, 0, [at])

    def take(self, docs, _leaving):
        self.on_write(docs)
        self.written.extend(docs)
        return Written(Tally(copied=len(docs)), [])

    def known(self, _number):
        return self.latest

    def remember(self, progress):
        self.latest = progress

    def copy(self, tenure=None):
        tenure = tenure or Tenure(3, 7)
        lanes = Lanes(self, 1, lambda secs: self.pauses.append(secs) or False)
        lanes.add(tenure, [SLICE])
        deadline = threading.Event()
        while (tenure.busy or lanes._waiting) and lanes.failure is None:
            assert not deadline.wait(0.01)
        lanes.close()
        assert lanes.failure is None, lanes.failure
        return [(record.key, orjson.loads(record.value) if record.value else None) for record in self.journal_records]


def test_each_page_is_written_then_checkpointed():
    """And the last record says that the slice is done."""
    scene = Scene()
    records = scene.copy()
    assert scene.written == [0, 1, 2, 3, 4, 5]
    assert [(value["after"], value["tally"]["copied"], value["done"]) for _, value in records] == [
        ([2], 2, False),
        ([4], 4, False),
        ([6], 6, False),
        ([6], 6, True),
    ]
    assert {key for key, _ in records} == {"progress/0000003/7"}


def test_a_successor_copies_what_is_left_and_removes_what_it_inherited():
    """Counts go on where the former owner was; its record is removed once there is another."""
    scene = Scene(known=Progress(3, 2, [4], Tally(copied=4, pages=2), member="other"))
    records = scene.copy()
    assert scene.written == [4, 5]
    assert [key for key, _ in records] == ["progress/0000003/7", "progress/0000003/2", "progress/0000003/7"]
    assert records[1][1] is None
    assert records[-1][1]["tally"]["copied"] == 6


def test_what_is_done_is_not_touched():
    """Not even read."""
    scene = Scene(known=Progress(3, 2, [6], Tally(copied=6), done=True), fail_at=[0])
    assert scene.copy() == []
    assert scene.written == []


def test_a_source_that_was_away_costs_no_page():
    """The slice goes on from its checkpoint, after longer and longer waits."""
    scene = Scene(fail_at=[2, 2, 2, 4])
    scene.copy()
    assert scene.written == [0, 1, 2, 3, 4, 5]
    assert scene.pauses == [1.0, 2.0, 4.0, 1.0]


def test_the_page_under_way_is_the_last_of_a_tenure():
    """Its checkpoint is written; what follows is the successor's."""
    scene, tenure = Scene(), Tenure(3, 7)
    scene.on_write = lambda docs: tenure.ended.set() if docs == [2, 3] else None
    records = scene.copy(tenure)
    assert scene.written == [0, 1, 2, 3]
    assert records[-1][1]["after"] == [4]
    assert not records[-1][1]["done"]


def test_the_next_page_is_read_while_one_is_written():
    """So the source and the target work at the same time, even for a single slice; and no more than that one waits."""
    scene, second, first_is_taken = Scene(), threading.Event(), []
    read = scene.pages

    def pages(*told):
        for page in read(*told):
            if page.found == [2, 3]:
                second.set()
            yield page

    scene.source = SimpleNamespace(pages=pages)
    scene.on_write = lambda docs: first_is_taken.append(second.wait(60)) if docs == [0, 1] else None
    scene.copy()
    assert first_is_taken == [True]
    assert scene.written == [0, 1, 2, 3, 4, 5]


def test_attacks_go_first_then_the_largest_slices():
    """A copied hit's attack is there, and the last slices to be begun are those that are soon done."""
    scene, order = Scene(docs=0), []
    begun = threading.Event()

    def pages(wanted, *_told):
        begun.wait(60)
        order.append(wanted.number)
        yield from ()

    scene.source = SimpleNamespace(pages=pages)
    scene.known = lambda _number: None
    lanes, tenure = Lanes(scene, 1, lambda _secs: False), Tenure(3, 7)
    wanted = [Slice(1, "hits", "i", 5), Slice(2, "hits", "i", 50), Slice(3, "hits", "i", 20), Slice(4, "attacks", "i", 1)]
    lanes.add(tenure, [Slice(0, "hits", "i", 1)])
    while not tenure.busy:
        assert not threading.Event().wait(0.01)
    lanes.add(tenure, wanted)
    begun.set()
    while tenure.busy or lanes._waiting:
        assert not threading.Event().wait(0.01)
    lanes.close()
    assert order == [0, 4, 2, 3, 1]


def test_end_waits_for_the_page_under_way():
    """When it returns nothing more is written for the tenure, and nothing that waits begins."""
    scene, tenure = Scene(), Tenure(3, 7)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_docs):
        begun.set()
        assert go_on.wait(30)

    scene.on_write = hold
    lanes = Lanes(scene, 1, lambda _secs: False)
    lanes.add(tenure, [SLICE, SLICE])
    assert begun.wait(30)
    ending = threading.Thread(target=lanes.end, args=(tenure,))
    ending.start()
    assert tenure.ended.wait(30)
    assert ending.is_alive()
    go_on.set()
    ending.join(30)
    assert not ending.is_alive()
    lanes.close()
    assert scene.written == [0, 1]
