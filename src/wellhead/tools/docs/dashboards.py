"""Gives the dashboards of sources, the fleet's and one connector's, as panels with their queries; never draws one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wellhead.tools.docs.consumerboard import CONSUMERS
from wellhead.tools.docs.grafana import Dashboard, Panel, Query, Row, Variable, text_of

_NS: Final = 'namespace=~"$namespace"'
_ONE: Final = f'{_NS}, kafka_connect_connector="$connector"'
_STREAM: Final = "kafka_connect_connector, wellhead_stream, wellhead_tenant"
_NAMED: Final = "{{kafka_connect_connector}} {{wellhead_stream}} {{wellhead_tenant}}"
_TASK: Final = "task {{kafka_connect_task_id}} {{wellhead_stream}} {{wellhead_tenant}}"
_RATE: Final = "[$__rate_interval]"
_NAMESPACE: Final = Variable("namespace", "kafka_connect_worker_task_count", "namespace")


def _rate(metric: str, by: str, labels: str = _NS, legend: str = "") -> Query:
    names = legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Query(f"sum by ({by}) (rate({metric}{{{labels}}}{_RATE}))", names)


def _worst(metric: str, by: str = _STREAM, labels: str = _NS, legend: str = _NAMED) -> Query:
    return Query(f"topk(15, max by ({by}) ({metric}{{{labels}}}))", legend)


def _quantile(metric: str, by: str, labels: str, legend: str) -> Query:
    return Query(f"histogram_quantile(0.95, sum by (le, {by}) (rate({metric}_bucket{{{labels}}}{_RATE})))", legend)


FLEET: Final = Dashboard(
    "wellhead-fleet",
    "Wellhead: fleet",
    (_NAMESPACE,),
    (
        Row(
            "Is all well?",
            (
                Panel(
                    "Tasks by state",
                    (
                        Query(
                            f"sum by (kafka_connect_worker_connector_task_state) (kafka_connect_worker_connector_task_count{{{_NS}}})",
                            "{{kafka_connect_worker_connector_task_state}}",
                        ),
                    ),
                    look="stat",
                ),
                Panel(
                    "Streams later than their target",
                    (Query(f"sum(wellhead:freshness_late:bool{{{_NS}}})", "late"),),
                    look="stat",
                    limit=1,
                    description="A successful, committed poll is due for longer than freshness.target.secs.",
                ),
                Panel(
                    "Fresh, share of the time shown",
                    (Query(f"1 - avg(avg_over_time(wellhead:freshness_late:bool{{{_NS}}}[$__range]))", "fresh"),),
                    "percentunit",
                    "stat",
                    "The objective is 99 %.",
                ),
                Panel(
                    "Alerts",
                    (Query(f'sum by (alertname, severity) (ALERTS{{alertname=~"Wellhead.*", alertstate="firing", {_NS}}})'),),
                    look="table",
                    description="Each has a page in docs/runbooks.",
                ),
            ),
        ),
        Row(
            "Freshness",
            (
                Panel("Overdue", (_worst("wellhead_freshness_overdue_seconds"),), "s", description="Past the time a poll was due."),
                Panel("Age of the newest event", (_worst("wellhead_freshness_event_seconds"),), "s"),
                Panel(
                    "Burn rate of the objective, over an hour",
                    (Query(f"topk(15, wellhead:freshness_late:ratio1h{{{_NS}}} / 0.01)", _NAMED),),
                    limit=14.4,
                    description="1 uses up the objective in exactly 30 days; from 14.4 on somebody is called.",
                ),
                Panel("Age of the cursor", (_worst("wellhead_cursor_age_seconds"),), "s"),
            ),
        ),
        Row(
            "Records",
            (
                Panel("Committed", (_rate("kafka_connect_source_record_write_count_total", "kafka_connect_connector"),), "rowsps"),
                Panel("Bytes committed", (_rate("wellhead_write_io_bytes_total", "kafka_connect_connector"),), "Bps"),
                Panel(
                    "Dead letters", (_rate("kafka_connect_task_error_record_error_count_total", "kafka_connect_connector"),), "rowsps"
                ),
                Panel("Unknown fields", (_rate("wellhead_drift_count_total", "kafka_connect_connector"),), "cps"),
            ),
        ),
        Row(
            "Vendors",
            (
                Panel("Calls by status", (_rate("wellhead_api_call_count_total", "kafka_connect_connector, wellhead_http_status"),), "reqps"),
                Panel(
                    "Time of a call, p95",
                    (_quantile("wellhead_api_duration_seconds", "kafka_connect_connector", _NS, "{{kafka_connect_connector}}"),),
                    "s",
                    limit=120,
                ),
                Panel(
                    "Calls left",
                    (
                        Query(
                            f"min by (kafka_connect_connector) (wellhead_api_quota_remaining{{{_NS}}})", "{{kafka_connect_connector}}"
                        ),
                    ),
                ),
                Panel(
                    "Quota: time until it ends, beside that until it renews",
                    (
                        Query(
                            f"min by (kafka_connect_connector) (wellhead_api_quota_end_seconds{{{_NS}}} / wellhead_api_quota_renewal_seconds{{{_NS}}})",
                            "{{kafka_connect_connector}}",
                        ),
                    ),
                    description="Below 1 there is a time without calls.",
                ),
            ),
        ),
        Row(
            "Workers",
            (
                Panel("Tasks by worker", (Query(f"kafka_connect_worker_task_count{{{_NS}}}", "{{instance}}"),)),
                Panel(
                    "Owners changed",
                    (_rate("wellhead_worker_place_change_count_total", "wellhead_change"),),
                    "cps",
                    description="Places of tasks gained, revoked for another worker, or lost by one that was not heard of in time.",
                ),
                Panel("Tried again, by stage", (_rate("wellhead_retry_count_total", "wellhead_stage"),), "cps"),
                Panel(
                    "Time of a stage, p95",
                    (_quantile("wellhead_stage_duration_seconds", "wellhead_stage", _NS, "{{wellhead_stage}}"),),
                    "s",
                ),
                Panel(
                    "Live connections by destination",
                    (Query(f"sum by (server_address) (wellhead_upstream_open{{{_NS}}})", "{{server_address}}"),),
                ),
            ),
        ),
    ),
)  # fmt: skip

CONNECTOR: Final = Dashboard(
    "wellhead-connector",
    "Wellhead: one connector",
    (_NAMESPACE, Variable("connector", "kafka_connect_task_status", "kafka_connect_connector", multi=False)),
    (
        Row(
            "State",
            (
                Panel(
                    "State of its tasks",
                    (Query(f"kafka_connect_task_status{{{_ONE}}} == 1", "task {{kafka_connect_task_id}} {{kafka_connect_task_state}}"),),
                    look="state-timeline",
                ),
                Panel(
                    "Owner",
                    (
                        Query(
                            f'max by (instance, kafka_connect_task_id) (kafka_connect_task_status{{{_ONE}, kafka_connect_task_state="running"}} == 1)',
                            "task {{kafka_connect_task_id}} on {{instance}}",
                        ),
                    ),
                    look="state-timeline",
                    description="Two at a time for one task are two pullers.",
                ),
                Panel("Reported by the source", (_rate("wellhead_notice_count_total", "wellhead_event", _ONE),), "cps"),
                Panel("Runs by outcome", (_rate("wellhead_run_count_total", "wellhead_run_outcome", _ONE),), "cps"),
            ),
        ),
        Row(
            "Freshness",
            (
                Panel(
                    "Overdue, and the target",
                    (
                        Query(f"wellhead_freshness_overdue_seconds{{{_ONE}}}", _TASK),
                        Query(f"max(wellhead_freshness_target_seconds{{{_ONE}}})", "target"),
                    ),
                    "s",
                ),
                Panel("Age of the newest event", (Query(f"wellhead_freshness_event_seconds{{{_ONE}}}", _TASK),), "s"),
                Panel("Since the last good poll", (Query(f"wellhead_freshness_poll_seconds{{{_ONE}}}", _TASK),), "s"),
                Panel("Age of the cursor", (Query(f"wellhead_cursor_age_seconds{{{_ONE}}}", _TASK),), "s"),
            ),
        ),
        Row(
            "Records",
            (
                Panel(
                    "Polled and committed",
                    (
                        _rate("kafka_connect_source_record_poll_count_total", "kafka_connect_connector", _ONE, "polled"),
                        _rate("kafka_connect_source_record_write_count_total", "kafka_connect_connector", _ONE, "committed"),
                    ),
                    "rowsps",
                ),
                Panel("Refused, by stage and reason", (_rate("wellhead_record_reject_count_total", "wellhead_stage, wellhead_reason", _ONE),), "rowsps"),
                Panel("Left out on purpose", (_rate("wellhead_record_filter_count_total", "wellhead_reason", _ONE),), "rowsps"),
                Panel("Polled, not yet committed", (Query(f"wellhead_pipeline_size_bytes{{{_ONE}}}", _TASK),), "bytes"),
            ),
        ),
        Row(
            "The vendor",
            (
                Panel("Calls by status", (_rate("wellhead_api_call_count_total", "wellhead_http_status", _ONE),), "reqps"),
                Panel("Time of a call, p95", (_quantile("wellhead_api_duration_seconds", "server_address", _ONE, "{{server_address}}"),), "s", limit=120),
                Panel(
                    "Quota",
                    (
                        Query(f"min(wellhead_api_quota_remaining{{{_ONE}}})", "left"),
                        Query(f"max(wellhead_api_quota_reserve{{{_ONE}}})", "reserve"),
                        Query(f"max(wellhead_api_quota_budget{{{_ONE}}})", "a day"),
                    ),
                ),
                Panel(
                    "Live connections",
                    (
                        Query(f"sum by (server_address) (wellhead_upstream_open{{{_ONE}}})", "{{server_address}} open"),
                        Query(f"sum by (server_address) (wellhead_upstream_waiting{{{_ONE}}})", "{{server_address}} waiting"),
                    ),
                ),
            ),
        ),
        Row(
            "Kafka",
            (
                Panel("Time of a commit", (Query(f"kafka_connect_task_offset_commit_time_average_seconds{{{_ONE}}}", _TASK),), "s"),
                Panel("Time of a stage, p95", (_quantile("wellhead_stage_duration_seconds", "wellhead_stage", _ONE, "{{wellhead_stage}}"),), "s"),
                Panel("Tried again, by stage", (_rate("wellhead_retry_count_total", "wellhead_stage", _ONE),), "cps"),
                Panel("Transactions", (_rate("wellhead_transaction_count_total", "wellhead_stream, wellhead_tenant", _ONE),), "cps"),
            ),
        ),
    ),
)  # fmt: skip

DASHBOARDS: Final = (FLEET, CONNECTOR, CONSUMERS)


def dashboard_pages(root: Path) -> dict[Path, str]:
    """Give the files of the chart's dashboards."""
    folder = root / "helm" / "wellhead" / "dashboards"
    return {folder / f"{dashboard.uid}.json": text_of(dashboard) for dashboard in DASHBOARDS}
