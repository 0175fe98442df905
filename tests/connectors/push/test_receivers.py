"""Proves of every way of receiving that any split of the bytes gives the same events, and that nothing a server sends is a defect."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushed_http import HOLD, ScriptedHttp, ScriptedSocket, answered

from connectors.push import long_poll, ndjson, sse, websocket
from connectors.push.door import Door
from connectors.push.jsonevents import members_of
from connectors.push.options import PushConfig
from wellhead import PermanentError, TemporaryError
from wellhead.errors import WellheadError
from wellhead.http.lost import StreamLost

WAYS = {"sse": sse, "ndjson": ndjson, "long_poll": long_poll, "websocket": websocket}
KIND = {"sse": "text/event-stream", "ndjson": "application/x-ndjson", "long_poll": "application/json"}
FIELDS = {"id_field": "id", "event_field": "kind"}


def received(protocol, *pieces, position="", http=None, **options):
    """Give everything that comes of these pieces, as (events, rejects, unwanted, position, retry)."""
    scheme = "wss" if protocol == "websocket" else "https"
    config = PushConfig(url=f"{scheme}://push.example/events", protocol=protocol, **options)
    answer = ScriptedSocket(list(pieces)) if protocol == "websocket" else answered(*pieces, kind=KIND[protocol])
    http = http or ScriptedHttp(answer)

    async def scenario():
        found = [each async for each in WAYS[protocol].receive(Door(http, config, "default"), position)]
        assert http.open == 0
        return found

    arrivals = asyncio.run(scenario())
    retries = [each.retry_ms for each in arrivals if each.retry_ms is not None]
    return (
        [(event.id, event.event, event.data) for each in arrivals for event in each.events],
        [(reject.raw, reject.reason) for each in arrivals for reject in each.rejects],
        sum(each.unwanted for each in arrivals),
        arrivals[-1].position,
        retries[-1] if retries else None,
    )


def split(content, cuts):
    at = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(at)]


STREAM = (
    '\ufeff: connected\nretry: 3000\n\nid: 41\nevent: alert\ndata: {"seq":41,\ndata: "kind":"blöck"}\n\n'
    ": keep-alive\r\n\r\nid: 42\r\ndata: two\r\n\r\nevent: heartbeat\ndata\n\ndata: three\r\rid\ndata: four\n\nid: 9\ndata: cut"
).encode()


def test_sse_gives_its_events():
    """Kind, id and data of each event come as sent; an event without an id has none; what was cut off is no event."""
    events, rejects, unwanted, position, retry_ms = received("sse", STREAM)
    assert events == [
        ("41", "alert", '{"seq":41,\n"kind":"blöck"}'),
        ("42", "message", "two"),
        (None, "heartbeat", ""),
        (None, "message", "three"),
        (None, "message", "four"),
    ]
    assert (rejects, unwanted, position, retry_ms) == ([], 0, "", 3_000)


def test_sse_goes_on_from_its_position():
    """Where the server names no new position the one it was asked from still stands."""
    assert received("sse", b"data: x\n\n", position="40")[3] == "40"


def test_kinds_that_are_not_wanted_are_counted_and_move_the_position():
    """Events of other kinds are left out, counted, and passed all the same."""
    events, _, unwanted, position, _ = received("sse", b"id: 1\nevent: a\ndata\n\nid: 2\nevent: b\ndata\n\n", events="a")
    assert (events, unwanted, position) == ([("1", "a", "")], 1, "2")


LINES = b'{"id": 1, "kind": "a", "x": 1.0}\n\n\r\n{"id": "2"}\r\n{broken\n\xff\n{"id": 3}\n{"id": 4'


def test_ndjson_gives_a_line_an_event():
    """Each line is an event as sent, a blank one a sign of life, one that is no JSON a reject, and the last without an end nothing."""
    events, rejects, _, position, _ = received("ndjson", LINES, **FIELDS)
    assert events == [
        ("1", "a", '{"id": 1, "kind": "a", "x": 1.0}'),
        ("2", "message", '{"id": "2"}'),
        ("3", "message", '{"id": 3}'),
    ]
    assert rejects == [(b"{broken", "is no JSON"), (b"\xff", "is not UTF-8")]
    assert position == "3"


def test_websocket_gives_a_message_an_event():
    """Text and binary messages are events; with no option that looks into them they need not be JSON."""
    assert received("websocket", "plain", b"bytes", "", b"\xff")[:2] == (
        [(None, "message", "plain"), (None, "message", "bytes")],
        [(b"\xff", "is not UTF-8")],
    )
    events, rejects, _, position, _ = received("websocket", '{"id": 7, "kind": "a"}', "plain", **FIELDS)
    assert (events, position) == ([("7", "a", '{"id": 7, "kind": "a"}')], "7")
    assert rejects == [(b"plain", "is no JSON")]


def test_websocket_subscribes_first():
    """What the options say is sent first, once a connection."""
    socket = ScriptedSocket(["x"])
    assert received("websocket", http=ScriptedHttp(socket), subscribe='{"join": "alerts"}')[0]
    assert socket.sent == ['{"join": "alerts"}']


def polled(*answers, **options):
    """Give what comes of a long poll's answers, and what was asked."""
    http = ScriptedHttp(*answers, answered(status=204, kind=None))
    found = received("long_poll", http=http, resume="query", resume_param="after", **options)
    return found, [each.url.partition("?")[2] for each in http.asked]


