"""Tests of sorting written words to fields."""

from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.config.words import all_words, from_environment, gather, misspelt_variables, unknown_word, variable_of


def test_words_are_sorted_to_fields_and_groups():
    """Plain words stay, a group's words lose its name, nested groups are sorted inside."""
    gathered, unknown = gather(
        {
            "poll.cron": "x",
            "http.proxy.url": "p",
            "producer.override.linger.ms": "5",
            "topic.creation.default.partitions": 3,
            "nope": 1,
        },
        ConnectorSettings,
    )
    assert gathered == {
        "poll.cron": "x",
        "http": {"proxy.url": "p"},
        "producer.override": {"linger.ms": "5"},
        "topic.creation.default": {"partitions": 3},
    }
    assert unknown == ["nope"]


def test_a_word_unknown_inside_a_group_is_told_in_full():
    """Settings of a group we know ourselves are checked; librdkafka's pass through."""
    _, unknown = gather({"http.proxi.url": "x", "producer.override.anything": "y", "http": 5}, ConnectorSettings)
    assert unknown == ["http", "http.proxi.url"]


def test_a_word_that_is_also_the_start_of_others_is_itself():
    """`runs.topic` and `runs.topic.partitions` are two words."""
    gathered, unknown = gather({"runs.topic": "r", "runs.topic.partitions": "2"}, WorkerSettings)
    assert (gathered, unknown) == ({"runs.topic": "r", "runs.topic.partitions": "2"}, [])


def test_an_empty_text_unsets_what_may_be_unset():
    """Flags and environment have no null; `poll.cron=` takes the cron away, `topic.prefix=` is the empty prefix."""
    gathered, _ = gather({"poll.cron": "", "topic.prefix": ""}, ConnectorSettings)
    assert gathered == {"poll.cron": None, "topic.prefix": ""}


def test_environment_variables_set_words():
    """Every worker option has a variable, and so has every setting of a group."""
    environ = {
        "WELLHEAD_GROUP_ID": "g",
        "WELLHEAD_KAFKA_BOOTSTRAP_SERVERS": "b:1",
        "WELLHEAD_KAFKA_SASL_PASSWORD": "p",
        "WELLHEAD_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": "u:p",
        "WELLHEAD_RUNS_TOPIC_PARTITIONS": "2",
        "WELLHEAD_CACHE": "not ours",
        "GROUP_ID": "not ours",
    }
    assert from_environment(environ, WorkerSettings) == {
        "group.id": "g",
        "kafka.bootstrap.servers": "b:1",
        "kafka.sasl.password": "p",
        "schema.registry.basic.auth.user.info": "u:p",
        "runs.topic.partitions": "2",
    }


def test_variables_that_kubernetes_sets_for_services_are_not_settings():
    """A service called wellhead-kafka in the namespace must not break the worker."""
    environ = {
        "WELLHEAD_KAFKA_SERVICE_HOST": "10.0.0.1",
        "WELLHEAD_KAFKA_SERVICE_PORT": "9092",
        "WELLHEAD_KAFKA_SERVICE_PORT_TCP_CLIENT": "9092",
        "WELLHEAD_KAFKA_PORT": "tcp://10.0.0.1:9092",
        "WELLHEAD_KAFKA_PORT_9092_TCP": "tcp://10.0.0.1:9092",
        "WELLHEAD_KAFKA_PORT_9092_TCP_ADDR": "10.0.0.1",
        "WELLHEAD_SCHEMA_REGISTRY_SERVICE_HOST": "10.0.0.2",
    }
    assert from_environment(environ, WorkerSettings) == {}
    assert list(misspelt_variables(environ, WorkerSettings)) == []


def test_a_misspelt_variable_is_noticed():
    """`WELLHEAD_GROUPID` sets nothing; somebody must say so."""
    environ = {"WELLHEAD_GROUPID": "g", "WELLHEAD_GROUP_ID": "g", "WELLHEAD_SOMETHING_ELSE": "x", "GROUPID": "x"}
    assert list(misspelt_variables(environ, WorkerSettings)) == [("WELLHEAD_GROUPID", "WELLHEAD_GROUP_ID")]


def test_every_plain_word_has_a_variable_that_sets_it():
    """No worker option is out of the environment's reach, and no two share a variable."""
    words = [text for text, word in all_words(WorkerSettings) if word.group is None]
    environ = {variable_of(word): word for word in words}
    assert len(environ) == len(words)
    assert from_environment(environ, WorkerSettings) == {word: word for word in words}


def test_an_unknown_word_is_told_with_the_closest_or_the_next_step():
    """A typing mistake is answered with the word that was meant."""
    assert (
        unknown_word("worker", "groop.id", ["group.id", "kafka"], otherwise="see x").message
        == "unknown option; did you mean group.id?"
    )
    assert str(unknown_word("", "zzz", ["group.id"], otherwise="see x")) == "zzz: unknown option; see x"
