"""Takes a dashboard as rows of panels with their queries, gives the JSON that Grafana imports; never knows what is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

WIDTH: Final = 24
HEIGHT: Final = 8
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

Look = Literal["timeseries", "stat", "table", "state-timeline"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called: Grafana's `{{label}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Attributes:
        title: What it answers.
        queries: What it shows.
        unit: Grafana's unit, such as s, By, ops, percentunit, short.
        look: How it shows it.
        description: What to make of it.
        limit: Value from which on it is red; None colours nothing.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    look: Look = "timeseries"
    description: str = ""
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question, side by side."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """What is chosen at the top: the values that `label` of `metric` has."""

    name: str
    metric: str
    label: str
    multi: bool = True


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page; `uid` never changes, for links lead there."""

    uid: str
    title: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]

    def queries(self) -> Iterator[str]:
        """Give every expression on it."""
        for row in self.rows:
            for panel in row.panels:
                yield from (query.expr for query in panel.queries)


def text_of(dashboard: Dashboard) -> str:
    """Give the file that Grafana imports; the same dashboard gives the same bytes."""
    page = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["wellhead"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "links": [{"type": "dashboards", "title": "Wellhead", "tags": ["wellhead"], "asDropdown": True, "keepTime": True}],
        "templating": {"list": [_source(), *map(_variable, dashboard.variables)]},
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({variable.metric}, {variable.label})", "refId": variable.name},
        "refresh": 2,
        "sort": 1,
        "multi": variable.multi,
        "includeAll": variable.multi,
        # Also series without the label, as outside of a cluster.
        **({"allValue": ".*"} if variable.multi else {}),
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number = top = 0
    for row in dashboard.rows:
        number += 1
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        width = WIDTH // len(row.panels)
        for at, panel in enumerate(row.panels):
            number += 1
            yield _panel(panel, number, {"x": at * width, "y": top + 1, "w": width, "h": HEIGHT})
        top += 1 + HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    is_now = panel.look in {"stat", "table"}
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number,
        "type": panel.look,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": _options(panel.look),
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": is_now,
                "range": not is_now,
                **({"format": "table"} if panel.look == "table" else {}),
            }
            for at, query in enumerate(panel.queries)
        ],
    }


def _options(look: Look) -> dict[str, Any]:
    if look == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if look == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "textMode": "auto"}
    return {}
