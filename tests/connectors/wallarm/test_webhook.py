"""Tests of the webhook receiver: what it answers, when, and what of a push becomes a record."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from connectors.wallarm.webhook import HEARTBEAT_SECS, WebhookConfig, WebhookCursor, WebhookTask, read_again
from wellhead import PermanentError, Reject, TemporaryError
from wellhead.api import TaskContext
from wellhead.testing.clock import FakeClock

TOKEN = "invented-push-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SECOND = 1_703_519_823


class OneClient(WebhookConfig):
    clients: tuple[int, ...] = (1111,)


def hit(number: int, **other):
    told = {
        "host": "example.com",
        "heur_distance": 20.7,
        "method": "GET",
        "path": "/",
        "payloads": ["1' select version();"],
        "point": ["get", "id"],
        "remote_country": None,
        "remote_port": 41253,
        "remote_addr4": "198.51.100.8",
        "remote_addr6": None,
        "request_time": SECOND,
        "create_time": SECOND + 3,
        "response_status": 404,
        "type": "sqli",
        "block_status": "monitored",
        "id": ["hits_production_1111_202312_v_1", f"k{number}"],
        "object_type": "hit",
        "anomaly": 1.03,
        "parameter": "GET_id_value",
    }
    return {**told, **other}


def told(*hits):
    return [
        {
            "summary": "[Wallarm] New hit detected",
            "details": {"client_name": "Test", "notification_type": "new_hits", "hit": each},
        }
        for each in hits
    ]


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Receiver:
    """A receiver that is polled, and a vendor that pushes to it."""

    def __init__(self, port: int, clock: FakeClock, **options):
        config = OneClient(webhook_port=port, webhook_token=TOKEN, **options)
        self.task = WebhookTask(config, "pushed_hit", TaskContext(None, clock, Path("/nowhere"), lambda *_a, **_k: None))
        self.batches = self.task.poll(None)
        self.coming = []
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=60)

    def push(self, content, **more):
        """Push in the background; give the answer to come."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return asyncio.ensure_future(self.client.post("/", content=body, **more))

    def next(self):
        """Ask for the next batch in the background; give it to come."""
        self.coming.append(asyncio.ensure_future(asyncio.wait_for(anext(self.batches), 60)))
        return self.coming[-1]

    async def close(self):
        """Stop as the runtime does: what is being asked for is cancelled, then the generator is closed."""
        for batch in self.coming:
            batch.cancel()
        await asyncio.wait(self.coming)
        await self.batches.aclose()

    async def commit(self, batch):
        await self.task.committed(batch.cursor)

    async def listening(self):
        """Begin to poll; give the batch to come, once the port answers."""
        batch = self.next()
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.client.get("/")
                except httpx.ConnectError:
                    await asyncio.sleep(0.01)
                else:
                    return batch


@asynccontextmanager
async def receiving(port, clock=None, **options):
    receiver = Receiver(port, clock or FakeClock(start_ms=SECOND * 1000), **options)
    async with receiver.client, AsyncExitStack() as cleanup:
        cleanup.push_async_callback(receiver.close)
        yield receiver


def test_a_push_is_answered_after_its_commit_and_not_before(port):
    """While the hits of a push are not known to be committed it is not answered; once they are it is answered 200."""

    async def scenario():
        async with receiving(port) as receiver:
            coming = await receiver.listening()
            answer = receiver.push(told(hit(1), hit(2)))
            batch = await coming
            following = receiver.next()
            second = receiver.push(told(hit(3)))
            later = await following
            waited = answer.done() or second.done()
            await receiver.commit(batch)
            status = (await answer).status_code
            still = second.done()
            await receiver.commit(later)
            return waited, status, still, (await second).status_code, batch, later

    waited, status, still, second, batch, later = asyncio.run(scenario())
    assert (waited, status, still, second) == (False, 200, False, 200)
    assert batch.table.column("id").to_pylist() == [f"hits_production_1111_202312_v_1:k{number}" for number in (1, 2)]
    assert (batch.cursor.received, later.cursor.received) == (1, 2)
    assert batch.cursor.replay_from_ms() == (SECOND - 3_600) * 1000


