import asyncio
import threading

import pytest
from scripted_stores import FOUND, Rig, ScriptedStore

from wellhead.consumers.attacks.api.filters import Filters
from wellhead.consumers.attacks.api.mirror import MOST_AT_ONCE, Question
from wellhead.errors import PermanentError, TemporaryError
from wellhead.testing.clock import FakeClock

AWAY = TemporaryError("store is away")
OTHER = {**FOUND, "id": "202602:000000000000000000000000", "path": "/c4n4ry"}


def question(client=4242):
    return Question("attacks", f"client {client}", lambda reader: reader.attacks(Filters(client=(client,))))


def run(primary, second, ask, *, clock=None, **serve):
    async def inside():
        async with Rig(clock or FakeClock(auto=True), {"primary": primary, "second": second}, **serve) as rig:
            await ask(rig)
            return rig

    return asyncio.run(inside())


async def once(rig):
    answered = await rig.answering.answer(question())
    rig.answering.after(question(), answered)
    await rig.mirror.settled()
    return answered


@pytest.mark.parametrize(("percent", "least", "most"), [(0, 0, 0), (30, 15, 45), (100, 100, 100)])
def test_a_share_is_mirrored(percent, least, most):
    """About the given share of the questions goes to the other store too; none at 0, all at 100."""
    second = ScriptedStore(FOUND)

    async def ask(rig):
        for _ in range(100):
            await once(rig)

    rig = run(ScriptedStore(FOUND), second, ask, **{"mirror.percent": percent})
    assert least <= len(second.asked) <= most
    assert rig.tally.mirrors.total() == len(second.asked)
    assert set(rig.tally.mirrors) <= {("attacks", "same")}


def test_a_lasting_difference_is_counted_and_told(caplog):
    """What differs at both looks is counted by kind and told with ids and fields, never with a document's content."""
    rig = run(ScriptedStore(FOUND, OTHER), ScriptedStore({**FOUND, "type": "c4n4ry"}), once, **{"mirror.percent": 100})
    assert rig.tally.disagreements == {("attacks", "missing"): 1, ("attacks", "changed"): 1}
    assert rig.tally.mirrors == {("attacks", "different"): 1}
    assert OTHER["id"] in caplog.text
    assert "'type'" in caplog.text
    assert "c4n4ry" not in caplog.text


def test_what_comes_late_is_no_difference():
    """A document that the other store shows only after `mirror.recheck.secs` counts as late, not as a disagreement."""
    clock = FakeClock()
    second = ScriptedStore()

    async def ask(rig):
        answered = await rig.answering.answer(question())
        rig.answering.after(question(), answered)
        await clock.until_sleeping()
        second.documents.append(FOUND)
        clock.advance(30)
        await rig.mirror.settled()

    rig = run(ScriptedStore(FOUND), second, ask, clock=clock, **{"mirror.percent": 100, "mirror.recheck.secs": 30})
    assert rig.tally.mirrors == {("attacks", "late"): 1}
    assert rig.tally.disagreements == {}


@pytest.mark.parametrize("error", [AWAY, PermanentError("refused")])
def test_a_failing_other_store_changes_no_answer(error):
    """The other store's failure is counted and nothing else."""
    rig = run(ScriptedStore(FOUND), ScriptedStore(error=error), once, **{"mirror.percent": 100})
    assert rig.tally.mirrors == {("attacks", "failed"): 1}
    assert rig.tally.answers == {("attacks", "primary", "200"): 1}


def test_a_hanging_other_store_is_bounded():
    """While the other store hangs, answers come as ever and only so many questions wait for it; the rest are counted as dropped."""
    release = threading.Event()

    class Hanging(ScriptedStore):
        def search(self, index, body):
            release.wait(60)
            return super().search(index, body)

    async def ask(rig):
        for _ in range(MOST_AT_ONCE + 5):
            answered = await rig.answering.answer(question())
            assert answered.store == "primary"
            rig.answering.after(question(), answered)
        release.set()
        await rig.mirror.settled()

    rig = run(ScriptedStore(FOUND), Hanging(FOUND), ask, **{"mirror.percent": 100})
    assert rig.tally.mirrors == {("attacks", "dropped"): 5, ("attacks", "same"): MOST_AT_ONCE}


def test_the_shifted_are_mirrored_to_the_first():
    """A client that the share took along is answered by the other store, and the first one is then asked too."""
    primary, second = ScriptedStore(FOUND), ScriptedStore(FOUND)
    rig = run(primary, second, once, **{"mirror.percent": 100, "shift.percent": 100})
    assert rig.tally.answers == {("attacks", "second", "200"): 1}
    assert (len(primary.asked), len(second.asked)) == (1, 1)
