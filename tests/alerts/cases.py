"""Gives for every alert what it fires on and what it keeps quiet on, as series in promtool's notation, a sample a minute."""

from typing import NamedTuple

TASK = 'kafka_connect_connector="feed", kafka_connect_task_id="0", instance="w-0:8083", job="wellhead"'
STREAM = f'{TASK}, wellhead_stream="event", wellhead_tenant="acme"'


class Case(NamedTuple):
    """Series, and whether the alert fires at the given minute."""

    alert: str
    fires: int
    minute: int
    series: dict[str, str]


def _status(state, values):
    return {f'kafka_connect_task_status{{{TASK}, kafka_connect_task_state="{state}"}}': values}


def _late(overdue, minute, fires):
    series = {
        f"wellhead_freshness_overdue_seconds{{{STREAM}}}": overdue,
        f"wellhead_freshness_target_seconds{{{STREAM}}}": "900x600",
    }
    return Case("WellheadFreshnessBurn", fires, minute, series)


def _silent(event, minute, fires, state="running"):
    series = {f"wellhead_freshness_event_seconds{{{STREAM}}}": event, **_status(state, "1x4400")}
    return Case("WellheadNoData", fires, minute, series)


def _quota(left, renews, *, minute=5, fires=1, low="0x60", ends="90000x60"):
    series = {
        f"wellhead_api_quota_remaining{{{STREAM}}}": left,
        f"wellhead_api_quota_renewal_seconds{{{STREAM}}}": renews,
        f"wellhead_api_quota_end_seconds{{{STREAM}}}": ends,
        f'wellhead_source_alert{{{STREAM}, wellhead_alert="quota_low"}}': low,
    }
    return Case("WellheadQuotaLow", fires, minute, series)


def _gone(alert, series):
    return [
        Case(alert, 1, 31, {series: "1x20 _x40"}),
        Case(alert, 0, 31, {series: "1x60"}),
        Case(alert, 0, 23, {series: "1x20 _x40"}),
    ]


def _raised(alert, series, minute=15):
    """Fires on a gauge that goes from 0 to 1, and not on one that stays."""
    return [Case(alert, 1, minute, {series: "0x3 1x60"}), Case(alert, 0, minute, {series: "0x60"})]


def _source(alert, word, minute=15):
    return _raised(alert, f'wellhead_source_alert{{{STREAM}, wellhead_alert="{word}"}}', minute)


def _lookup(alert, *words):
    return [
        case
        for word in words
        for case in _raised(alert, f'wellhead_lookup_alert{{wellhead_lookup="ti", wellhead_alert="{word}"}}')
    ]


def _parts(alert, *words):
    metrics = (
        'wellhead_attacks_group_alert{wellhead_attacks="waf"',
        'wellhead_attacks_store_alert{wellhead_attacks="waf", wellhead_store="primary"',
        'wellhead_floods_watch_alert{wellhead_floods="office", wellhead_topic="sockets.connection"',
    )
    return [case for metric in metrics for word in words for case in _raised(alert, f'{metric}, wellhead_alert="{word}"}}')]


def _lag(group, store, fires):
    labels = 'wellhead_attacks="waf", instance="a-0:8085"'
    series = {
        f'wellhead_attacks_group_lag_time_seconds{{{labels}, wellhead_partition="0"}}': group,
        f"wellhead_attacks_group_lag_age_seconds{{{labels}}}": "2x60",
        f'wellhead_attacks_store_lag_time_seconds{{{labels}, wellhead_store="primary", wellhead_partition="0"}}': store,
        f'wellhead_attacks_store_lag_age_seconds{{{labels}, wellhead_store="primary"}}': "2x60",
    }
    return Case("WellheadAttackLag", fires, 40, series)


NOTICE = f'wellhead_notice_count_total{{{STREAM}, wellhead_event="second_client"}}'
EXPIRED = f'wellhead_run_count_total{{{STREAM}, wellhead_run_outcome="cursor_expired"}}'
ERRORS = f"kafka_connect_task_error_record_error_count_total{{{TASK}}}"
DRIFT = f"wellhead_drift_count_total{{{STREAM}}}"
OPEN = 'wellhead_floods_open{wellhead_floods="office", wellhead_topic="t", wellhead_gateway="proxy-1", wellhead_detector="share", instance="f-0"}'
UP = 'wellhead_attacks_read_store_up{wellhead_attacks="waf", wellhead_store="primary"}'
BREAKER = f'wellhead_upstream_breaker{{{STREAM}, server_address="push.example:443", wellhead_breaker_state="open"}}'
ELSEWHERE = f'kafka_connect_task_status{{{TASK.replace("w-0", "w-1")}, kafka_connect_task_state="running"}}'