def test_what_is_not_committed_when_the_stream_ends_is_refused(port):
    """A push whose commit never comes, and one that was not even taken, are answered 503 with Retry-After when the generator is closed."""

    async def scenario():
        async with receiving(port) as receiver:
            coming = await receiver.listening()
            taken = receiver.push(told(hit(1)))
            await coming
            waiting = receiver.push(told(hit(2)))
            while not receiver.task._inbox._arrived:  # noqa: ASYNC110 - arriving sets no event a test could wait for
                await asyncio.sleep(0.01)
            await receiver.batches.aclose()
            answers = [await taken, await waiting]
            return [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers]

    assert asyncio.run(scenario()) == [(503, "2"), (503, "2")]


def test_a_stop_waits_for_a_commit_that_is_on_its_way(port):
    """What was taken and is committed just after the stop is answered 200, so that it need not be sent again."""

    async def scenario():
        async with receiving(port) as receiver:
            coming = await receiver.listening()
            answer = receiver.push(told(hit(1)))
            batch = await coming
            closing = asyncio.ensure_future(receiver.batches.aclose())
            await asyncio.sleep(0)
            await receiver.commit(batch)
            await closing
            return (await answer).status_code

    assert asyncio.run(scenario()) == 200


async def refused(receiver, content=b"[]", method="POST", **more):
    answer = await receiver.client.request(method, "/", content=content, **more)
    return answer.status_code, answer.json().get("error", "")


@pytest.mark.parametrize(
    ("content", "more", "status", "reason"),
    [
        (b"[]", {"headers": {"Authorization": "Bearer other"}}, 401, "webhook_token"),
        (b"[]", {"headers": {"Authorization": ""}}, 401, "webhook_token"),
        (b"[]", {"method": "GET"}, 405, "POST"),
        (b"[]", {"headers": {**HEADERS, "Content-Encoding": "gzip"}}, 415, "uncompressed"),
        (b"[" + b" " * 3_000 + b"]", {}, 413, "more than 2048 bytes"),
        (b"not json", {}, 400, "neither a JSON array nor an object a line"),
        (b"", {}, 400, "neither"),
        (b'[{"a": 1}', {}, 400, "no JSON"),
        (b"[1]", {}, 400, "object 1"),
        (b'{"details": {}}\n{"details": {}\n', {}, 400, "line 2"),
    ],
)
def test_a_push_that_cannot_be_taken_is_refused_with_its_reason(port, content, more, status, reason):
    """Each flaw of a request has its status and says what is wrong; nothing of it is published."""

    async def scenario():
        async with receiving(port, webhook_body_max_bytes=2_048) as receiver:
            coming = await receiver.listening()
            answer = await refused(receiver, content, **more)
            return answer, not coming.done()

    (given, said), untouched = asyncio.run(scenario())
    assert (given, untouched) == (status, True)
    assert reason in said


def test_more_pushes_than_may_wait_are_put_off(port):
    """While as many wait as may, one more is answered 503 with Retry-After, and taken once there is room."""

    async def scenario():
        async with receiving(port, webhook_waiting_max=1) as receiver:
            coming = await receiver.listening()
            first = receiver.push(told(hit(1)))
            batch = await coming
            full = await receiver.client.post("/", content=b"[]")
            await receiver.commit(batch)
            await first
            following = receiver.next()
            again = receiver.push(told(hit(2)))
            await receiver.commit(await following)
            return full.status_code, full.headers.get("Retry-After"), (await again).status_code

    assert asyncio.run(scenario()) == (503, "2", 200)


def test_a_body_without_a_length_is_bounded_too(port):
    """A body sent in chunks is refused as soon as it is too large, without being held whole."""

    async def endless():
        for _ in range(64):
            yield b" " * 1_024

    async def scenario():
        async with receiving(port, webhook_body_max_bytes=2_048) as receiver:
            coming = await receiver.listening()
            answer = await receiver.client.post("/", content=endless())
            return answer.status_code, coming.done()

    assert asyncio.run(scenario()) == (413, False)


def rows_of(content):
    """Push one body, commit it, and give the batch."""

    async def scenario(port):
        async with receiving(port) as receiver:
            coming = await receiver.listening()
            answer = receiver.push(content)
            batch = await coming
            await receiver.commit(batch)
            assert (await answer).status_code == 200
            return batch

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return asyncio.run(scenario(port))


