"""Proves that each document ends in the store or among the dead letters, however the store behaves, and what is counted of it."""

import threading

import pytest
from document_messages import FakeMessage, document
from hypothesis import given
from hypothesis import strategies as st

from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.store.batch import batch_of
from wellhead.consumers.attacks.store.delivery import Delivery, Stopped
from wellhead.consumers.attacks.store.documents import read_document
from wellhead.consumers.attacks.store.shelf import Shelf
from wellhead.consumers.attacks.store.sizing import BulkSize
from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.actions import BulkAnswer, Refused
from wellhead.telemetry.attacks import StoreTally
from wellhead.testing.clock import FakeClock

AWAY = TemporaryError("store 's' is away")


class ScriptedStore:
    """Does with each bulk, one after the other, what is scripted; afterwards it takes all."""

    where = "store 's' at h"
    settings = StoreSettings(url="http://h")

    def __init__(self, *script):
        self.script = list(script)
        self.held, self.bulks, self.templates = {}, [], 0

    def put_template(self, *_):
        self.templates += 1

    def bulk(self, actions):
        self.bulks.append(len(actions))
        fate = self.script.pop(0) if self.script else "take"
        if isinstance(fate, Exception):
            raise fate
        if fate == "busy":
            return BulkAnswer(busy=list(actions))
        taken, known, refused, busy = 0, [], [], []
        for number, action in enumerate(actions):
            if action.id.startswith("bad"):
                refused.append(Refused(action, 400, "mapper_parsing_exception: no"))
            elif fate == "half" and number % 2:
                busy.append(action)
            elif self.held.get(action.id, 0) >= action.version:
                known.append(action)
            else:
                self.held[action.id] = action.version
                taken += 1
        return BulkAnswer(taken, len(known), refused, busy, known=known)


class Letters(list):
    def bury(self, refused):
        self.extend(refused)


class Hurried(threading.Event):
    """An event for which nobody waits: every wish to wait is noted and over at once."""

    def __init__(self, stop_after=10**6):
        super().__init__()
        self.waits, self._stop_after = [], stop_after

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return len(self.waits) > self._stop_after


def delivering(store, *, docs=100, stop=None):
    tally, letters = StoreTally("a", FakeClock(), store="s"), Letters()
    made = Delivery(
        store,
        Shelf(docs, 10**6, 0, FakeClock()),
        letters,
        BulkSize(docs, 10**6),
        tally=tally,
        clock=FakeClock(),
        stop=stop or Hurried(),
    )
    return made, tally, letters


def batch(*documents):
    return batch_of([(each, 1) for each in documents])


@given(st.lists(st.sampled_from(["take", "half", "busy", "away"]), max_size=12), st.integers(1, 40))
def test_every_document_ends_somewhere(script, docs):
    """Whatever a store does meanwhile, all good documents are in it in the end and all bad ones among the letters, each once."""
    store = ScriptedStore(*(AWAY if fate == "away" else fate for fate in script))
    made, tally, letters = delivering(store, docs=docs)
    good = [document(f"good{number}", kind=("hit", "attack")[number % 2], offset=number) for number in range(30)]
    bad = [document(f"bad{number}", offset=30 + number) for number in range(5)]
    made.deliver(batch(*good, *bad))
    assert store.held == {f"good{number}": 1 for number in range(30)}
    assert sorted(letter.action.id for letter, _, _ in letters) == [f"bad{number}" for number in range(5)]
    assert (tally.documents["hit"], tally.documents["attack"], tally.refusals, tally.stales) == (15, 15, 5, 0)


def test_what_is_there_already_is_counted_apart():
    """A replay writes nothing: its documents are stale, by kind not counted as written."""
    store = ScriptedStore()
    made, tally, _ = delivering(store)
    documents = [document("a", 2, kind="attack"), document("h", 1), document("a", 3, kind="attack", offset=1)]
    made.deliver(batch(*documents))
    made.deliver(batch(*documents))
    assert dict(tally.documents) == {"attack": 1, "hit": 1}
    assert tally.stales == 1 + 1 + 2


def test_a_store_that_is_away_is_waited_for():
    """The waits grow, the state says why, and the templates are put again before the first document after it: another store may have come back."""
    store, stop = ScriptedStore(AWAY, AWAY, AWAY), Hurried()
    made, tally, _ = delivering(store, stop=stop)
    made.deliver(batch(document("h")))
    assert stop.waits == [0.1, 0.2, 0.4]
    assert store.held == {"h": 1}
    assert store.templates == 2 * 4
    assert tally.now[0] == "running"
    assert tally.last_error[1] == "store 's' is away"
    stop.waits.clear()
    store.script = [AWAY]
    made.deliver(batch(document("h", 2)))
    assert stop.waits == [0.1]


def test_waits_are_bounded_and_as_long_as_asked_for():
    """No wait is longer than five seconds unless the other side names one."""
    asked = TemporaryError("later", after_secs=9.0)
    store, stop = ScriptedStore(*[AWAY] * 9, asked), Hurried()
    delivering(store, stop=stop)[0].deliver(batch(document("h")))
    assert stop.waits[-2:] == [5.0, 9.0]


def test_a_busy_store_gets_less_at_once():
    """After each refusal for lack of room the next bulk is half as large."""
    store = ScriptedStore("busy", "busy")
    made, tally, _ = delivering(store, docs=80)
    made.deliver(batch(*(document(str(number), offset=number) for number in range(80))))
    assert store.bulks == [80, 40, 20, 20, 20, 20]
    assert tally.retries == 80 + 40


def test_stopping_ends_the_wait_for_a_store():
    """A process that stops leaves what is under way to the next start."""
    made, _, _ = delivering(ScriptedStore(*[AWAY] * 9), stop=Hurried(stop_after=2))
    with pytest.raises(Stopped):
        made.deliver(batch(document("h")))


def test_what_a_person_must_change_is_raised():
    """A store that refuses us for good is not asked again and again, and nothing becomes a dead letter for it."""
    made, tally, letters = delivering(ScriptedStore(PermanentError("401")))
    with pytest.raises(PermanentError, match="401"):
        made.deliver(batch(document("h")))
    assert (letters, tally.refusals) == ([], 0)


def test_unreadable_messages_become_letters():
    """A message that asks for no write is buried with its reason, and the others of its batch are stored."""
    unreadable = read_document(FakeMessage(b"k", b"v", [], 0, 5), "w")
    store = ScriptedStore()
    made, tally, letters = delivering(store)
    made.deliver(batch(unreadable, document("h", offset=6)))
    assert [(kind, reason) for _, kind, reason in letters] == [("UnreadableDocument", unreadable.problem)]
    assert (store.held, tally.refusals) == ({"h": 1}, 1)
