"""The cluster benchmarks count what they say they count."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import __main__ as all_benchmarks
from benchmarks import failover, rest
from benchmarks.failover import is_shared
from benchmarks.rest import load, percentile


class Server(ThreadingHTTPServer):
    """Answers every GET after `pause_secs`, with `status`."""

    daemon_threads = True

    def __init__(self, pause_secs=0.0, status=200):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pause_secs, self.status = pause_secs, status
        self.paths: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.paths.append(self.path)
        time.sleep(self.server.pause_secs)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args):
        pass


@pytest.fixture
def serving():
    made = []

    def make(**options):
        made.append(Server(**options))
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("values", "percent", "is_"),
    [([1.0], 99, 1.0), (list(range(1, 101)), 99, 99), (list(range(1, 101)), 50, 50), ([3, 1, 2], 100, 3)],
)
def test_a_percentile_is_a_value_that_was_seen(values, percent, is_):
    """p99 of a hundred values is the 99th, not something between two."""
    assert percentile(values, percent) == is_


def test_every_request_is_sent_and_timed(serving):
    """So many a second for so many seconds, of every kind, each counted."""
    server = serving()
    took_ms = load(server.url, ["a", "b"], 0.5, per_sec=80)
    assert len(took_ms) == len(server.paths) == 40
    assert {"/connectors", "/connectors/a/status", "/connectors/b/config"} <= set(server.paths)


def test_a_server_that_stands_still_is_charged_for_all_that_waited(serving):
    """Answers count from when their request was due: one that waits behind a slow one is slow too."""
    took_ms = load(serving(pause_secs=0.3).url, ["a"], 0.2, per_sec=200)
    assert min(took_ms) >= 300
    assert max(took_ms) >= 600


def test_a_refused_request_is_no_figure(serving):
    """A run in which an answer was not 200 measures nothing."""
    with pytest.raises(RuntimeError, match=r"of 10 requests failed, the first: /connectors.*503"):
        load(serving(status=503).url, ["a"], 0.1, per_sec=100)


@pytest.mark.parametrize(
    ("counts", "shared"),
    [({"a": 50, "b": 50}, True), ({"a": 100}, False), ({"a": 60, "b": 39}, False), ({"a": 95, "b": 5}, False), ({}, False)],
)
def test_shared_means_all_tasks_on_two_workers(counts, shared):
    """While a single task is not running, or one worker has hardly any, the rebalance goes on."""
    assert is_shared(counts) is shared


def test_figures_are_medians_beside_connects():
    """One slow takeover is in the maximum and not in the median; a rebalance is the worse of coming and going."""
    ours = failover.Seen(takeover=[10.0, 30.0, 11.0], joined=[2.0], left=[3.0], rebalance_cpu=[1.0])
    connect = failover.Seen(takeover=[22.0], joined=[8.0], left=[6.0], rebalance_cpu=[4.0])
    told = failover.report(ours, connect, {})
    assert (told.figures["takeover_secs"], told.figures["takeover_max_secs"], told.figures["rebalance_secs"]) == (11, 30, 3)
    assert (told.figures["connect_rebalance_secs"], told.ratios["connect_takeover_secs_over_ours"]) == (8, 2)
    assert [bar.met_by(told.value(bar)) for bar in told.bars] == [True, False, True]


def test_rest_figures_name_the_bars():
    """Every bar is a figure that is measured, and CPU is counted by request."""
    seen = rest.Seen(
        starts=[1.0, 9.0, 2.0],
        start_cpu=[1.0],
        answers_ms=[1.0] * 98 + [40.0, 90.0],
        load_cpu_secs=0.5,
        idle_rss_mb=200,
        idle_cpu_percent=1,
        create_secs=3,
        tenants_rss_mb=400,
    )
    told = rest.report(seen, seen, {})
    assert (told.figures["p99_ms"], told.figures["start_secs"], told.figures["cpu_ms_per_request"]) == (40, 2, 5)
    assert {bar.figure for bar in told.bars} <= told.figures.keys()
    assert set(told.ratios.values()) == {1.0}


def test_make_bench_runs_them():
    """`make bench` runs every benchmark there is."""
    assert {"failover", "rest"} <= set(all_benchmarks.BENCHMARKS)