def test_names_are_mapped_to_the_records_columns():
    """A pushed hit fills the same columns as one that was asked for, its method and parameter too; the rest is kept as extensions."""
    (row,) = rows_of(told(hit(1, remote_addr4="", remote_addr6="2001:db8::7"))).table.to_pylist()
    wanted = {
        "client_id": 1111,
        "domain": "example.com",
        "ip": "2001:db8::7",
        "method": "GET",
        "parameter": "GET_id_value",
        "status_code": 404,
        "value": "1' select version();",
        "block_status": "monitored",
        "point": ["get", "id"],
        "type": "sqli",
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["time"].timestamp() == SECOND
    kept = dict(row["extensions"])
    assert (kept["client_name"], kept["create_time"], kept["anomaly"]) == ("Test", str(SECOND + 3), "1.03")
    assert not kept.keys() & {"host", "request_time", "remote_addr4", "remote_addr6", "payloads"}


def test_an_array_and_an_object_a_line_are_the_same():
    """The two forms that the vendor's console offers give equal records."""
    notifications = told(hit(1), hit(2, domain="older.example.org"))
    del notifications[1]["details"]["hit"]["host"]
    lines = b"\n".join(json.dumps(each).encode() for each in notifications) + b"\n"
    array, by_line = rows_of(notifications), rows_of(lines)
    assert array.table.to_pylist() == by_line.table.to_pylist()
    assert array.table.column("domain").to_pylist() == ["example.com", "older.example.org"]


def test_other_notifications_are_counted_and_broken_hits_kept():
    """A notification of something else is counted; a hit without id, time or type is kept byte for byte, and read again as the same reject."""
    other = [
        {"summary": "[Test message] New vulnerability detected", "details": {"notification_type": "vuln", "vuln": {"id": None}}}
    ]
    broken = told(hit(1, id=None), hit(2, request_time="soon"), hit(3, type=""))
    lines = [json.dumps(each).encode() for each in [*other, *broken, *told(hit(4))]]
    array, by_line = rows_of(b"[" + b" ,".join(lines) + b"]"), rows_of(b"\n".join(lines))
    for batch in (array, by_line):
        assert [reject.raw for reject in batch.rejects] == lines[1:4]
        assert [reject.field for reject in batch.rejects] == ["id", "time", "type"]
        assert (batch.table.num_rows, batch.filtered) == (1, {"not_a_hit": 1})
    config = OneClient(webhook_port=1, webhook_token=TOKEN)
    for reject in array.rejects:
        assert list(read_again(config, "pushed_hit", Reject(reject.raw, "", context=reject.context)).rejects) == [reject]


def test_a_hit_pushed_again_is_left_out_and_still_answered(port):
    """The vendor that sends a push again, having lost the answer, is answered once the first is committed, and the hit is there once."""

    async def scenario():
        async with receiving(port) as receiver:
            coming = await receiver.listening()
            first = receiver.push(told(hit(1)))
            batch = await coming
            following = receiver.next()
            again = receiver.push(told(hit(1), hit(1), hit(2)))
            later = await following
            await receiver.commit(later)
            return batch, later, [(await first).status_code, (await again).status_code]

    batch, later, statuses = asyncio.run(scenario())
    assert (batch.table.num_rows, later.table.num_rows, later.filtered) == (1, 1, {"duplicate": 2})
    assert statuses == [200, 200]


def test_silence_is_told_by_an_empty_batch(port):
    """When nothing was pushed for a while an empty batch with the same cursor says that the stream is well."""

    async def scenario():
        clock = FakeClock(start_ms=SECOND * 1000)
        async with receiving(port, clock) as receiver:
            coming = await receiver.listening()
            clock.advance(HEARTBEAT_SECS)
            return await coming

    batch = asyncio.run(scenario())
    assert (len(batch.table), batch.cursor) == (0, WebhookCursor())


def test_a_port_in_use_is_tried_again_and_a_foreign_address_is_not(port):
    """A taken port may be one that a former owner is about to leave; an address that is not this machine's never becomes free."""

    async def scenario(**options):
        async with receiving(port, **options) as receiver:
            await receiver.next()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(TemporaryError, match="in use"):
            asyncio.run(scenario())
    with pytest.raises(PermanentError, match="webhook_host"):
        asyncio.run(scenario(webhook_host="203.0.113.1"))


def test_a_port_without_a_token_is_refused():
    """A receiver that anybody could push to cannot be configured."""
    with pytest.raises(ValueError, match="webhook_token is not"):
        OneClient(webhook_port=8_090)
