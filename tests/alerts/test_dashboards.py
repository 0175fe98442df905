"""The dashboards ask for metrics that exist, and Prometheus understands what they ask."""

import json
import subprocess

import pytest
import yaml

from tests.alerts.written import INSTALL, ROOT, TARGET_LABELS, known_series, tool
from tests.site.promql import named
from wellhead.tools.docs.dashboards import DASHBOARDS, dashboard_pages

OF_PROMETHEUS = {"ALERTS": {"alertname", "alertstate", "severity"}}
STREAM = {"kafka_connect_connector", "kafka_connect_task_id", "wellhead_stream", "wellhead_tenant"}
QUERIES = [pytest.param(query, id=f"{board.uid}-{at}") for board in DASHBOARDS for at, query in enumerate(board.queries())]


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_and_label_exists(query):
    """A query reads only metrics of the reference, or that the rules record, by labels they have."""
    known = known_series() | OF_PROMETHEUS
    metrics, grouped = named(query)
    assert metrics
    assert metrics.keys() <= known.keys()
    assert not {metric: unknown for metric, labels in metrics.items() if (unknown := labels - known[metric] - TARGET_LABELS)}
    if not any(":" in metric for metric in metrics):
        assert grouped <= set().union(*(known[metric] for metric in metrics), TARGET_LABELS)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_dashboard_is_whole(board):
    """Its variables have values to choose from, its panels lie beside each other within the page and have numbers of their own."""
    (text,) = [text for path, text in dashboard_pages(ROOT).items() if path.stem == board.uid]
    page = json.loads(text)
    known = known_series()
    assert all(
        variable.metric in known and variable.label in known[variable.metric] | TARGET_LABELS for variable in board.variables
    )
    chosen = {variable["name"] for variable in page["templating"]["list"]}
    assert {word for query in board.queries() for word in ("namespace", "connector") if f"${word}" in query} <= chosen
    numbers = [panel["id"] for panel in page["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [panel["gridPos"] for panel in page["panels"]]
    taken = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_prometheus_understands_every_query(tmp_path):
    """Each query is PromQL, with Grafana's words for a span of time filled in."""
    promtool = tool("promtool")
    queries = [query for board in DASHBOARDS for query in board.queries()]
    if promtool is None:
        assert queries, INSTALL
        return
    filled = [query.replace("$__rate_interval", "1m").replace("$__range", "6h") for query in queries]
    groups = [{"name": "queries", "rules": [{"record": f"query:{at}", "expr": expr} for at, expr in enumerate(filled)]}]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