def as_json(body):
    return answered(json.dumps(body).encode(), kind="application/json")


def test_long_poll_asks_on_from_what_it_got():
    """Each answer is asked for from the last event of the one before, until the server does not hold an answer."""
    found, asked = polled(as_json([{"id": 1}, {"id": 2}]), as_json([{"id": 3, "kind": "a"}]), **FIELDS)
    assert [each[0] for each in found[0]] == ["1", "2", "3"]
    assert asked == ["", "after=2", "after=3"]


def test_long_poll_takes_list_and_position_where_they_are():
    """The list stands under a name, the position where the answer tells it, and events come as sent, byte for byte."""
    content = b'{"meta": {"next": "t-9"}, "items": [ {"x": 1.50}, 7, "text" ]}'
    found, asked = polled(answered(content, kind="application/json"), items_field="items", position_field="meta.next")
    assert [each[2] for each in found[0]] == ['{"x": 1.50}', "7", '"text"']
    assert asked == ["", "after=t-9"]


def test_long_poll_does_not_spin():
    """A server that gives the same again, whatever it is asked after, is asked once a connection."""
    found, asked = polled(as_json([{"x": 1}]), as_json([{"x": 1}]))
    assert len(found[0]) == 1
    assert asked == [""]


@pytest.mark.parametrize(
    "nothing", [answered(status=304, kind=None), answered(status=408, kind=None), as_json([]), as_json(None)]
)
def test_long_poll_that_brings_nothing(nothing):
    """Each way of saying that nothing came is no error and no event."""
    found, _ = polled(nothing)
    assert found[:3] == ([], [], 0)


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [(b"{", TemporaryError, "no JSON"), (b"7", PermanentError, "no list"), (b"{}", PermanentError, "no list")],
)
def test_long_poll_that_is_no_list(body, kind, told):
    """An answer that is cut is asked for again; one of another shape names the option to look at."""
    with pytest.raises(kind, match=told):
        polled(answered(body, kind="application/json"))


def test_long_poll_is_bounded():
    """An answer without end is given up at its bound, and a large event of one is a reject."""
    with pytest.raises(PermanentError, match="more than 2,048 bytes"):
        polled(answered(b"[", b" " * 4_096, HOLD, kind="application/json"), batch_max_bytes=2_048)
    found, _ = polled(as_json(["x" * 2_000, "y"]), event_max_bytes=1_024)
    assert [each[2] for each in found[0]] == ['"y"']
    assert found[1][0][1].startswith("has more than 1,024 bytes")


