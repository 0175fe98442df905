"""Tests of `wellhead floods` and of what `config check` says of it."""

import json
from dataclasses import asdict

import pytest
from watchable import NOON_MS, finding, settings

from wellhead.cli import run
from wellhead.consumers.floods.known import GatewayView
from wellhead.tools.floods_look import _nothing

SOUND = """\
worker:
  group.id: g
  kafka: {bootstrap.servers: "127.0.0.1:1", socket.connection.setup.timeout.ms: 1000}
  schema.registry.url: http://127.0.0.1:1
  listeners: http://127.0.0.1:1
floods:
  proxies:
    topics: gate.connection, gate.access_log
    limits: {established.max: 800}
    destinations:
      - {match: "*.ticker.example", limits: {established.max: 5000}}
    bypass.file: /tmp/bypass.txt
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "floods.yaml"
    path.write_text(SOUND)
    return path


def test_the_check_shows_what_would_run(file, capsys):
    """Topics, the bypass file, limits, and those of single destinations."""
    assert run(["config", "check", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "floods proxies: gate.connection, gate.access_log to /tmp/bypass.txt\n" in shown
    assert "  findings      gate.flood_finding\n" in shown
    assert "  state         gate.flood_state\n" in shown
    assert "limits.established.max" in shown
    assert "    destinations.0.limits.established.max  5000\n" in shown
    assert shown.endswith("ok: 0 connectors, 0 streams, 1 flood watch\n")


@pytest.mark.parametrize("verb", [["run", "--once"], ["status"], ["explain", "proxy-1"], ["bypass"]])
def test_a_file_without_floods_is_refused(file, capsys, verb):
    """Nothing to watch is a mistake, not a success."""
    file.write_text(SOUND.partition("floods:")[0])
    assert run(["floods", *verb, str(file)]) == 2
    assert "floods: there is none" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "status", "explain", "bypass"])
def test_every_verb_shows_examples(capsys, verb):
    """Whoever asks for help at night gets a line to copy."""
    assert run(["floods", verb, "--help"]) == 0
    assert f"wellhead floods {verb}" in capsys.readouterr().out.partition("Examples:")[2]


def test_a_gateway_without_findings_is_well_and_one_unknown_is_not(capsys):
    """Who mistypes a name is told those there are."""
    views = [GatewayView("proxy-1", "t", NOON_MS, {}, ())]
    _nothing("proxy-1", views)
    assert "nothing was found at it" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        _nothing("proxy1", views)
    assert ended.value.code == 1
    assert "Gateways: proxy-1" in capsys.readouterr().err


def test_a_finding_outlives_json():
    """What `--json` prints has every field of the finding."""
    held = json.loads(json.dumps(asdict(finding())))
    assert type(finding()).read(held) == finding()
    assert settings().kind_of("a.b.access_log") == "requests"
