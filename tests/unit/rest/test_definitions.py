import pytest

from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.rest.contract import ApiError
from wellhead.rest.definitions import Definitions, errors_of
from wellhead.rest.grouping import SHOWN_WITH, group_of
from wellhead.rest.options import framework_options, own_options
from wellhead.rest.shapes import Definition, Plugin, Validation

WORKER = WorkerSettings(**{"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry": {"url": "http://127.0.0.1:1"}})
WORDS = {"name": "c", "connector.class": "fake", "token": "t0ps3cret"}


@pytest.fixture
def definitions(fake_vendor):
    return Definitions(WORKER, {})


def values(validation):
    return {each["value"]["name"]: each["value"] for each in validation["configs"]}


def defined(validation):
    return {each["value"]["name"]: each["definition"] for each in validation["configs"]}


def test_plugins_have_class_type_and_version(definitions):
    """Each class is listed with its package's version; transforms and predicates only when they are asked for."""
    listed = definitions.plugins(connectors_only=True)
    assert {"class": "fake", "type": "source", "version": "1.0"} in listed
    assert {each["type"] for each in definitions.plugins(connectors_only=False)} == {"source", "transformation", "predicate"}
    assert all(Plugin.model_validate(each) for each in listed)


def test_a_class_says_its_options_first(definitions):
    """Definitions are the source's own words in order, nested ones taken apart, then those every connector has, each complete."""
    found = definitions.config_of("FakeSourceConnector")
    assert all(Definition.model_validate(each) for each in found)
    names = [each["name"] for each in found]
    assert names[:3] == ["token", "legacy_password", "opaque"]
    assert names.index("limits.per_minute") < names.index("name") < names.index("http.proxy.url")
    kinds = {each["name"]: each["type"] for each in found}
    assert {
        word: kinds[word] for word in ("token", "page_size", "kinds", "mode", "poll.continuous", "run.max.secs", "tasks.max")
    } == {
        "token": "PASSWORD",
        "page_size": "INT",
        "kinds": "LIST",
        "mode": "STRING",
        "poll.continuous": "BOOLEAN",
        "run.max.secs": "DOUBLE",
        "tasks.max": "INT",
    }
    assert {each["name"] for each in found if each["required"]} == {"token", "name", "connector.class"}


def test_every_word_of_the_framework_is_defined(definitions):
    """No option of ConnectorSettings is missing, and words that depend on others are known words."""
    names = [each["name"] for each in definitions.config_of("fake")]
    words = {info.validation_alias or info.alias for info in ConnectorSettings.model_fields.values()}
    inner = {"http", "options", "transform.words", "topic.creation.default", "producer.override"}
    assert words - inner <= set(names)
    assert len(set(names)) == len(names)
    assert set(SHOWN_WITH) | {other for other, _ in SHOWN_WITH.values()} <= set(names)
    assert group_of("topic.creation.default.partitions") == "Topic Creation"


def test_validation_of_what_is_right(definitions):
    """A sound configuration has no errors; each option shows its value, or its default, and secrets are masked."""
    found = definitions.validate("fake", {**WORDS, "page_size": "7", "poll.continuous": "true"})
    assert Validation.model_validate(found)
    assert (found["name"], found["error_count"]) == ("fake", 0)
    shown = values(found)
    assert [shown[word]["value"] for word in ("token", "page_size", "label", "poll.continuous", "tasks.max")] == [
        "******",
        "7",
        "events",
        "true",
        "1",
    ]
    assert found["groups"][0] == "Common"
    assert "Fake vendor" in found["groups"]
    assert found["configs"][0]["definition"]["name"] == "name"


def test_validation_of_what_is_wrong(definitions):
    """Each error stands at its option in Connect's words, without secrets; a value that cannot be read is null."""
    found = definitions.validate("fake", {"connector.class": "fake", "tasks.max": "zero", "page_size": "0", "tokn": "hush"})
    shown = values(found)
    assert shown["name"]["errors"] == ['Missing required configuration "name" which has no default value.']
    assert shown["token"]["errors"] == ['Missing required configuration "token" which has no default value.']
    assert shown["tasks.max"] == {
        "name": "tasks.max",
        "value": None,
        "recommended_values": [],
        "errors": ["Invalid value zero for configuration tasks.max: must be a whole number"],
        "visible": True,
    }
    assert shown["page_size"]["errors"] == ["Invalid value 0 for configuration page_size: must be at least 1"]
    assert shown["tokn"]["errors"] == ["Configuration is not defined: tokn; did you mean token?"]
    assert defined(found)["tokn"] is None
    assert found["error_count"] == 5 == len(list(errors_of(found)))
    assert "hush" in str(shown["tokn"]["value"])
    assert "t0ps3cret" not in str(definitions.validate("fake", {**WORDS, "page_size": "x"}))


