import asyncio

import pytest
from scripted_stores import FOUND, Rig, ScriptedStore, attacks_settings

from wellhead.consumers.attacks.api.filters import Filters
from wellhead.consumers.attacks.api.mirror import Question
from wellhead.errors import ConfigError, PermanentError, Problem, TemporaryError
from wellhead.rest.contract import ApiError
from wellhead.testing.clock import FakeClock

AWAY = TemporaryError("store is away")
ASKED = Question("attacks", "client 1", lambda reader: reader.attacks(Filters(client=(1,))))


def run(ask, primary, second, **serve):
    async def inside():
        async with Rig(FakeClock(auto=True), {"primary": primary, "second": second}, **serve) as rig:
            return await ask(rig)

    return asyncio.run(inside())


def test_a_failing_store_is_told():
    """Without `fallback` the failure is the answer, and is counted without a store."""

    async def ask(rig):
        with pytest.raises(TemporaryError, match="away"):
            await rig.answering.answer(ASKED)
        return rig.tally.answers

    assert run(ask, ScriptedStore(error=AWAY), ScriptedStore(FOUND)) == {("attacks", "", "503"): 1}


@pytest.mark.parametrize("error", [AWAY, PermanentError("401")])
def test_the_other_store_stands_in(error):
    """With `fallback` the other store answers, says for whom, and is not compared with the one that cannot."""

    async def ask(rig):
        return await rig.answering.answer(ASKED), rig.tally.fallbacks

    found, counted = run(ask, ScriptedStore(error=error), ScriptedStore(FOUND), fallback=True, **{"mirror.percent": 100})
    assert (found.store, found.instead_of, found.other) == ("second", "primary", None)
    assert found.content["attacks"] == [FOUND]
    assert counted == {("attacks", "primary"): 1}


def test_nobody_waits_for_a_store_known_to_be_down():
    """With `fallback` a store that was found down is not asked again until a probe finds it up; without it, it is."""

    async def ask(rig):
        for _ in range(3):
            assert (await rig.answering.answer(ASKED)).store == "second"
        asked_down = len(primary.asked)
        primary.error = None
        await rig.backends["primary"].probe(1)
        return asked_down, (await rig.answering.answer(ASKED)).store

    primary = ScriptedStore(FOUND, error=AWAY)
    assert run(ask, primary, ScriptedStore(FOUND), fallback=True) == (1, "primary")


def test_a_refused_question_is_not_asked_elsewhere():
    """What no store can answer is refused at once, and the store that said so is not taken for down."""

    async def ask(rig):
        wish = Question("attacks", "k", lambda reader: reader.attacks(Filters(), "forged"))
        with pytest.raises(ApiError):
            await rig.answering.answer(wish)
        return rig.tally.answers, rig.backends["primary"].is_up

    counted, is_up = run(ask, ScriptedStore(FOUND), ScriptedStore(FOUND), fallback=True)
    assert counted == {("attacks", "", "400"): 1}
    assert is_up is not False


@pytest.mark.parametrize("part", [{"timed_out": True}, {"_shards": {"total": 3, "failed": 1}}])
def test_a_part_is_never_taken_for_the_whole(part):
    """An answer of only some shards, or of a search that ran out of time, is a failure that passes."""

    async def ask(rig):
        with pytest.raises(TemporaryError, match="in part"):
            await rig.answering.answer(ASKED)
        return True

    store = ScriptedStore(FOUND)
    store.more = part
    assert run(ask, store, ScriptedStore(FOUND))


def test_changed_settings_are_taken_up():
    """What the files say is in force after they were read; stores, listeners and the timeout stay and are told."""

    async def ask(rig):
        rig.settings = attacks_settings(**{"shift.percent": 42, "timeout.secs": 3, "page.max": 5})
        await rig.switches.reread()
        now = rig.switches.current
        return now.shift_percent, now.timeout_secs, now.page_max, rig.switches.problem, rig.tally.rereads

    assert run(ask, ScriptedStore(), ScriptedStore()) == (42, 10, 5, "", {"taken": 1})


def test_settings_that_cannot_be_used_change_nothing(caplog):
    """Where the files cannot be used the former settings hold, and the log says why."""

    async def ask(rig):
        def refuse():
            raise ConfigError("a.yaml", [Problem("attacks.wallarm.serve.shift.percent", "must be at most 100")])

        rig.switches._read = refuse
        await rig.switches.reread()
        return rig.switches.current.shift_percent, rig.switches.told()["problem"], rig.tally.rereads

    percent, problem, counted = run(ask, ScriptedStore(), ScriptedStore(), **{"shift.percent": 5})
    assert (percent, counted) == (5, {"refused": 1})
    assert "must be at most 100" in problem
    assert "the former settings hold" in caplog.text


def test_a_store_that_is_new_needs_a_restart():
    """Reads cannot be turned to a store the process was not started with."""

    async def ask(rig):
        found = attacks_settings()
        stores = {**found.stores, "third": found.stores["second"]}
        serve = found.serve.model_copy(update={"mirror_to": "third"})
        rig.settings = found.model_copy(update={"stores": stores, "serve": serve})
        await rig.switches.reread()
        return rig.switches.current.mirror_to, rig.switches.problem

    current, problem = run(ask, ScriptedStore(), ScriptedStore())
    assert current == "second"
    assert "restart" in problem


def test_a_file_is_looked_at_again_only_when_it_changes(tmp_path):
    """The files are watched by their stamps: a change is taken up within a look, an unchanged file is not read."""
    path, clock, read = tmp_path / "a.yaml", FakeClock(), []
    path.write_text("1")

    async def inside():
        async with Rig(clock, {"primary": ScriptedStore(), "second": ScriptedStore()}) as rig:
            switches = rig.switches
            switches._paths, switches._read = (path,), lambda: read.append(path.read_text()) or rig.settings
            switches._stamps = switches._look()
            following = asyncio.create_task(switches.follow())
            for content in (None, "22", None, "333"):
                await clock.until_sleeping()
                if content is not None:
                    path.write_text(content)
                clock.advance(1)
                await asyncio.sleep(0)
            await clock.until_sleeping()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(inside())
    assert read == ["22", "333"]
