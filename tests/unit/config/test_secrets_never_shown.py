"""Puts a canary where a secret may stand and looks for it in everything that can be shown."""

import json
import pickle

import pytest
from click.testing import CliRunner

from wellhead.cli import cli
from wellhead.config import Deployment
from wellhead.errors import ConfigError

CANARY = "c4nary-in-the-mine"
SHORT = "c4n"

# Where a secret may stand in a sound file: by its name, by its type, through a provider, inside an address.
POSITIONS = {
    "worker pass-through by name": ("  kafka.sasl.password: {}\n", ""),
    "worker key by name": ("  kafka.ssl.key.pem: {}\n", ""),
    "worker registry login": ("  schema.registry.basic.auth.user.info: 'user:{}'\n", ""),
    "worker address": ("  otlp.endpoint: 'http://user:{}@collector:4318'\n", ""),
    "registry address": ("  schema: {{registry.url: 'http://user:{}@r:8081'}}\n", ""),
    "producer": ("  producer: {{sasl.password: '{}'}}\n", ""),
    "typed option": ("", "    token: {}\n"),
    "typed option of an innocent name": ("", "    opaque: {}\n"),
    "named option": ("", "    legacy_password: {}\n"),
    "typed nested option": ("", "    limits: {{proxy_password: '{}'}}\n"),
    "named nested option": ("", "    accounts: [{{user: u, api_key: '{}'}}]\n"),
    "option address": ("", "    label: 'http://user:{}@host/'\n"),
    "mapping by name": ("", "    headers: {{Authorization: '{}'}}\n"),
    "producer override": ("", "    producer.override.sasl.password: {}\n"),
    "proxy": ("", "    http.proxy.url: 'http://user:{}@proxy:3128'\n"),
}
PROVIDED = POSITIONS | {
    "any worker word": ("  group.id: {}\n", ""),
    "any pass-through": ("  kafka.client.rack: {}\n", ""),
    "brokers": ("  kafka: {{client.id: '{}'}}\n", ""),
    "tenant": ("", "    tenant: {}\n"),
    "prefix": ("", "    topic.prefix: {}\n"),
    "any option": ("", "    label: {}\n"),
    "list": ("", "    kinds: ['{}']\n"),
    "comma list": ("", "    kinds: '{}'\n"),
    "any mapping": ("", "    headers: {{X-Anything: '{}'}}\n"),
}


def written(sound: str, position: tuple[str, str], value: str) -> str:
    worker, connector = (part.format(value) for part in position)
    if "registry.url" in worker:
        sound = sound.replace("  schema.registry.url: http://127.0.0.1:8081\n", "")
    if "tenant:" in connector:
        sound = sound.replace("    tenant: acme\n", "")
    if "token:" in connector:
        sound = sound.replace("    token: t0ken-of-acme\n", "")
    return sound.replace("connectors:\n", f"{worker}connectors:\n") + connector


def everything_shown(deployment: Deployment) -> str:
    settings = [deployment.worker, *(connector.settings for connector in deployment.connectors)]
    shown = [repr(deployment), str(deployment), f"{deployment}", str(deployment.warnings)]
    for each in settings:
        shown += [
            repr(each),
            str(each),
            str(each.model_dump()),
            str(each.model_dump(by_alias=True)),
            str(each.model_dump(mode="json")),
        ]
        shown += [
            each.model_dump_json(),
            each.model_dump_json(by_alias=True),
            str(each.shown()),
            str(list(each.__repr_args__())),
        ]
    for connector in deployment.connectors:
        shown += [repr(connector), str(connector), str(connector.settings.options), repr(connector.settings.http)]
    return "\n".join(shown)


def checked(tmp_path, text: str, environ: dict[str, str]) -> str:
    (tmp_path / "check.yaml").write_text(text)
    result = CliRunner().invoke(cli, ["config", "check", str(tmp_path / "check.yaml")], env=environ)
    return f"{result.output}{result.stderr}{result.exception if isinstance(result.exception, ConfigError) else ''}"


