"""Tests of loading a whole deployment."""

from importlib.metadata import EntryPoint

import pytest
from pydantic import Field

from wellhead import Config, SourceConnector
from wellhead.config import load
from wellhead.config.load import shadowing
from wellhead.errors import ConfigError
from wellhead.plugins import GROUP, Plugins


def test_a_sound_file_gives_a_deployment(loaded, sound):
    """Settings, source, options and streams come out together."""
    deployment = loaded(sound)
    (one,) = deployment.connectors
    assert deployment.worker.kafka["bootstrap.servers"] == "127.0.0.1:9092"
    assert (one.settings.name, one.settings.connector_class, one.settings.tenant) == ("one", "fake", "acme")
    assert one.config.token.get_secret_value() == "t0ken-of-acme"
    assert [stream.subject for stream in one.streams] == ["fake.events"]
    assert one.source.name == "fake"


def test_json_says_the_same_as_yaml(loaded, sound):
    """A file may be JSON."""
    text = """{"worker": {"kafka": {"bootstrap.servers": "127.0.0.1:9092"}, "schema": {"registry.url": "http://127.0.0.1:8081"}},
               "connectors": {"one": {"connector": {"class": "fake"}, "tenant": "acme", "token": "t0ken-of-acme"}}}"""
    assert loaded(text, suffix="json") == loaded(sound)


def test_flags_win_over_environment_over_files(loaded, sound):
    """The ladder holds from end to end, for connectors too."""
    text = sound.replace("worker:\n", "worker:\n  group.id: file\n  log.level: ERROR\n  runs.topic: file\n")
    deployment = loaded(
        text,
        overrides=(
            "group.id=flag",
            "connectors.one.poll.interval.secs=5",
            "connectors.one.limits.per_minute=7",
            "connectors.one.kinds=a,b",
        ),
        environ={"WELLHEAD_GROUP_ID": "env", "WELLHEAD_LOG_LEVEL": "warning"},
    )
    one = deployment.connectors[0]
    assert (deployment.worker.group_id, deployment.worker.log_level, deployment.worker.runs_topic) == (
        "flag",
        "WARNING",
        "file",
    )
    assert (one.settings.poll_interval_secs, one.config.limits.per_minute, one.config.kinds) == (5, 7, ["a", "b"])


def test_an_option_that_holds_data_is_not_taken_apart(loaded, sound):
    """A connector's mapping keeps its dotted keys; the framework's words may nest."""
    one = loaded(
        sound
        + "    headers: {x.y: z}\n    http: {retry: {max.attempts: 2}}\n    topic.creation.default: {cleanup.policy: delete}\n"
    ).connectors[0]
    assert one.config.headers == {"x.y": "z"}
    assert one.settings.http.retry_max_attempts == 2
    assert one.settings.topic_creation == {"cleanup.policy": "delete"}


def test_references_are_resolved_in_every_layer(loaded, sound, tmp_path):
    """Files, flags and environment may all refer to secrets."""
    (tmp_path / "secrets").write_text("token=from-file\n")
    deployment = loaded(
        sound.replace("t0ken-of-acme", f"${{file:{tmp_path}/secrets:token}}"),
        overrides=("kafka.sasl.password=${env:PW}",),
        environ={"PW": "from-env", "WELLHEAD_KAFKA_SASL_USERNAME": "${env:PW}-user"},
    )
    assert deployment.connectors[0].config.token.get_secret_value() == "from-file"
    assert (deployment.worker.kafka["sasl.password"], deployment.worker.kafka["sasl.username"]) == ("from-env", "from-env-user")
    assert deployment.secrets() == ["from-env-user", "from-file", "from-env"]


def test_every_problem_of_every_file_is_told_at_once(loaded, sound, tmp_path):
    """One screen, one line each, with the path; no URL, no class name."""
    first = "worker:\n  kafka.sasl.password: ${env:NOPE}\n  offset.storage.partitions: 0\n  log.levle: INFO\nconectors: {}\n"
    second = """\
connectors:
  two words: {connector.class: fake, token: x}
  none: {tenant: a}
  typo: {connector.class: fakee}
  broken: {connector.class: broken}
  many:
    connector.class: fake
    tokn: s3cr3t-token
    page_size: 0
    tenant: a
    tenant: b
    poll.intervall.secs: 5
    poll.cron: never
    accounts: [{user: u}]
    label: "s3cr3t!"
    legacy_password: s3cr3t!
"""
    with pytest.raises(ConfigError) as error:
        loaded(first, second, overrides=("connectors.mani.token=x",))
    assert str(error.value).splitlines() == [
        f"{tmp_path}/a.yaml, {tmp_path}/b.yaml: 19 problems",
        f"  conectors: unknown section in {tmp_path}/a.yaml; did you mean connectors?",
        f"  connectors.many.tenant: given twice ({tmp_path}/b.yaml, line 11)",
        "  --set connectors.mani: no such connector; did you mean many?",
        "  worker.kafka.sasl.password: ${env:NOPE} is not set in the environment",
        "  worker.log.levle: unknown option; did you mean log.level?",
        "  worker.kafka.bootstrap.servers: required: Kafka brokers to start from, host:port with commas between them.",
        "  worker.schema.registry.url: required: Address of the schema registry, such as http://127.0.0.1:8081.",
        "  worker.offset.storage.partitions: must be at least 1",
        "  connectors.two words.name: must be 1 to 128 characters without spaces, slashes or control characters",
        "  connectors.none.connector.class: required: Which source to run: a name from 'wellhead connectors list'.",
        "  connectors.typo.connector.class: no connector is called 'fakee'; did you mean fake?",
        (
            "  connectors.broken.connector.class: connector broken: entry point fakevendor.broken:connector cannot be loaded: "
            "RuntimeError: its library is missing"
        ),
        "  connectors.many.tokn: unknown option; did you mean token?",
        "  connectors.many.poll.intervall.secs: unknown option; did you mean poll.interval.secs?",
        "  connectors.many.poll.cron: must be a cron expression of five fields, such as '*/5 * * * *'",
        "  connectors.many.token: required: Token of the account.",
        "  connectors.many.label: must hold no '!', which '******' does",
        "  connectors.many.page_size: must be at least 1",
        "  connectors.many.accounts.0.api_key: required: The account's key.",
    ]


