"""Tests of what every verb that tells of a service says where nobody answers."""

import json

import pytest

from wellhead.cli import run

AWAY = """\
worker:
  group.id: g
  kafka: {bootstrap.servers: "127.0.0.1:1"}
  schema.registry.url: http://127.0.0.1:1
  listeners: http://127.0.0.1:1
floods:
  proxies: {topics: [gate.connection, gate.access_log]}
  others: {topics: other.connection}
attacks:
  wallarm: {topic: wallarm.hit, rules: [wallarm/basic], redis.url: "redis://127.0.0.1:1", stores.primary.url: "http://127.0.0.1:1"}
"""
SAID = "kafka at 127.0.0.1:1 does not answer (127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
NEXT = "See that it runs, that this machine reaches it, and that kafka.bootstrap.servers names it; then ask again, or wait longer than 0.3 s with --timeout"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "service.yaml"
    path.write_text(AWAY)
    return str(path)


def code_of(*words):
    """Give the code `wellhead` exits with."""
    try:
        return run(list(words))
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize("section", ["floods", "attacks"])
def test_a_kafka_that_is_away_is_said_once_for_all(file, capsys, section):
    """Whatever the file watches, one line says where Kafka should be and what to see to; each part is shown as unknown; exit 1."""
    assert code_of(section, "status", "--timeout", "0.3", file) == 1
    lines = capsys.readouterr().out.splitlines()
    (said,) = [line for line in lines if "does not answer" in line and "/health" not in line]
    assert said.startswith(f"! {SAID}")
    assert NEXT in said
    assert sum("unknown" in line for line in lines) == {"floods": 3, "attacks": 2}[section]


def test_machines_are_told_the_same(file, capsys):
    """As JSON every watch says what is wrong, and the exit code is the same."""
    assert code_of("floods", "status", "--json", "--timeout", "0.3", file) == 1
    state = json.loads(capsys.readouterr().out)
    assert [watch["watch"] for watch in state["floods"]] == ["proxies", "others"]
    assert all(len(watch["wrong"]) == 1 and watch["wrong"][0].startswith(SAID) for watch in state["floods"])


@pytest.mark.parametrize("words", [["explain", "proxy-1"], ["bypass"]])
def test_what_is_known_cannot_be_told_without_kafka(file, capsys, words):
    """The other verbs say the same as an error, and print nothing that could be taken for an answer."""
    assert code_of("floods", *words, "--timeout", "0.3", file) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert SAID in shown.err
    assert NEXT in shown.err
