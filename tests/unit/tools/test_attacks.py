"""Tests of `wellhead attacks` and of what `config check` says of it."""

import socket

import pytest

from wellhead.cli import run
from wellhead.config.worker import WorkerSettings
from wellhead.consumers import healthpage

SOUND = """\
worker:
  group.id: g
  kafka: {bootstrap.servers: "127.0.0.1:1", socket.connection.setup.timeout.ms: 1000}
  schema.registry.url: http://127.0.0.1:1
  listeners: http://127.0.0.1:1
attacks:
  wallarm:
    topic: wallarm.hit
    rules: wallarm/basic
    redis: {url: redis://127.0.0.1:1, password: r3dis-s3cret}
    stores:
      primary: {url: "http://127.0.0.1:1", username: me, password: st0re-s3cret}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "attacks.yaml"
    path.write_text(SOUND)
    return path


@pytest.fixture
def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]  # bound and not listening: nobody else can take it, and nobody answers


@pytest.fixture
def loaded_worker():
    def loaded(listeners):
        files = {"kafka": {"bootstrap.servers": "h"}, "schema.registry": {"url": "http://h"}, "listeners": listeners}
        return WorkerSettings.layered(flags={}, environment={}, files=files)

    return loaded


def test_the_check_shows_what_would_run(file, capsys):
    """Topics, rules, stores and every option that was written, secrets masked."""
    assert run(["config", "check", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "attacks wallarm: wallarm.hit by wallarm/basic to primary\n" in shown
    assert "  documents     wallarm.attack_document\n" in shown
    assert "    stores.primary.password  ******\n" in shown
    assert "    redis.password           ******\n" in shown
    assert "s3cret" not in shown
    assert shown.endswith("ok: 0 connectors, 0 streams, 1 attack grouping, 1 store\n")


@pytest.mark.parametrize("verb", [["attacks", "run", "--once"], ["attacks", "status"], ["config", "check"]])
def test_a_rule_that_cannot_be_used_is_told_before_anything_starts(file, capsys, verb):
    """Every verb that takes the file finds the mistake, and exits with 2."""
    file.write_text(file.read_text().replace("wallarm/basic", "wallarm/basics"))
    assert run([*verb, str(file)]) == 2
    assert "attacks.wallarm.rules: wallarm/basics: there is no such" in capsys.readouterr().err


def test_a_file_without_attacks_is_refused(file, capsys):
    """Nothing to do is a mistake, not a success."""
    file.write_text(SOUND.partition("attacks:")[0])
    assert run(["attacks", "run", str(file)]) == 2
    assert "attacks: there is none" in capsys.readouterr().err


def test_status_says_who_is_silent(free_port):
    """A process that does not answer, or another service there, is told with the next step; no page is no error of anybody."""
    told, silence = healthpage.health_of(f"http://127.0.0.1:{free_port}", "attacks")
    assert told == {}
    assert silence.startswith(f"http://127.0.0.1:{free_port}/health does not answer (ConnectError): only the lag is known.")
    assert healthpage.health_of(None, "attacks") == (
        {},
        "'listeners' is empty, so no process says how it is: only the lag is known",
    )


@pytest.mark.parametrize(
    ("listeners", "address"),
    [
        ("", None),
        ("http://127.0.0.1:8085", "http://127.0.0.1:8085"),
        ("http://:8085,http://h:1", "http://127.0.0.1:8085"),
        ("https://0.0.0.0:8085", "https://127.0.0.1:8085"),
        ("http://[::1]:8085", "http://[::1]:8085"),
    ],
)
def test_the_process_of_the_files_is_asked_where_it_listens(loaded_worker, listeners, address):
    """A listener on every interface is reached on this machine."""
    assert healthpage.own_address(loaded_worker(listeners)) == address