def test_a_name_inside_the_entry_must_be_its_key(loaded, refused, sound):
    """Connect's `name` may be copied along, but it cannot say something else."""
    assert loaded(sound + "    name: one\n").connectors[0].name == "one"
    assert refused(sound + "    name: two\n") == {"connectors.one.name": "differs from the key it stands under; leave it out"}


def test_the_class_may_come_from_a_provider_or_a_flag(loaded, sound):
    """Even the source can be chosen at the start."""
    text = sound.replace("connector.class: fake", "connector.class: ${env:CLASS}")
    assert loaded(text, environ={"CLASS": "fake"}).connectors[0].source.name == "fake"
    assert (
        loaded(
            sound.replace("connector.class: fake", "tasks: 1").replace("    tasks: 1\n", ""),
            overrides=("connectors.one.connector.class=fake",),
        )
        .connectors[0]
        .source.name
        == "fake"
    )


def test_no_connector_is_fine(loaded, sound):
    """A worker may be configured before its connectors are."""
    assert loaded(sound.partition("connectors:")[0]).connectors == ()


def test_a_misspelt_variable_is_a_warning(loaded, sound):
    """It may belong to somebody else, but somebody should know."""
    deployment = loaded(sound, environ={"WELLHEAD_GROUPID": "g"})
    assert [str(warning) for warning in deployment.warnings] == [
        "WELLHEAD_GROUPID: sets nothing; did you mean WELLHEAD_GROUP_ID?"
    ]


class ShadowingConfig(Config):
    tenant: str = Field("", description="Like the framework's.")
    poll: dict[str, str] = Field(default_factory=dict, description="Like the start of poll.interval.secs.")
    token: str = Field("", description="Its own.")


shadowing_source = SourceConnector(name="shadow", title="Shadow", config=ShadowingConfig, streams=())


def failing_streams(config):
    raise ValueError("needs an account")


failing_source = SourceConnector(name="failing", title="Failing", config=Config, streams=failing_streams)


class OwnEntry(EntryPoint):
    """An entry point whose object is at hand."""

    def load(self):
        return {"shadow": shadowing_source, "failing": failing_source}[self.name]


PLUGINS = Plugins([OwnEntry("shadow", "own:shadow", GROUP), OwnEntry("failing", "own:failing", GROUP)])


def test_a_source_may_not_shadow_a_word_of_the_framework(tmp_path, sound):
    """`tenant` would mean two things, and `poll: {...}` could not be told from `poll.interval.secs`."""
    assert shadowing(shadowing_source) == ["tenant", "poll"]
    path = tmp_path / "a.yaml"
    path.write_text(sound.replace("fake", "shadow"))
    with pytest.raises(
        ConfigError, match=r"connectors\.one\.tenant: connector shadow names an option like the framework's own"
    ):
        load([path], environ={}, plugins=PLUGINS)


def test_streams_that_cannot_be_told_are_a_problem(tmp_path, sound):
    """A function of the options may refuse them."""
    path = tmp_path / "a.yaml"
    path.write_text(sound.replace("fake", "failing").replace("    token: t0ken-of-acme\n", ""))
    with pytest.raises(ConfigError, match=r"connectors\.one: connector failing cannot tell its streams: needs an account"):
        load([path], environ={}, plugins=PLUGINS)


def test_an_unreadable_file_is_told_without_guesses(refused, sound, tmp_path):
    """What stands in a file that cannot be read is not called missing; other files are still checked."""
    problems = refused("worker: [\n", sound.partition("connectors:")[2].join(["connectors:", "    page_size: 0\n"]))
    assert list(problems) == [f"{tmp_path}/a.yaml", "connectors.one.page_size"]


def test_a_reference_to_nothing_is_one_problem(tmp_path):
    """An option whose reference stands for nothing is not told to be wrong a second time."""
    file = tmp_path / "a.yaml"
    file.write_text(
        "worker: {kafka: {bootstrap.servers: 'h:1'}, schema.registry.url: 'http://h:1'}\n"
        "connectors: {a: {connector.class: wss, username: 'u', password: '${env:NOPE}'}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load([file], environ={})
    assert [str(problem) for problem in caught.value.problems] == [
        "connectors.a.password: ${env:NOPE} is not set in the environment"
    ]
