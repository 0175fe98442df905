"""Gives the dashboard of what reads the topics, lookup files, attacks and floods, as panels with their queries; never draws it."""

from __future__ import annotations

from typing import Final

from wellhead.tools.docs.grafana import Dashboard, Panel, Query, Row, Variable

_NS: Final = 'namespace=~"$namespace"'
_RATE: Final = "[$__rate_interval]"
_FILE: Final = "{{wellhead_lookup}} {{wellhead_lookup_file}}"


def _most(metric: str, by: str, legend: str = "") -> Query:
    """Lags are the same from every process: the largest counts, not the sum."""
    return Query(f"max by ({by}) ({metric}{{{_NS}}})", legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", ")))


def _rate(metric: str, by: str) -> Query:
    return Query(f"sum by ({by}) (rate({metric}{{{_NS}}}{_RATE}))", " ".join(f"{{{{{label}}}}}" for label in by.split(", ")))


def _standing(metric: str, by: str) -> Panel:
    query = Query(f"max by ({by}, wellhead_alert) ({metric}{{{_NS}}}) == 1")
    return Panel("Alerts that stand", (query,), look="table", description="What each means: its runbook in docs/runbooks.")


CONSUMERS: Final = Dashboard(
    "wellhead-consumers",
    "Wellhead: consumers",
    (Variable("namespace", "wellhead_lookup_run_age_seconds", "namespace"),),
    (
        Row(
            "Lookup files",
            (
                Panel("Rows", (_most("wellhead_lookup_file_rows", "wellhead_lookup, wellhead_lookup_file", _FILE),)),
                Panel(
                    "Since the target held the right file",
                    (_most("wellhead_lookup_delivery_age_seconds", "wellhead_lookup, wellhead_lookup_file", _FILE),),
                    "s",
                ),
                Panel(
                    "Size beside the one delivered last",
                    (
                        Query(
                            f"min by (wellhead_lookup, wellhead_lookup_file) (wellhead_lookup_file_ratio{{{_NS}}})",
                            _FILE,
                        ),
                    ),
                    "percentunit",
                ),
                _standing("wellhead_lookup_alert", "wellhead_lookup"),
            ),
        ),
        Row(
            "Their deliveries",
            (
                Panel("Deliveries", (_rate("wellhead_lookup_delivery_count_total", "wellhead_lookup, wellhead_lookup_delivery_how"),), "cps"),
                Panel("Share that failed", (_most("wellhead_lookup_delivery_failure_ratio", "wellhead_lookup"),), "percentunit", limit=0.05),
                Panel("Since the last good run", (_most("wellhead_lookup_run_age_seconds", "wellhead_lookup"),), "s"),
                Panel("Records in the state", (_most("wellhead_lookup_state_rows", "wellhead_lookup"),)),
            ),
        ),
        Row(
            "Attacks",
            (
                Panel(
                    "From hit to attack",
                    (
                        Query(f"wellhead:attack_group_lag:seconds{{{_NS}}}", "{{wellhead_attacks}} grouping"),
                        Query(f"wellhead:attack_store_lag:seconds{{{_NS}}}", "{{wellhead_attacks}} slowest store"),
                    ),
                    "s",
                    limit=5,
                ),
                Panel(
                    "From hit to store, slowest 1 %",
                    (
                        Query(
                            f"histogram_quantile(0.99, sum by (le, wellhead_attacks, wellhead_store, wellhead_document) (rate(wellhead_attacks_store_lag_duration_seconds_bucket{{{_NS}}}{_RATE})))",
                            "{{wellhead_attacks}} {{wellhead_store}} {{wellhead_document}}",
                        ),
                    ),
                    "s",
                    limit=5,
                ),
                Panel("Hits", (_rate("wellhead_attacks_hit_count_total", "wellhead_attacks"),), "rowsps"),
                Panel("Attacks", (_rate("wellhead_attacks_event_count_total", "wellhead_attacks, wellhead_event"),), "cps"),
                _standing("wellhead_attacks_group_alert", "wellhead_attacks"),
            ),
        ),
        Row(
            "Their stores and questions",
            (
                Panel("Documents behind", (_most("wellhead_attacks_store_lag", "wellhead_attacks, wellhead_store"),)),
                Panel("Documents written", (_rate("wellhead_attacks_store_document_count_total", "wellhead_store, wellhead_document"),), "rowsps"),
                Panel("Answers by status", (_rate("wellhead_attacks_read_count_total", "wellhead_store, wellhead_http_status"),), "reqps"),
                _standing("wellhead_attacks_store_alert", "wellhead_attacks, wellhead_store"),
            ),
        ),
        Row(
            "Floods",
            (
                Panel(
                    "Open findings",
                    (
                        Query(
                            f"sum by (wellhead_gateway, wellhead_detector) (wellhead_floods_open{{{_NS}}})",
                            "{{wellhead_gateway}} {{wellhead_detector}}",
                        ),
                    ),
                    limit=1,
                ),
                Panel("Records watched", (_rate("wellhead_floods_record_count_total", "wellhead_floods, wellhead_topic"),), "rowsps"),
                Panel("Behind", (_most("wellhead_floods_watch_lag_time_seconds", "wellhead_floods, wellhead_topic"),), "s"),
                _standing("wellhead_floods_watch_alert", "wellhead_floods, wellhead_topic"),
            ),
        ),
    ),
)  # fmt: skip
