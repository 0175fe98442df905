import pytest

from wellhead import plugins
from wellhead.config import WorkerSettings
from wellhead.config.single import class_of, load_connector, restored_words, shown_words
from wellhead.errors import ConfigError

WORKER = WorkerSettings(**{"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry": {"url": "http://127.0.0.1:1"}})
WORDS = {"connector.class": "fake", "token": "t0ps3cret", "tasks.max": "2", "page_size": "7", "limits.per_minute": "9"}


def refused(words, name="c"):
    with pytest.raises(ConfigError) as raised:
        load_connector(name, words, WORKER, {})
    return {problem.path: problem.message for problem in raised.value.problems}


def test_texts_are_read_as_what_they_stand_for(fake_vendor):
    """Numbers, nested options and booleans come as text, and a word that is None is as good as not there."""
    (loaded,) = load_connector("c", {**WORDS, "poll.continuous": "true", "label": None}, WORKER, {})
    assert (loaded.settings.tasks_max, loaded.settings.poll_continuous) == (2, True)
    assert (loaded.config.page_size, loaded.config.limits.per_minute, loaded.config.label) == (7, 9, "events")


def test_each_tenant_is_loaded(fake_vendor):
    """A definition for several tenants gives one of each."""
    loaded = load_connector("c", {**WORDS, "tenants": "a, b", "topic.prefix": "${tenant}."}, WORKER, {})
    assert [(each.settings.tenant, each.settings.topic_prefix, each.fanned_out) for each in loaded] == [
        ("a", "a.", True),
        ("b", "b.", True),
    ]


def test_problems_name_the_word(fake_vendor):
    """What is wrong is told under the word it is about, without the file's paths around it, and without any value."""
    found = refused({"connector.class": "fake", "tasks.max": "0", "page_size": "x9x", "topic.prefx": "y"})
    assert found == {
        "token": "required: Token of the account.",
        "tasks.max": "must be at least 1",
        "page_size": "must be a whole number",
        "topic.prefx": "unknown option; did you mean topic.prefix?",
    }


def test_words_of_connect_are_explained(fake_vendor):
    """Who brings a configuration from Kafka Connect is told what to write instead."""
    found = refused({**WORDS, "errors.tolerance": "all", "value.converter.schemas.enable": "false"})
    assert found["errors.tolerance"].startswith("is a word of Kafka Connect; write on.error=dead_letter")
    assert "leave it out" in found["value.converter.schemas.enable"]


def test_what_fits_no_word_stands_at_the_class(fake_vendor):
    """A class that cannot be loaded is told as such, and another name is refused."""
    assert "cannot be loaded" in refused({"connector.class": "broken"})["connector.class"]
    assert refused({**WORDS, "name": "other"})["name"].startswith("differs")
    assert refused({**WORDS, "topic.prefix": "a" * 240})["topic.prefix"].startswith("makes a topic name")


@pytest.mark.parametrize(
    "alias", ["fake", "FakeSource", "FakeConnector", "FakeSourceConnector", "a.b.FakeSourceConnector", " fake "]
)
def test_a_class_has_aliases(fake_vendor, alias):
    """A source is found by its name, and as a Java class would be called, in full or not."""
    assert class_of(alias, plugins.installed(), {}) == "fake"
    assert load_connector("c", {**WORDS, "connector.class": alias}, WORKER, {})[0].source.name == "fake"


@pytest.mark.parametrize("stranger", ["", "FakeSink", "fakes", "Connector", "Source"])
def test_other_classes_are_not_found(fake_vendor, stranger):
    """What is no source's name stays unknown."""
    assert class_of(stranger, plugins.installed(), {}) is None


def test_secrets_are_masked_and_come_back(fake_vendor):
    """By declaration, by name and inside addresses secrets are masked; sent back as shown, they are what they were."""
    stored = {
        **WORDS,
        "opaque": "hush",
        "limits.proxy_password": "pw",
        "legacy_password": "half${env:HALF}",
        "http.proxy.url": "http://u:p@h:1",
        "label": "http://u:p@h",
        "mode": None,
        "accounts": '[{"user": "a", "api_key": "k3y"}]',
    }
    shown = shown_words(stored, {})
    assert shown == {
        **stored,
        "token": "******",
        "opaque": "******",
        "limits.proxy_password": "******",
        "legacy_password": "${env:HALF}",
        "http.proxy.url": "******",
        "label": "http://******@h",
        "accounts": '[{"user": "a", "api_key": "******"}]',
    }
    assert restored_words({**shown, "page_size": "8"}, stored, {}) == {**stored, "page_size": "8"}
    assert restored_words({"token": "other"}, stored, {}) == {"token": "other"}


def test_a_mask_that_stands_for_nothing_is_refused(fake_vendor):
    """`******` for a word that is not stored would become the secret itself."""
    stored = {"connector.class": "fake", "accounts": '[{"user": "a", "api_key": "k3y"}]'}
    with pytest.raises(ConfigError, match="token"):
        restored_words({"token": "******"}, stored, {})
    with pytest.raises(ConfigError, match="accounts"):
        restored_words({"accounts": '[{"user": "b", "api_key": "******"}]'}, stored, {})


def test_of_an_unknown_class_whatever_looks_secret_is_masked():
    """A connector whose source is gone shows no secret either."""
    assert shown_words({"connector.class": "gone", "api.token": "x", "a": "b"}, {}) == {
        "connector.class": "gone",
        "api.token": "******",
        "a": "b",
    }
