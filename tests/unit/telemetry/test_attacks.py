"""Tests of what the parts of attack grouping report."""

import pytest

from wellhead.telemetry.attacks import GrouperTally, StoreTally


@pytest.fixture
def grouper(telemetry, clock):
    made = GrouperTally("wallarm", clock, lag_alert_secs=60)
    telemetry.add_part(made)
    return made


@pytest.fixture
def writer(telemetry, clock):
    made = StoreTally("wallarm", clock, lag_alert_secs=60, store="primary")
    telemetry.add_part(made)
    return made


def test_totals_of_a_grouper_are_shown(grouper, scrape):
    """Hits, dead letters, events, steps and their time by what took it."""
    grouper.hits(3)
    grouper.rejected(1)
    grouper.events("opened", 2)
    grouper.events("opened", 1)
    grouper.batch(1.0, 0.25, 0.5)
    grouper.open_attacks(7)
    grouper.rebuilt("emptied")
    name = {"wellhead_attacks": "wallarm"}
    assert scrape("wellhead_attacks_hit_count_total", **name) == 3
    assert scrape("wellhead_attacks_reject_count_total", **name) == 1
    assert scrape("wellhead_attacks_event_count_total", **name, wellhead_event="opened") == 3
    assert scrape("wellhead_attacks_batch_count_total", **name) == 1
    assert [
        scrape("wellhead_attacks_batch_time_seconds_total", wellhead_step=step) for step in ("redis", "commit", "rest")
    ] == [
        0.25,
        0.5,
        0.25,
    ]
    assert scrape("wellhead_attacks_open", **name) == 7
    assert scrape("wellhead_attacks_rebuild_count_total", **name, wellhead_reason="emptied") == 1
    grouper.rebuilt("partition 7: it stands at offset 12345")
    assert scrape("wellhead_attacks_rebuild_count_total", **name, wellhead_reason="other") == 1


def test_totals_of_a_writer_are_shown_by_store(writer, scrape):
    """Documents by kind, and those that were old, refused or sent again."""
    writer.written("attack", 2)
    writer.written("hit", 5)
    writer.stale(1)
    writer.refused(1)
    writer.retried(4)
    writer.bulk(0.5)
    name = {"wellhead_attacks": "wallarm", "wellhead_store": "primary"}
    assert scrape("wellhead_attacks_store_document_count_total", **name, wellhead_document="hit") == 5
    assert scrape("wellhead_attacks_store_document_count_total", **name, wellhead_document="attack") == 2
    assert scrape("wellhead_attacks_store_stale_count_total", **name) == 1
    assert scrape("wellhead_attacks_store_refuse_count_total", **name) == 1
    assert scrape("wellhead_attacks_store_retry_count_total", **name) == 4
    assert scrape("wellhead_attacks_store_bulk_count_total", **name) == 1
    assert scrape("wellhead_attacks_store_bulk_time_seconds_total", **name) == 0.5


def test_the_lag_goes_on_growing_while_nobody_measures(writer, clock, scrape):
    """What waits, waits longer; what is done has no age; how old the measurement is, is told."""
    writer.lag({0: (10, 5.0), 1: (0, 0.0)})
    clock.advance(40)
    assert scrape("wellhead_attacks_store_lag", wellhead_partition="0") == 10
    assert scrape("wellhead_attacks_store_lag_time_seconds", wellhead_partition="0") == 45
    assert scrape("wellhead_attacks_store_lag_time_seconds", wellhead_partition="1") == 0
    assert scrape("wellhead_attacks_store_lag_age_seconds") == 40
    writer.lag({0: (0, 0.0)})
    assert scrape("wellhead_attacks_store_lag_time_seconds", wellhead_partition="0") == 0
    assert scrape("wellhead_attacks_store_lag", wellhead_partition="1") == 0


def test_health_tells_the_furthest_partition(grouper, clock):
    """Records are added up; the seconds are those of the one furthest behind."""
    grouper.lag({0: (10, 5.0), 1: (1, 9.0)})
    told = grouper.health()
    assert (told["lag_records"], told["lag_secs"], told["state"]) == (11, 9.0, "starting")


def standing(scrape, part="group"):
    return {
        alert
        for alert in ("failed", "waiting", "lag", "lag_unknown", "dropped")
        if scrape(f"wellhead_attacks_{part}_alert", wellhead_alert=alert)
    }


def test_a_part_that_waits_is_news_once_it_lasts(grouper, clock, scrape):
    """A restart of what it stands on is not; the reason stays known after it is over."""
    grouper.lag({0: (0, 0.0)})
    grouper.state("waiting", "no Redis at 127.0.0.1:6379")
    assert standing(scrape) == set()
    clock.advance(31)
    grouper.lag({0: (0, 0.0)})
    grouper.state("waiting", "still none")
    assert standing(scrape) == {"waiting"}
    grouper.state("running")
    assert standing(scrape) == set()
    told = grouper.health()
    assert (told["state"], told["message"], told["last_error"]["message"]) == ("running", "", "still none")


def test_a_failed_part_is_news_at_once(grouper, scrape):
    """A person must act."""
    grouper.state("failed", "wrong password")
    assert standing(scrape) == {"failed"}
    assert scrape("wellhead_attacks_group_state", wellhead_state="failed") == 1
    assert scrape("wellhead_attacks_group_state", wellhead_state="running") == 0


def test_lag_stands_above_the_threshold_and_when_unknown(writer, clock, scrape):
    """A part that stands still is told by the time its first record waits, also while Kafka is away."""
    writer.lag({0: (5, 40.0)})
    assert standing(scrape, "store") == set()
    clock.advance(25)
    assert standing(scrape, "store") == {"lag"}
    clock.advance(10)
    assert standing(scrape, "store") == {"lag", "lag_unknown"}


def test_dead_letters_stay_news_for_a_quarter_of_an_hour(grouper, clock, scrape):
    """None were dropped where none are counted."""
    grouper.lag({0: (0, 0.0)})
    grouper.rejected(0)
    assert standing(scrape) == set()
    grouper.rejected(1)
    assert standing(scrape) == {"dropped"}
    clock.advance(900)
    grouper.lag({0: (0, 0.0)})
    assert standing(scrape) == set()