def test_long_poll_gets_past_an_event_that_is_too_large():
    """What is too large is a reject once, and the next answer is asked for from behind it; one that cannot be named is asked once a connection."""
    found, asked = polled(as_json([{"id": 1, "x": "y" * 2_000}]), as_json([{"id": 2}]), event_max_bytes=1_024, **FIELDS)
    assert ([each[0] for each in found[0]], len(found[1])) == (["2"], 1)
    assert asked == ["", "after=1", "after=2"]
    nameless = as_json(["x" * 2_000])
    found, asked = polled(nameless, nameless, nameless, event_max_bytes=1_024)
    assert (len(found[1]), asked) == (1, [""])


@pytest.mark.parametrize("protocol", ["sse", "ndjson"])
def test_an_event_without_end_is_a_reject_and_the_next_one_comes(protocol):
    """An event over its bound is kept in part with the reason, memory stays bounded, and reading goes on behind it."""
    end, events = {"sse": (b"\n\n", b"id: 2\ndata: x\n\n"), "ndjson": (b"\n", b'{"id": 2}\n')}[protocol]
    start = {"sse": b"data: ", "ndjson": b'"'}[protocol]
    fields = FIELDS if protocol == "ndjson" else {}
    found, rejects, *_ = received(protocol, start + b"y" * 900, b"y" * 4_000, end + events, event_max_bytes=1_024, **fields)
    assert [each[0] for each in found] == ["2"]
    [(raw, reason)] = rejects
    assert "more than 1,024 bytes" in reason
    assert len(raw) <= 65_536


CONTENT = {"sse": STREAM, "ndjson": LINES}


@given(st.sampled_from(["sse", "ndjson"]), st.lists(st.integers(min_value=0), max_size=8))
def test_any_split_gives_the_same(protocol, cuts):
    """However the bytes are cut into pieces, the same events come."""
    fields = FIELDS if protocol == "ndjson" else {}
    content = CONTENT[protocol]
    assert received(protocol, *split(content, cuts), **fields) == received(protocol, content, **fields)


@given(st.sampled_from(["sse", "ndjson"]), st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=4))
def test_garbage_gives_the_same_however_it_is_split(protocol, content, cuts):
    """Bytes of any kind are events, rejects or nothing, the same for every split, and never a defect."""
    fields = FIELDS if protocol == "ndjson" else {}
    assert received(protocol, *split(content, cuts), **fields) == received(protocol, content, **fields)


@given(
    st.sampled_from(["long_poll", "websocket"]), st.one_of(st.binary(max_size=200), st.from_regex(rb"[\[{\"0-9,:}\] ]{0,40}"))
)
def test_garbage_is_never_a_defect(protocol, content):
    """Whatever an answer or a message holds, it is events, rejects, nothing, or an error with a recovery."""
    try:
        events, *_ = received(protocol, content, **FIELDS)
        told = [data for _, _, data in events]
    except WellheadError as error:
        told = [str(error)]
    assert all(isinstance(each, str) for each in told)


def test_ndjson_goes_on_behind_a_last_line_that_is_too_large():
    """The id in what is kept of it is where the next connection goes on, so that it is one dead letter, not one a connection."""
    line = json.dumps({"id": 7, "kind": "alert", "filling": "x" * 2_000}).encode() + b"\n"
    found = received("ndjson", b'{"id": 6}\n', line, event_max_bytes=1_024, **FIELDS)
    assert (len(found[1]), found[3]) == (1, "7")
    behind = json.dumps({"filling": "x" * 2_000, "id": 7}).encode() + b"\n"
    assert received("ndjson", b'{"id": 6}\n', behind, event_max_bytes=1_024, **FIELDS)[3] == "6"


@pytest.mark.parametrize("cut", ['{"id": 12', '{"id', '{"id": "1', "[1", "", '{"id":' + "[" * 100_000])
def test_what_is_cut_names_no_id(cut):
    """A number may go on behind the cut, so it is none."""
    assert members_of(cut) == {}


