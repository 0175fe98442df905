"""The alerts are made of metrics that exist, fire when they should, and tell a person what to do."""

import re
import subprocess

import pytest
import yaml

from tests.alerts.cases import CASES
from tests.alerts.written import INSTALL, ROOT, TARGET_LABELS, known_series, rule_files, rules, tool
from tests.site.promql import named
from wellhead.cli import load_verb
from wellhead.runtime.states import Outcome
from wellhead.telemetry.alerts import ALERTS as SOURCE_ALERTS
from wellhead.telemetry.instruments import STATES
from wellhead.telemetry.lookups import ALERTS as LOOKUP_ALERTS
from wellhead.telemetry.parts import ALERTS as PART_ALERTS

RUNBOOKS = ROOT / "docs/runbooks"
PLACES = {
    "kafka_connect_connector": "NAME",
    "kafka_connect_task_id": "N",
    "wellhead_stream": "STREAM",
    "wellhead_tenant": "TENANT",
    "wellhead_lookup": "LOOKUP",
    "wellhead_gateway": "GATEWAY",
}
WORDS = {
    "wellhead_source_alert": ("wellhead_alert", SOURCE_ALERTS),
    "wellhead_lookup_alert": ("wellhead_alert", LOOKUP_ALERTS),
    "wellhead_attacks_group_alert": ("wellhead_alert", PART_ALERTS),
    "wellhead_attacks_store_alert": ("wellhead_alert", PART_ALERTS),
    "wellhead_floods_watch_alert": ("wellhead_alert", PART_ALERTS),
    "kafka_connect_task_status": ("kafka_connect_task_state", STATES),
    "wellhead_run_count_total": ("wellhead_run_outcome", [outcome.value for outcome in Outcome]),
}


@pytest.mark.parametrize("rule", rules("alert") + rules("record"), ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_and_label_exists(rule):
    """An expression reads only metrics of the reference, by labels they have."""
    known = known_series()
    metrics, grouped = named(rule["expr"])
    assert metrics
    assert metrics.keys() <= known.keys()
    assert not {metric: unknown for metric, labels in metrics.items() if (unknown := labels - known[metric] - TARGET_LABELS)}
    if not any(":" in metric for metric in metrics):
        assert grouped <= set().union(*(known[metric] for metric in metrics), TARGET_LABELS)


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_every_word_a_rule_waits_for_can_come(rule):
    """States, outcomes and alerts that an expression asks for by name are ones the code reports."""
    for metric, (label, words) in WORDS.items():
        asked = re.findall(metric + r"\{[^}]*" + label + r'=~?"([^"]+)"', rule["expr"])
        assert {word for each in asked for word in each.split("|")} <= set(words)


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_an_alert_tells_what_to_do(rule):
    """Each alert has a severity, a summary, the impact and three steps, the same as its runbook's."""
    told = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert told["summary"]
    assert told["description"].endswith(".")
    assert told["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text()
    steps = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: PLACES[found[1]], told["steps"])
    assert [line[:3] for line in steps.splitlines()] == ["1. ", "2. ", "3. "]
    assert f"## First three steps\n\n{steps}\n" in page
    assert told["description"] in page


def test_every_runbook_has_its_alert():
    """No page is left of an alert that is gone, and the index names each."""
    names = {rule["alert"] for rule in rules("alert")}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*names, "README"}
    assert set(re.findall(r"\[(\w+)\]\(\1\.md\)", (RUNBOOKS / "README.md").read_text())) == names


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_the_commands_of_a_runbook_exist(path):
    """Each `wellhead ...` in a runbook is a verb, with options that it has."""
    page = path.read_text()
    assert "# " in page
    for line in re.findall(r"`wellhead ([a-z][^`]*)`", page):
        words = line.split()
        command = load_verb(words.pop(0))
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands") or not words, line
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= options, line


def test_every_alert_is_tried():
    """Each alert has a case in which it fires and one in which it does not."""
    names = {rule["alert"] for rule in rules("alert")}
    assert {case.alert for case in CASES if case.fires} == names
    assert {case.alert for case in CASES if not case.fires} == names


def test_promtool_takes_the_rules():
    """Prometheus can load every rule file."""
    promtool = tool("promtool")
    if promtool is None:
        assert rule_files(), INSTALL
        return
    done = subprocess.run([promtool, "check", "rules", *rule_files()], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_alerts_fire_and_keep_quiet(tmp_path):
    """Prometheus's own evaluation fires each alert on its cases, and none on the ones where it must not."""
    promtool = tool("promtool")
    if promtool is None:
        assert CASES, INSTALL
        return
    tests = [
        {
            "name": f"{number} {case.alert} {case.fires}",
            "interval": "1m",
            "input_series": [{"series": series, "values": values.strip()} for series, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{case.minute}m",
                    "exp_samples": [{"labels": "{}", "value": case.fires}],
                }
            ],
        }
        for number, case in enumerate(CASES)
    ]
    suite = {"rule_files": [str(path) for path in rule_files()], "evaluation_interval": "1m", "tests": tests}
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
