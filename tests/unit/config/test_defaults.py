"""Tests of the framework options that a source sets itself."""

from importlib.metadata import EntryPoint

import pytest

from wellhead import Config, SourceConnector
from wellhead.config import load
from wellhead.errors import ConfigError
from wellhead.plugins import GROUP, Plugins


@pytest.fixture
def loaded_with(tmp_path, monkeypatch, sound):
    """Load a connector whose source has the given defaults, with more lines in its section."""

    def loaded_with(defaults, *lines):
        name = f"source_{tmp_path.name}"
        connector = SourceConnector(name="fake", title="A fake", config=Config, streams=(), defaults=defaults)
        module = type("module", (), {"connector": connector})
        monkeypatch.setitem(__import__("sys").modules, name, module)
        path = tmp_path / "a.yaml"
        text = sound.replace("    token: t0ken-of-acme\n", "")
        path.write_text(text + "".join(f"    {line}\n" for line in lines))
        plugins = Plugins([EntryPoint("fake", f"{name}:connector", GROUP)])
        return load([path], environ={}, plugins=plugins).connectors[0].settings

    return loaded_with


DEFAULTS = {
    "poll.cron": "0 0/1 * * *",
    "run.max.batches": 500,
    "http.retry.max.attempts": 2,
    "topic.creation.default.partitions": 6,
}


def test_a_sources_defaults_hold_where_nothing_is_said(loaded_with):
    """They are what is shown and what runs."""
    settings = loaded_with(DEFAULTS)
    assert (settings.poll_cron, settings.run_max_batches, settings.http.retry_max_attempts) == ("0 0/1 * * *", 500, 2)
    assert settings.topic_creation == {"partitions": "6"}


def test_the_operator_wins_word_by_word(loaded_with):
    """One word of a group leaves the others of the source's as they are."""
    settings = loaded_with(
        DEFAULTS, "run.max.batches: 3", "http.read.timeout.secs: 9", "topic.creation.default.retention.ms: 1"
    )
    assert (settings.run_max_batches, settings.http.retry_max_attempts, settings.http.read_timeout_secs) == (3, 2, 9)
    assert settings.topic_creation == {"partitions": "6", "retention.ms": "1"}


@pytest.mark.parametrize("word", ["poll.interval.secs: 5", "poll.continuous: true", "poll.cron: '* * * * *'"])
def test_any_word_of_a_schedule_replaces_the_sources_schedule(loaded_with, word):
    """A source's cron does not stand in the way of an operator's interval."""
    settings = loaded_with(DEFAULTS, word)
    assert settings.poll_cron != DEFAULTS["poll.cron"]


def test_a_default_for_an_option_that_does_not_exist_is_the_sources_defect(loaded_with):
    """It is named, with the source that has to leave it out."""
    with pytest.raises(ConfigError, match=r"fake sets a default for it, but there is no such option") as error:
        loaded_with({"run.max.pages": 1})
    assert [problem.path for problem in error.value.problems] == ["connectors.one.run.max.pages"]


def test_a_schedule_given_by_a_flag_replaces_that_of_the_file(loaded, sound):
    """Nobody has to edit a file to try another interval."""
    deployment = loaded(sound + "    poll.cron: '0 * * * *'\n", overrides=("connectors.one.poll.interval.secs=15",))
    assert (deployment.connectors[0].settings.poll_cron, deployment.connectors[0].settings.poll_interval_secs) == (None, 15)
