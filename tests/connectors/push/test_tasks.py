"""Proves that a poll gives what comes at once, with the cursor behind it, and closes its connections with itself."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest
from pushed_http import HOLD, ScriptedHttp, answered

from connectors.push.board import PushCursor
from connectors.push.one import ALIVE_SECS, ENDED_SECS
from connectors.push.options import PushConfig
from connectors.push.source import connector
from wellhead import PermanentError, TemporaryError
from wellhead.api import TaskContext
from wellhead.testing.clock import FakeClock

URL = "https://push.example/{channel}"


class Scene:
    """A task over scripted connections.

    Attributes:
        reports: What a person was told.
    """

    def __init__(self, *answers, clock=None, **options):
        self.http = ScriptedHttp(*answers)
        self.clock = clock or FakeClock()
        self.reports = []
        config = PushConfig(**{"url": "https://push.example/events"} | options)
        [stream, *_] = connector.streams_of(config)

        def report(event, message, **fields):
            self.reports.append((event, message, fields))

        context = TaskContext(http=self.http, clock=self.clock, spool_dir=Path(), report=report)
        self.task = stream.task(config, stream.name, context)

    def batches(self, cursor=None, most=None):
        """Give what a poll yields, `most` batches of it or all."""

        async def scenario():
            found = []
            async with asyncio.timeout(20), aclosing(self.task.poll(cursor)) as polled:
                async for batch in polled:
                    found.append(batch)
                    if len(found) == most:
                        break
            assert self.http.open == 0
            return found

        return asyncio.run(scenario())


def rows(batches):
    return [row for batch in batches if len(batch.table) for row in batch.table.to_pylist()]


def ids(batches):
    return [row["id"] for row in rows(batches)]


def marks(batches):
    return [row["gap_possible"] for row in rows(batches)]


def place(cursor, channel="default"):
    return json.loads(cursor.positions).get(channel)


def events(*numbers):
    return "".join(f"id: {number}\ndata: {number}\n\n" for number in numbers).encode()


def until(scene, wanted, cursor=None):
    """Give the batches up to the one with which so many records have come."""

    async def scenario():
        found = []
        async with asyncio.timeout(20), aclosing(scene.task.poll(cursor)) as polled:
            async for batch in polled:
                found.append(batch)
                if len(ids(found)) >= wanted:
                    return found
        return found

    return asyncio.run(scenario())


def test_what_comes_is_given_with_the_cursor_behind_it():
    """The cursor of a batch is what the next connection goes on from."""
    scene = Scene(answered(events(41, 42), HOLD))
    batches = until(scene, 2)
    assert ids(batches) == ["41", "42"]
    assert place(batches[-1].cursor)["last_event_id"] == "42"
    again = Scene(answered(events(43), HOLD))
    until(again, 1, batches[-1].cursor)
    assert again.http.asked[0].headers["Last-Event-ID"] == "42"


def test_the_first_connection_leaves_a_cursor_though_nothing_comes():
    """From the first connection on it is known that the channel was read, so that a gap after it can be told."""
    [batch] = Scene(answered(HOLD), resume="none").batches(most=1)
    assert len(batch.table) == 0
    scene = Scene(answered(events(1), HOLD), resume="none")
    found = until(scene, 1, batch.cursor)
    assert found[0].cursor.gap_possible
    assert marks(found) == [True]
    [(event, message, fields)] = scene.reports
    assert (event, fields["resume"]) == ("gap_possible", "none")
    assert "push.example" in message


def test_a_server_that_ends_properly_is_asked_again_when_it_wants():
    """A proper end ends the poll without an error; the next connection waits for what the server asked for."""
    clock = FakeClock()
    scene = Scene(answered(b"retry: 5000\n" + events(41)), clock=clock)
    last = scene.batches()[-1].cursor
    assert last.not_before_ms() == clock.now_ms() + 5_000
    assert place(last)["last_event_id"] == "41"
    quick = Scene(answered(events(41)), clock=clock, reconnect_secs=2)
    assert quick.batches()[-1].cursor.not_before_ms() == clock.now_ms() + 2_000


def test_a_server_that_says_no_more_is_left_alone():
    """204 ends the poll for an hour, and a person is told."""
    scene = Scene(answered(status=204, kind=None))
    last = scene.batches(PushCursor(positions='{"default":{"last_event_id":"41"}}'))[-1].cursor
    assert last.not_before_ms() == scene.clock.now_ms() + ENDED_SECS * 1000
    assert place(last)["last_event_id"] == "41"
    assert [event for event, *_ in scene.reports] == ["stream_ended"]


def test_a_lost_connection_waits_for_what_the_server_asked():
    """An error passes on, with the wait the server asked for."""
    scene = Scene(answered(b"retry: 7000\n\n" + events(41), TemporaryError("cut")))
    with pytest.raises(TemporaryError, match="cut") as lost:
        scene.batches()
    assert lost.value.after_secs == 7


def test_a_forgotten_position_is_a_gap_and_no_failure():
    """Where the server forgot the position it is read from now on, and that is told and marked."""
    scene = Scene(answered(status=410, kind=None), answered(events(90), HOLD))
    batches = until(scene, 1, PushCursor(positions='{"default":{"last_event_id":"41","received":3}}'))
    assert [asked.headers.get("Last-Event-ID") for asked in scene.http.asked] == ["41", None]
    assert marks(batches) == [True]
    assert [event for event, *_ in scene.reports] == ["position_forgotten", "gap_possible"]


@pytest.mark.parametrize("options", [{}, {"look_back_secs": 60}])
def test_silence_is_said_to_be_well(options):
    """Where nothing comes an empty batch with the same cursor says so, however far back ids are looked for."""

    async def scenario():
        scene = Scene(answered(HOLD), **options)
        async with aclosing(scene.task.poll(None)) as polled:
            first = await anext(polled)
            coming = asyncio.ensure_future(anext(polled))
            await scene.clock.until_sleeping()
            scene.clock.advance(ALIVE_SECS)
            second = await coming
            assert scene.http.open == 1
        assert scene.http.open == 0
        return first, second

    first, second = asyncio.run(scenario())
    assert len(second.table) == 0
    assert second.cursor == first.cursor


def test_a_sign_of_life_is_no_batch():
    """Comments of the server move nothing, so nothing is committed for them."""
    batches = Scene(answered(b": keep-alive\n\n", b": keep-alive\n\n", b": keep-alive\n\n")).batches()
    assert len(batches) == 2


def test_looking_back_for_what_is_sent_again():
    """With a look-back the cursor names the time from which on ids are looked for in the topic."""
    scene = Scene(answered(events(1), HOLD), look_back_secs=60)
    assert scene.batches(most=1)[0].cursor.replay_from_ms() == scene.clock.now_ms() - 60_000


@pytest.mark.parametrize("apart", [False, True])
def test_a_cursor_that_cannot_be_read_names_the_tool(apart):
    """What a person broke in a cursor is an error that says how to mend it."""
    scene = Scene(answered(HOLD), url=URL, channels="a", channels_apart=apart)
    with pytest.raises(PermanentError, match="wellhead offsets"):
        scene.batches(PushCursor(positions="[broken"))


def of_channels(**scripts):
    """Give a client whose answers are told by the channel in the address."""

    class ByChannel(ScriptedHttp):
        def _opened(self):
            name = self.asked[-1].url.rpartition("/")[2]
            script = scripts[name]
            chosen = ScriptedHttp(script.pop(0) if len(script) > 1 else script[0])
            return chosen._opened()

    return ByChannel()


def together(http, **options):
    scene = Scene(**{"url": URL, "clock": FakeClock(auto=True)} | options)
    scene.http = scene.task.http = http
    return scene


def test_channels_share_a_batch_and_each_has_its_place():
    """Events of several channels come in one stream, and the cursor has a place for each."""
    http = of_channels(a=[answered(events(1, 2), HOLD)], b=[answered(events(7), HOLD)])
    batches = until(together(http, channels="a, b"), 3)
    assert sorted(ids(batches)) == ["1", "2", "7"]
    last = batches[-1].cursor
    assert (place(last, "a")["last_event_id"], place(last, "b")["last_event_id"], last.received) == ("2", "7", 3)


def test_a_channel_is_made_again_from_where_it_was():
    """A connection that is lost, ends, or is told to end is made again from the last event that came, while the others go on."""
    script = [
        answered(events(1), TemporaryError("cut")),
        answered(events(2)),
        answered(status=204, kind=None),
        answered(events(3), HOLD),
    ]
    http = of_channels(a=script, b=[answered(events(7), HOLD)])
    assert sorted(ids(until(together(http, channels="a, b"), 4))) == ["1", "2", "3", "7"]
    asked = [each.headers.get("Last-Event-ID") for each in http.asked if each.url.endswith("/a")]
    assert asked == [None, "1", "2", "2"]


def test_a_channel_that_fails_for_good_is_told_and_the_others_go_on():
    """One channel that a person must mend is reported; where all are, the stream fails."""
    http = of_channels(a=[answered(status=403, kind=None)], b=[answered(events(7), HOLD)])
    scene = together(http, channels="a, b", clock=FakeClock())
    assert ids(until(scene, 1)) == ["7"]
    assert [(event, fields["channel"]) for event, _, fields in scene.reports] == [("channel_failed", "a")]
    assert http.troubles == {}, "nothing is told once it is not read"
    with pytest.raises(PermanentError, match="not allowed"):
        until(together(of_channels(a=[answered(status=403, kind=None)]), channels="a", clock=FakeClock()), 1)


def test_a_channel_that_is_no_more_loses_its_place():
    """The cursor names the channels of the options and no others."""
    cursor = PushCursor(positions='{"gone":{"last_event_id":"5"},"a":{"last_event_id":"1"}}')
    http = of_channels(a=[answered(events(2), HOLD)])
    batches = until(together(http, channels="a"), 1, cursor)
    assert list(json.loads(batches[-1].cursor.positions)) == ["a"]
    assert http.asked[0].headers["Last-Event-ID"] == "1"


def test_channels_apart_are_a_stream_each():
    """A channel by itself is asked at its own address and named in its records."""
    scene = Scene(answered(events(1), HOLD), url=URL, channels="a, b", channels_apart=True)
    batches = until(scene, 1)
    assert scene.http.asked[0].url == "https://push.example/a"
    assert [row["channel"] for row in rows(batches)] == ["a"]


def test_a_failed_channel_stands_in_the_status_while_it_is():
    """Whoever looks is told which channel failed and why, until it is open again."""
    http = of_channels(a=[answered(status=403, kind=None)], b=[answered(events(7), HOLD)])
    scene = together(http, channels="a, b", clock=FakeClock())
    scene.task._tell("a", "failed", "403: not allowed")
    assert http.troubles == {"a": "403: not allowed"}
    scene.task._tell("b", "waiting", "cut")
    assert http.troubles == {"a": "403: not allowed"}
    scene.task._tell("a", "open", "")
    assert http.troubles == {}


def test_channels_that_are_quiet_rest():
    """Time passes, nothing comes, and the cursor stays, though ids are looked for a while back: there is nothing to commit."""
    scene = together(of_channels(a=[answered(HOLD)], b=[answered(HOLD)]), channels="a, b", look_back_secs=60)
    began_ms = scene.clock.now_ms()
    first, *others = scene.batches(most=4)
    assert scene.clock.now_ms() > began_ms
    assert {each.cursor.since_ms for each in others} == {first.cursor.since_ms}