@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
def test_a_secret_written_plainly_is_never_shown(loaded, sound, tmp_path, position):
    """Wherever it stands, nothing that prints settings prints it, yet it is used and known for redaction."""
    text = written(sound, position, CANARY)
    deployment = loaded(text)
    assert CANARY not in everything_shown(deployment)
    assert any(CANARY in secret for secret in deployment.secrets())
    output = checked(tmp_path, text, {})
    assert "ok: 1 connector" in output
    assert CANARY not in output


@pytest.mark.parametrize("position", PROVIDED.values(), ids=PROVIDED)
def test_what_a_provider_gave_is_never_shown(loaded, sound, tmp_path, position):
    """Any option, secret by name or not: the reference may be shown, the value never."""
    text = written(sound, position, "${env:CANARY}")
    deployment = loaded(text, environ={"CANARY": CANARY})
    assert CANARY not in everything_shown(deployment)
    output = checked(tmp_path, text, {"CANARY": CANARY})
    assert "ok: 1 connector" in output
    if "topic.prefix" in position[1]:  # topics are what the prefix is for: their names are told
        output = "".join(line for line in output.splitlines() if not line.startswith(("    topic  ", "    dead letters  ")))
    assert CANARY not in output


@pytest.mark.parametrize("position", PROVIDED.values(), ids=PROVIDED)
def test_no_error_holds_a_secret(loaded, sound, tmp_path, position):
    """With everything else wrong as well, the list of problems is silent about the value."""
    text = (
        written(sound, position, "${env:CANARY}")
        + "    page_size: 0\n    labell: x\n    poll.cron: x\n    mode: ${env:CANARY}\n"
    )
    text = text.replace("  kafka.bootstrap.servers: 127.0.0.1:9092\n", "  offset.storage.partitions: ${env:CANARY}\n")
    with pytest.raises(ConfigError) as error:
        loaded(text, environ={"CANARY": CANARY})
    assert CANARY not in str(error.value) + repr(error.value) + str(error.value.problems)
    cause = error.value.__cause__ or error.value.__context__
    assert CANARY not in str(cause)
    assert CANARY not in checked(tmp_path, text, {"CANARY": CANARY})


WRONG = {
    "wrong type": "    page_size: {}\n",
    "not a choice": "    mode: {}\n",
    "validator that quotes": "    legacy_password: {0}\n    label: '{0}!'\n",
    "unknown option": "    passwort: {}\n",
    "nested where text is wanted": "    token: {{a: {}}}\n",
    "list where text is wanted": "    legacy_password: [{}]\n",
    "text where a mapping is wanted": "    limits: {}\n",
    "bad proxy": "    http.proxy.url: {}\n",
    "bad cron": "    poll.cron: {}\n",
    "bad class": "    errors.deadletterqueue.topic.name: '{} x'\n",
    "unknown provider": "    legacy_password: '${{{}:x}}'\n",
    "broken yaml": "    legacy_password: *{}\n",
    "twice": "    legacy_password: {0}\n    legacy_password: {0}\n",
    "bad interval": "    poll.interval.secs: {}\n",
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_never_quoted(loaded, sound, line):
    """Whatever is wrong with it, the value stays out of the message: it may be a misplaced secret."""
    text = sound.replace("    token: t0ken-of-acme\n", "") if "token:" in line else sound
    with pytest.raises(ConfigError) as error:
        loaded(text + line.format(CANARY))
    assert CANARY not in str(error.value)


def test_short_secrets_are_hidden_too(loaded, sound):
    """What is too short to redact in prose is still masked where it stands."""
    deployment = loaded(sound + f"    legacy_password: {SHORT}\n", overrides=(f"kafka.sasl.password={SHORT}",))
    assert SHORT not in everything_shown(deployment)


def test_secrets_work_where_they_are_used(loaded, sound):
    """Masking changes what is shown, never what is used."""
    deployment = loaded(sound, overrides=(f"kafka.sasl.password={CANARY}", f"connectors.one.headers.Authorization={CANARY}"))
    assert dict(deployment.worker.kafka)["sasl.password"] == CANARY
    assert deployment.connectors[0].config.headers["Authorization"] == CANARY
    assert json.dumps(deployment.worker.kafka)
    assert pickle.loads(pickle.dumps(deployment.worker.kafka)) == deployment.worker.kafka
