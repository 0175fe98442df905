"""Proves that one batch is one trace, from the vendor call to the file or the stored attack, over real Kafka and processes of their own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest
from flood_topic import FloodTopic, snapshots
from hit_topic import HitTopic, some_hits
from indicators import indicators
from otlp_collector import Collector

from wellhead.rest.serving import serve
from wellhead.stack import Stack

PARENT = "c" * 16

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def collector():
    """A collector that is served, and its address."""
    made, ready, ended = Collector(), threading.Event(), threading.Event()

    async def live():
        async with await serve(made.app, "http://127.0.0.1:0") as serving:
            made.url = serving.urls[0]
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(30)
    yield made
    ended.set()
    thread.join(30)


def named(spans, name):
    return [span for span in spans if span.name == name]


def children(spans, parent, name):
    return [span for span in named(spans, name) if (span.trace_id, span.parent_span_id) == (parent.trace_id, parent.span_id)]


def told(span):
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


def test_from_the_vendor_to_the_lookup_file(stack: Stack, unique: str, tmp_path, collector):
    """Each batch is polled, encoded, committed, consumed and stands in a file, all in its own trace."""
    tracing = {"otlp.endpoint": collector.url, "trace.headers": "true"}
    with indicators(stack, unique, tmp_path, ips=60, domains=0, hashes=0, urls=0, emails=0) as worker:
        worker.worker |= tracing
        assert worker.run("wellhead", "run", "--once") == 0
        deployment = json.loads(worker.file().read_text())
        files = {
            "topic": worker.topic(),
            "files": ["threatstream/ip"],
            "state.dir": str(tmp_path / "state"),
            "output.dir": str(tmp_path / "built"),
            "directory.path": str(tmp_path / "delivered"),
        }
        path = tmp_path / "lookups.json"
        path.write_text(json.dumps({"worker": deployment["worker"], "lookups": {"ti": files}}))
        subprocess.run([sys.executable, "-m", "wellhead", "lookup", "run", "--once", str(path)], check=True, timeout=120)

    spans = collector.spans()
    batches = [batch for batch in named(spans, "wellhead.batch") if children(spans, batch, "consume")]
    assert len(batches) >= 2
    calls = []
    assert len({batch.trace_id for batch in batches}) == len(batches)
    for batch in batches:
        stages = {span.name for span in spans if span.parent_span_id == batch.span_id}
        assert stages >= {"poll", "encode", "commit"}
        for poll in children(spans, batch, "poll"):
            calls += children(spans, poll, "GET")
        (consumed,) = children(spans, batch, "consume")
        assert told(consumed)["messaging.destination.name"] == worker.topic()
        (file,) = children(spans, consumed, "file")
        assert (told(file)["wellhead.lookup"], told(file)["wellhead.file"]) == ("ti", "anomali_threatstream_ip.csv")
        assert batch.start_time_unix_nano <= consumed.start_time_unix_nano <= file.start_time_unix_nano
    assert calls
    assert {told(call)["http.response.status_code"] for call in calls} == {200}


@pytest.fixture
def hits(stack: Stack, unique: str, tmp_path, redis_url: str, search_url: str):
    """Hits with the grouping that reads them and the store it writes, whose indices begin with `unique`."""
    made = HitTopic(
        stack, unique, tmp_path, redis_url, stores={"primary": {"url": search_url, "index.prefix": _prefix(unique)}}
    )
    yield made
    made.close()


def _prefix(unique):
    return f"w{unique.rstrip('.').lower()}"


def test_from_the_hit_to_the_store(hits: HitTopic, unique: str, search_url: str, collector):
    """A hit's trace goes on in the step that groups it and in the write to the store, by the documents' headers; the lag is counted from the hit."""
    deployment = json.loads(hits.file.read_text())
    deployment["worker"] |= {"otlp.endpoint": collector.url, "trace.headers": True}
    hits.file.write_text(json.dumps(deployment))
    traces = [f"{number:032x}" for number in (0xA, 0xB)]
    made = some_hits(20, 3, int(time.time() * 1000))
    for place, trace in enumerate(traces):
        hits.produce(made[10 * place : 10 * place + 10], headers=[("traceparent", f"00-{trace}-{PARENT}-01".encode())])
    argv = [sys.executable, "-m", "wellhead", "attacks", "run", "--once", str(hits.file)]
    subprocess.run(argv, check=True, timeout=180)
    assert hits.exact(hits.stored(search_url, _prefix(unique))) == 20

    spans = collector.spans()
    for trace in traces:
        mine = [span for span in spans if span.trace_id.hex() == trace]
        consumed = named(mine, "consume")
        assert {span.parent_span_id.hex() for span in consumed} == {PARENT}
        stored = [span for parent in consumed for span in children(mine, parent, "store")]
        assert {told(span)["wellhead.store"] for span in stored} == {"primary"}
    points = collector.metrics()["wellhead.attacks.store.lag.duration"].histogram.data_points
    assert sum(point.count for point in points if told(point)["wellhead.document"] == "hit") == 20


def test_to_the_watch_for_floods(stack: Stack, unique: str, tmp_path, collector):
    """What a watch for floods takes in goes on in the trace of the batch it came in."""
    flood = FloodTopic(stack, unique, tmp_path)
    try:
        deployment = json.loads(flood.file.read_text())
        deployment["worker"] |= {"otlp.endpoint": collector.url}
        flood.file.write_text(json.dumps(deployment))
        rows = [row for snapshot in snapshots("proxy-1", 3, 1, int(time.time() * 1000) - 60_000) for row in snapshot]
        flood.produce(rows, headers=[("traceparent", f"00-{'d' * 32}-{PARENT}-01".encode())])
        argv = [sys.executable, "-m", "wellhead", "floods", "run", "--once", str(flood.file)]
        subprocess.run(argv, check=True, timeout=120)
    finally:
        flood.close()

    consumed = named(collector.spans(), "consume")
    assert {(span.trace_id.hex(), span.parent_span_id.hex()) for span in consumed} == {("d" * 32, PARENT)}
    assert sum(told(span)["wellhead.messages"] for span in consumed) == len(rows)
    assert told(consumed[0])["messaging.destination.name"] == flood.topic