CASES = [
    # Late for a while: the hour is at 14.4 % after 9 minutes above the target, and both severities stand in the end.
    _late("0x60 1000x60", 75, 1),
    _late("0x60 1000x300", 330, 2),
    _late("0x60 1000x4 0x60", 75, 0),
    _late("800x300", 200, 0),
    _silent("0+60x300", 150, 1),
    _silent("0+60x300", 100, 0),
    _silent("0+60x300", 150, 0, state="failed"),
    # A stream that is used to be silent for two and a half hours may be so again.
    _silent("0+60x150 " * 8 + "0+60x170", 8 * 151 + 140, 0),
    Case("WellheadTaskFailed", 1, 10, _status("failed", "0x3 1x60")),
    Case("WellheadTaskFailed", 1, 10, {**_status("failed", "0x3 1x3 0x60"), **_status("restarting", "0x6 0 1x60")}),
    Case("WellheadTaskFailed", 0, 10, _status("failed", "0x3 1 0x60")),
    *_gone("WellheadConnectorNotRunning", 'kafka_connect_worker_connector_task_count{kafka_connect_connector="feed"}'),
    # The first trace makes the series; it must not go unseen for that.
    Case("WellheadTwoPullers", 1, 30, {NOTICE: "_x20 1x60"}),
    Case("WellheadTwoPullers", 1, 100, {NOTICE: "1x80 2x60"}),
    Case("WellheadTwoPullers", 0, 100, {NOTICE: "1x120"}),
    Case("WellheadTwoPullers", 1, 10, {**_status("running", "1x60"), ELSEWHERE: "_x3 1x60"}),
    Case("WellheadTwoPullers", 0, 10, {**_status("running", "1x5 stale"), ELSEWHERE: "_x4 1x60"}),
    Case("WellheadCursorExpired", 1, 30, {EXPIRED: "_x20 1x60"}),
    Case("WellheadCursorExpired", 0, 100, {EXPIRED: "1x120"}),
    Case("WellheadDeadLetters", 1, 10, {ERRORS: "0x3 7x60"}),
    Case("WellheadDeadLetters", 0, 40, {ERRORS: "0x3 7x60"}),
    Case("WellheadSchemaDrift", 1, 30, {DRIFT: "0x3 1+1x60"}),
    Case("WellheadSchemaDrift", 0, 90, {DRIFT: "5x100"}),
    _quota("150 120 90x60", "40000x60"),
    _quota("150x60", "40000x60", fires=0),
    _quota("90x60", "60x60", fires=0),  # a quota by the minute is always small
    _quota("900x60", "40000x60", low="1x60"),
    _quota("900x60", "40000x60", minute=30, ends="20000x60")._replace(alert="WellheadQuotaEndsEarly"),
    _quota("900x60", "40000x60", minute=30)._replace(alert="WellheadQuotaEndsEarly", fires=0),
    *_source("WellheadSlowCalls", "slow_call"),
    *_source("WellheadCallsFail", "failures"),
    *_source("WellheadRunLimit", "run_limit"),
    *_raised("WellheadDestinationRefused", BREAKER),
    *_lookup("WellheadFileShrunk", "shrunk"),
    *_lookup("WellheadFileMissing", "missing"),
    *_lookup("WellheadLookupStale", "stale", "run_failed"),
    *_lookup("WellheadDeliveryUnwell", "not_delivered", "failures", "slow_call", "oversize"),
    *_lookup("WellheadLookupInput", "lost", "foreign", "repartitioned"),
    _lag("2x10 6x60", "2x10 6x60", 1),
    _lag("2x10 12x60", "0x60", 1),
    _lag("5x60", "3x60", 0),  # what grew since the last measurement is no lag
    *_parts("WellheadConsumerStuck", "failed", "waiting"),
    *_parts("WellheadConsumerLag", "lag", "lag_unknown"),
    *_parts("WellheadConsumerDropped", "dropped"),
    *_gone("WellheadConsumerNotRunning", 'wellhead_lookup_run_age_seconds{wellhead_lookup="ti"}'),
    *_gone("WellheadConsumerNotRunning", 'wellhead_attacks_group_lag_age_seconds{wellhead_attacks="waf"}'),
    *_gone("WellheadConsumerNotRunning", 'wellhead_floods_watch_lag_age_seconds{wellhead_floods="office"}'),
    Case("WellheadConnectionFlood", 1, 10, {OPEN: "0x3 2x60"}),
    Case("WellheadConnectionFlood", 0, 10, {OPEN: "0x60"}),
    Case("WellheadAttackStoreAway", 1, 10, {UP: "1x3 0x60"}),
    Case("WellheadAttackStoreAway", 0, 10, {UP: "1x3 0 1x60"}),
]  # fmt: skip
