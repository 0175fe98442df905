"""A backfill in a process of its own, beside its live stream, against a real broker and a vendor that serves one client per tenant."""

import signal
from collections import Counter

import pytest
from deployed import Deployed, deployed
from spanned import Span

from wellhead.stack import Stack

NAME = "wss-acme"


@pytest.fixture
def base(stack: Stack, unique, tmp_path):
    with deployed(stack, unique, tmp_path, rows=6_000, hours=4, quiet_secs=1, faults=()) as made:
        made.connector = {"quiet_secs": 1, "poll.interval.secs": 1, "poll.jitter.ratio": 0}
        yield made


@pytest.fixture
def large(stack: Stack, unique, tmp_path):
    """A tenant whose span is more than one slice reads, however fast the machine."""
    with deployed(stack, unique, tmp_path, rows=40_000, hours=4, quiet_secs=1, faults=()) as made:
        made.connector = {"quiet_secs": 1, "poll.interval.secs": 1, "poll.jitter.ratio": 0}
        yield made


def words(span: Span, *more: str, share: float = 0.5) -> tuple[str, ...]:
    asked = ("--from", span.since, "--to", span.until, "--share", str(share))
    return ("wellhead", "offsets", "backfill", NAME, *asked, *more, "-c")


def of_the_backfill(request) -> bool:
    return request.params["endDate"] != "0"


def assert_read_once(base: Deployed, span: Span) -> None:
    found = span.published()
    (name,) = set(found) - {""}
    assert found[name] == span.held()
    assert found[""] == Counter(base.simulator.identities())


def test_a_span_is_read_once_beside_the_live_stream_and_marked(base):
    """Each record of the span comes once more with the header, the live ones once without; asked for again it is done already."""
    span = Span(base)
    assert base.run(*words(span, "--here", "--yes")) == 0, base.said()[-5:]
    assert_read_once(base, span)
    marks = [run.get("backfill") for run in base.runs() if run["records"]]
    assert {None, *marks} - {None}, "no run record tells of the backfill"
    assert base.run(*words(span, "--here", "--yes")) == 0
    assert_read_once(base, span)
    again = [line for line in base.said() if "(done)" in line.get("text", "")]
    assert len(again) == 1


def test_two_sessions_of_one_tenant_never_meet(large):
    """Calls of the live stream and the backfill never overlap, nobody asks in the tenant's quiet, and live polls go on meanwhile."""
    span = Span(large, hours=2)
    assert large.run(*words(span, "--here", "--yes")) == 0, large.said()[-5:]
    requests = large.simulator.requests
    assert [request.status for request in requests if request.status != 200] == []
    assert sum(request.in_flight for request in requests) == 0
    assert not [line for line in large.said() if line.get("event") == "second_client"]
    lane = [at for at, request in enumerate(requests) if of_the_backfill(request)]
    assert len(lane) >= 3
    between = [request for request in requests[lane[0] : lane[-1]] if not of_the_backfill(request)]
    assert between, "the live stream was not polled while the backfill ran"


def test_killed_in_the_middle_it_goes_on_and_ends(base):
    """Killed after a part was published, the same words go on from there: nothing of the span is lost or comes twice."""
    span = Span(base, hours=2)
    killed = base.start(*words(span, "--here", "--yes", share=0.05))
    base.until(lambda: any(name for name in span.published() if name), 60)
    killed.kill()
    assert killed.wait(10) == -signal.SIGKILL
    assert base.run(*words(span, "--here", "--yes")) == 0, base.said()[-5:]
    assert_read_once(base, span)


def test_without_yes_nothing_is_asked_or_written(base):
    """The plan tells the span, what may come twice and that costs are unknown, and neither the vendor nor Kafka hears of it."""
    span = Span(base)
    assert base.run(*words(span)) == 0
    told = "\n".join(line.get("text", "") for line in base.said())
    assert "wellhead.backfill" in told
    assert "records unknown" in told
    assert base.simulator.requests == []
    assert base.cursors() == []