def test_a_websocket_message_that_is_too_large_is_a_dead_letter():
    """It does not end the connection, and what comes behind it is an event."""
    large = json.dumps({"id": 1, "filling": "x" * 2_000})
    found = received("websocket", large, '{"id": 2}', event_max_bytes=1_024, **FIELDS)
    assert ([each[0] for each in found[0]], len(found[1])) == (["2"], 1)
    assert received("websocket", large, event_max_bytes=1_024, **FIELDS)[3] == "1"


def test_empty_answers_of_a_long_poll_are_no_progress():
    """Where events are due, a server that answers with nothing again and again is found, over however many answers."""
    empty = as_json([])
    config = PushConfig(url="https://push.example/events", protocol="long_poll", expected_event_secs=0.01, **FIELDS)

    async def scenario():
        door = Door(ScriptedHttp(as_json([{"id": 1}]), empty), config, "default")
        for _ in range(1_000):
            async for _arrived in long_poll.receive(door, ""):
                await asyncio.sleep(0.002)
        raise AssertionError("never found")

    with pytest.raises(StreamLost) as lost:
        asyncio.run(scenario())
    assert lost.value.reason == "no_progress"


class _Told(asyncio.SelectorEventLoop):
    """An event loop whose time is told."""

    now_secs = 0.0

    def time(self):
        return self.now_secs


def test_progress_of_a_long_poll_is_an_event_however_many_answers_ago():
    """The wait is counted from the last event, not from the first answer, and anew once its end was said."""
    config = PushConfig(url="https://push.example/events", protocol="long_poll", expected_event_secs=60, **FIELDS)
    event, empty = as_json([{"id": 1}]), as_json([])

    async def lost_at(loop, door, now_secs):
        loop.now_secs = now_secs
        try:
            async for _arrived in long_poll.receive(door, "1"):
                pass
        except StreamLost as lost:
            return lost.reason
        return None

    async def scenario():
        loop = asyncio.get_running_loop()
        door = Door(ScriptedHttp(event, event, empty), config, "default")
        return [await lost_at(loop, door, now_secs) for now_secs in (0, 50, 109, 110, 111, 170, 171)]

    with asyncio.Runner(loop_factory=_Told) as runner:
        found = runner.run(scenario())
    assert found == [None, None, None, "no_progress", None, None, "no_progress"]
    assert len(event.progress) == 2


def test_a_websocket_message_is_read_up_to_four_times_its_bound():
    """Only what is read can be a dead letter; what has just as many bytes as it may is an event."""
    large = json.dumps({"id": 1, "filling": "x" * 4_000})[:4_096]
    http = ScriptedHttp(ScriptedSocket([large]))
    assert len(received("websocket", http=http, event_max_bytes=1_024, **FIELDS)[1]) == 1
    assert http.asked[0].limits["max_message_bytes"] == 4_096
    config = PushConfig(url="wss://push.example/events", protocol="websocket", event_max_bytes=1_024, **FIELDS)
    bound = '{"id": 1}'.ljust(1_024)
    assert [event.id for event in websocket.read(bound, "", config).events] == ["1"]
    assert [reject.cut for reject in websocket.read(bound + " ", "", config).rejects] == [True]


@pytest.mark.parametrize("before", ["", "\x1e"])
@pytest.mark.parametrize("filling", ["é", "xé"])
def test_a_cut_line_is_read_wherever_it_is_cut(before, filling):
    """Neither a record separator before it nor a character that is cut in two hides its id; without `id_field` there is none."""
    pieces = f'{before}{{"id": 7, "filling": "{filling}{"é" * 2_000}"}}\n'.encode()
    found = received("ndjson", pieces, position="6", event_max_bytes=1_024, **FIELDS)
    assert ([reject[0][:8] for reject in found[1]], found[3]) == ([b'{"id": 7'], "7")
    found = received("ndjson", pieces, position="6", event_max_bytes=1_024)
    assert (len(found[1]), found[3]) == (1, "6")
