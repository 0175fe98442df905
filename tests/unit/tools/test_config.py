"""Tests of `wellhead config check`."""

import re
from pathlib import Path

import pytest

from wellhead.cli import run

SOUND = """\
worker:
  kafka: {bootstrap.servers: "127.0.0.1:9092", sasl.password: kafka-p4ssword}
  schema.registry.url: http://user:reg-p4ssword@127.0.0.1:8081
  group.id: ${env:GROUP}
connectors:
  one:
    connector.class: fake
    tenant: acme
    token: t0ken-of-acme
    legacy_password: ${env:OLD}
    kinds: [login]
    topic.prefix: prod.
    poll.cron: "*/5 * * * *"
    http.trace: true
"""


@pytest.fixture
def file(tmp_path: Path, fake_vendor: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUP", "gr0up-name")
    monkeypatch.setenv("OLD", "old-p4ssword")
    path = tmp_path / "a.yaml"
    path.write_text(SOUND)
    return path


def test_a_sound_file_shows_what_would_run(file, capsys):
    """Connector, streams, topics, schedule, every option that was written; secrets as stars or as their reference."""
    assert run(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == (
        "worker\n"
        "  group.id                 ${env:GROUP}\n"
        "  kafka.bootstrap.servers  127.0.0.1:9092\n"
        "  kafka.sasl.password      ******\n"
        "  schema.registry.url      http://******@127.0.0.1:8081\n"
        "\n"
        "connector one: Fake vendor, tenant acme\n"
        "  stream events\n"
        "    topic         prod.fake.events\n"
        "    dead letters  prod.fake.events.dlq\n"
        "    schedule      cron */5 * * * * UTC\n"
        "  options\n"
        "    connector.class  fake\n"
        "    http.trace       true\n"
        "    kinds            ['login']\n"
        "    legacy_password  ******\n"
        "    poll.cron        */5 * * * *\n"
        "    tenant           acme\n"
        "    token            ******\n"
        "    topic.prefix     prod.\n"
        "\n"
        "ok: 1 connector, 1 stream\n"
    )


def test_flags_override_and_the_streams_own_interval_is_told(file, capsys):
    """What is shown is what would run, not what stands in the file."""
    file.write_text(SOUND.replace('    poll.cron: "*/5 * * * *"\n', ""))
    assert run(["config", "check", str(file), "--set", "group.id=staging", "--set", "connectors.one.topic.prefix="]) == 0
    out = capsys.readouterr().out
    assert "  group.id                 staging\n" in out
    assert "    topic         fake.events\n" in out
    assert "    schedule      every 30 s\n" in out


def test_problems_are_listed_and_the_exit_code_is_two(file, capsys):
    """The list goes to stderr; nothing pretends to be fine."""
    assert run(["config", "check", str(file), "--set", "connectors.one.page_size=0", "--set", "log.level=loud"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"{file}: 2 problems\n"
        "  worker.log.level: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'\n"
        "  connectors.one.page_size: must be at least 1\n"
    )


def test_what_kafka_clients_would_refuse_is_told_before_the_start(file, capsys):
    """Settings that break exactly-once, or that only Java knows, are problems of the file too."""
    flags = [
        "kafka.isolation.level=read_uncommitted",
        "producer.enable.idempotence=false",
        "connectors.one.producer.override.transactional.id=x",
    ]
    assert run(["config", "check", str(file), *(word for flag in flags for word in ("--set", flag))]) == 2
    told = capsys.readouterr().err
    assert "  worker.kafka.isolation.level: " in told
    assert "  worker.producer.enable.idempotence: " in told
    assert "  connectors.one.producer.override.transactional.id: " in told


def test_a_stream_without_a_schema_is_told(tmp_path, file, capsys, monkeypatch):
    """A source whose schema is not installed cannot run."""
    package = tmp_path / "site" / "noschema"
    package.mkdir(parents=True)
    (package / "source.py").write_text(
        "import dataclasses\nfrom fakevendor.source import connector as fake\n"
        "stream = dataclasses.replace(fake.streams[0], subject='no.schema')\n"
        "connector = dataclasses.replace(fake, name='noschema', streams=(stream,))\n"
    )
    info = tmp_path / "site" / "noschema-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noschema\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wellhead.connectors]\nnoschema = noschema.source:connector\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert run(["config", "check", str(file), "--set", "connectors.one.connector.class=noschema"]) == 2
    assert "  connectors.one (stream events): schema no.schema: no such subject" in capsys.readouterr().err


def test_transforms_are_shown_and_their_fields_checked(file, capsys):
    """What transforms would do is shown with the options, keys masked; a field that the stream lacks is told with the closest one."""
    text = (
        SOUND
        + "    transforms: {hide: {type: ReplaceField, exclude: tags}, hash: {type: MaskField, fields: id, hash.key: k3y-of-sixteen-chars}}\n"
    )
    file.write_text(text)
    assert run(["config", "check", str(file)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^    transforms +hide,hash$", out, re.MULTILINE)
    assert re.search(r"^    transforms.hash.hash.key +\*{6}$", out, re.MULTILINE)
    file.write_text(text.replace("exclude: tags", "exclude: tag"))
    assert run(["config", "check", str(file)]) == 2
    told = "  connectors.one.transforms.hide.exclude: stream events has no field 'tag'; did you mean tags?\n"
    assert told in capsys.readouterr().err


def test_warnings_do_not_fail(file, capsys):
    """Two pullers of one tenant may be meant."""
    two = SOUND.partition("connectors:\n")[2].replace("  one:", "  two:")
    file.write_text(SOUND + two)
    assert run(["config", "check", str(file)]) == 0
    out = capsys.readouterr().out
    assert "warnings\n  connectors.two: pulls events of tenant acme like one; " in out
    assert out.endswith("ok: 2 connectors, 2 streams\n")


def test_no_file_is_a_usage_error(capsys):
    """Nothing to check is not fine."""
    assert run(["config", "check"]) == 2
    assert "FILES" in capsys.readouterr().err


def test_what_librdkafka_does_not_know_is_told_where_it_stands(file, capsys):
    """A misspelt pass-through word is found without a broker, under the section it was written in, without its value."""
    flags = [
        "kafka.sasl.pasword=s3cr3t-value",
        "producer.linger.ms=soon",
        "consumer.fetch.min.byte=1",
        "connectors.one.producer.override.compression.type=s3cr3t-value",
        "schema.registry.basic.auth.user.inf=u:p",
    ]
    assert run(["config", "check", str(file), *(word for flag in flags for word in ("--set", flag))]) == 2
    told = capsys.readouterr().err
    assert "s3cr3t-value" not in told
    paths = {line.split(": ")[0].strip() for line in told.splitlines()[1:]}
    assert paths == {
        "worker.kafka.sasl.pasword",
        "worker.producer.linger.ms",
        "worker.consumer.fetch.min.byte",
        "connectors.one.producer.override.compression.type",
        "worker.schema.registry",
    }


def test_a_transaction_must_end_before_the_broker_aborts_it(file, capsys):
    """The interval and the broker's patience are compared, whoever set them."""
    flag = ("--set", "connectors.one.transaction.boundary.interval.ms=20000")
    assert run(["config", "check", str(file), *flag]) == 0
    assert run(["config", "check", str(file), *flag, "--set", "producer.transaction.timeout.ms=30000"]) == 2
    told = capsys.readouterr().err
    assert (
        "  connectors.one.transaction.boundary.interval.ms: must be at most half of the producer's transaction.timeout.ms, which is 30000\n"
        in told
    )
    poll = ("--set", "connectors.one.transaction.boundary=poll", "--set", "producer.transaction.timeout.ms=30000")
    assert run(["config", "check", str(file), *flag, *poll]) == 0
