import pytest

from connectors.threatstream.source import connector as threatstream
from connectors.wss.source import connector as wss
from wellhead import PermanentError
from wellhead.config.connector import ConnectorSettings
from wellhead.config.deployment import LoadedConnector
from wellhead.runtime.backfill import Backfill, able, named, narrowed, planned, slice_secs
from wellhead.runtime.identity import TaskIdentity

HOUR_MS = 3_600_000
NOW_MS = 500 * HOUR_MS


def loaded(source=wss, **words):
    options = {"username": "u", "password": "p"} if source is wss else {"user": "u", "api_key": "k"}
    config = source.config.model_validate(options)
    settings = ConnectorSettings.model_validate({"name": "c", "connector.class": source.name, "tenant": "acme", **words})
    return LoadedConnector(settings, source, config, source.streams_of(config))


def made(**more):
    asked = {"stream": "access_log", "from_ms": 490 * HOUR_MS, "to_ms": 491 * HOUR_MS, "now_ms": NOW_MS} | more
    return planned(more.pop("source", None) or loaded(), **{name: asked[name] for name in asked if name != "source"})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"to_ms": 490 * HOUR_MS}, "is not after its beginning"),
        ({"to_ms": NOW_MS + 1}, "is in the future"),
        ({"stream": "nothing"}, "has no stream 'nothing'; it has access_log"),
        ({"share": 0}, "a share is at least 0.01 and at most 1"),
        ({"share": 1.5}, "a share is at least 0.01 and at most 1"),
        ({"name": "a b"}, "1 to 128 letters"),
    ],
)
def test_what_cannot_be_is_refused(more, why):
    """Each thing that is wrong with a wish is told in words."""
    with pytest.raises(PermanentError, match=why):
        made(**more)


def test_a_stream_that_cannot_begin_at_a_time_is_refused_with_what_to_do_instead():
    """A stream of state is read anew by a reset; the message says so."""
    source = loaded(threatstream)
    assert able(source) == []
    with pytest.raises(PermanentError, match=r"cannot be read between two times\..*--to-earliest"):
        made(source=source, stream="ip")


def test_asked_for_twice_it_is_the_same():
    """Without a name the span names it, so that the same words go on with what was begun."""
    assert made() == made()
    assert made().id == named("access_log", "acme", 490 * HOUR_MS, 491 * HOUR_MS)
    assert made(share=1).share == 1
    assert Backfill.of_json({**made().as_json(), "state": "RUNNING"}) == made()


def test_its_names_are_its_own():
    """Cursor, transactional id, spool folder and metrics of a backfill are not those of the live stream, whatever the tenants."""
    stream = wss.streams[0]
    for fanned_out in (False, True):
        live = TaskIdentity("c", 0, stream, "acme", fanned_out)
        lane = TaskIdentity("c", 0, stream, "acme", fanned_out, "b")
        assert lane.transactional_id("g") not in {
            live.transactional_id("g"),
            TaskIdentity("c", 0, stream, "b").transactional_id("g"),
        }
        assert lane.partition == {**live.partition, "backfill": "b"}
        assert lane.place != live.place
        assert lane.metric_names != live.metric_names
        assert lane.names == live.names


def test_it_takes_a_share_of_pace_and_budget_behind_live_calls():
    """Calls are as much rarer as the share is small, a daily budget is cut to it, and in a shared budget it is of the class backfill."""
    whole = loaded(http={"interval.secs": 2, "budget.calls.per.day": 1000, "budget.reserve": 100})
    http = narrowed(whole, whole.streams[0], 0.25).settings.http
    assert (http.interval_secs, http.budget_calls_per_day, http.budget_reserve, http.budget_class) == (8, 250, 25, "backfill")
    assert whole.settings.http.budget_class == "live"


def test_a_slice_is_a_share_of_the_interval_and_never_long():
    """However rarely the live stream is polled, it waits for seconds only."""
    stream = wss.streams[0]
    assert slice_secs(loaded(), stream, 0.2) == pytest.approx(12)
    assert slice_secs(loaded(**{"poll.interval.secs": 3600}), stream, 0.2) == 15
    assert slice_secs(loaded(**{"poll.cron": "0 * * * *"}), stream, 0.1) == pytest.approx(6)