def test_choices_are_recommended(definitions):
    """Where the values can be counted they are given: words, truth values, classes, types of transforms."""
    found = values(definitions.validate("fake", {**WORDS, "transforms": "t", "transforms.t.type": "MaskField$Value"}))
    assert found["mode"]["recommended_values"] == ["fast", "safe"]
    assert found["poll.continuous"]["recommended_values"] == ["true", "false"]
    assert "fake" in found["connector.class"]["recommended_values"]
    assert "MaskField" in found["transforms.t.type"]["recommended_values"]
    assert "transforms.t.fields" in found


def test_what_depends_is_shown_with_what_it_depends_on(definitions):
    """A word that means nothing as things stand is not visible, and its master names it."""
    given = {**WORDS, "transaction.boundary": "poll"}
    found = definitions.validate("fake", given)
    assert values(found)["transaction.boundary.interval.ms"]["visible"] is False
    assert defined(found)["transaction.boundary"]["dependents"] == ["transaction.boundary.interval.ms"]
    assert values(definitions.validate("fake", WORDS))["transaction.boundary.interval.ms"]["visible"] is True


@pytest.mark.parametrize(
    ("plugin", "config", "status", "message"),
    [
        ("fake", {"connector.class": "wss"}, 400, "Included connector type wss does not match request type fake"),
        ("fake", {"name": "x"}, 400, "Connector config of x contains no connector type"),
        (
            "Nope",
            {"connector.class": "Nope"},
            400,
            "Failed to find any class that implements Connector and which name matches Nope",
        ),
        ("broken", {"connector.class": "broken"}, 400, "cannot be loaded"),
    ],
)
def test_validations_that_are_refused(definitions, plugin, config, status, message):
    """A class that is missing, unknown, broken or another one is refused as a whole."""
    with pytest.raises(ApiError) as refused:
        definitions.validate(plugin, config)
    assert refused.value.status == status
    assert message in refused.value.message


def test_an_unknown_class_has_no_options(definitions):
    """Options of a class nobody offers are not found."""
    with pytest.raises(ApiError, match=r"Unknown plugin Nope\."):
        definitions.config_of("Nope")


def test_what_is_accepted_is_stored_with_its_name(definitions):
    """A sound configuration comes back with its name, without what is None, and loaded."""
    words, (loaded,) = definitions.accept("c", {"connector.class": "FakeSource", "token": "t", "label": None})
    assert words == {"connector.class": "FakeSource", "token": "t", "name": "c"}
    assert loaded.name == "c"


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("a", {**WORDS, "name": "b"}, "Connector name configuration (b) doesn't match connector name in the URL (a)"),
        ("", WORDS | {"name": ""}, "Invalid value  for configuration name: String may not be empty"),
        ("a/b", WORDS | {"name": "a/b"}, "must be 1 to 128 characters without spaces, slashes"),
        ("c", {**WORDS, "token": "******"}, "Invalid value ****** for configuration token: ****** stands for a stored secret"),
        ("c", {"name": "c", "tasks.max": "1"}, "Connector config of c contains no connector type"),
        ("c", {**WORDS, "connector.class": "no.such.Class"}, "which name matches no.such.Class, available connectors are: "),
        ("c", {**WORDS, "page_size": "0", "label": "a!"}, "contains the following 2 error(s):\n"),
    ],
)
def test_what_is_not_accepted(definitions, name, config, message):
    """What cannot run is refused with every reason, in Connect's words."""
    with pytest.raises(ApiError) as refused:
        definitions.accept(name, config)
    assert refused.value.status == 400
    assert message in refused.value.message
    assert "t0ps3cret" not in refused.value.message


def test_a_secret_that_is_wrong_is_told_without_it(definitions):
    """An error about a secret word names the word and hides its value, refused or validated."""
    wrong = {**WORDS, "http.proxy.url": "ftp://user:hunter2@proxy:1"}
    with pytest.raises(ApiError, match=r"Invalid value \*{6} for configuration http\.proxy\.url") as refused:
        definitions.accept("c", wrong)
    found = definitions.validate("fake", wrong)
    assert len(values(found)["http.proxy.url"]["errors"]) == 1
    assert "hunter2" not in refused.value.message + str(found)


def test_types_and_choices_of_every_kind(fake_vendor):
    """Mappings and lists of models are text that holds JSON; every definition of both halves is well formed."""
    from wellhead import plugins  # noqa: PLC0415 - only now the fake vendor is installed

    source = plugins.load("fake")
    own = {each.name: each for each in own_options(source)}
    assert (own["headers"].type, own["accounts"].type, own["limits.proxy_password"].type) == ("STRING", "LIST", "PASSWORD")
    assert [each.order for each in own.values()] == list(range(1, len(own) + 1))
    assert len(list(framework_options(source, ["fake"]))) > 30
