"""Tests of reading the `attacks` section."""

import pytest

WORKER = """\
worker:
  kafka.bootstrap.servers: 127.0.0.1:9092
  schema.registry.url: http://127.0.0.1:8081
"""
SOUND = f"""{WORKER}attacks:
  wallarm:
    topic: acme.wallarm.hit
    rules: wallarm/basic, wallarm/by_source_ip
    redis.url: redis://127.0.0.1
    stores:
      primary: {{url: "http://127.0.0.1:9200"}}
      second: {{url: ["https://a:9200", "https://b:9200"], index.prefix: waf}}
    serve: {{mirror.to: second, mirror.percent: 10}}
"""


def test_an_entry_has_its_rules_stores_and_topics(loaded):
    """Topics that are not named stand beside the input topic, their names ready to use."""
    (attacks,) = loaded(SOUND).attacks
    assert (attacks.name, attacks.rules) == ("wallarm", ("wallarm/basic", "wallarm/by_source_ip"))
    assert attacks.topics() == {
        "topic": "acme.wallarm.hit",
        "document.topic": "acme.wallarm.attack_document",
        "event.topic": "acme.wallarm.attack_event",
        "state.topic": "acme.wallarm.attack_state",
        "errors.deadletterqueue.topic.name": "acme.wallarm.hit.attacks.dlq",
    }
    assert (attacks.roles, attacks.start, attacks.late_secs) == (("group", "store"), "earliest", 3600)
    assert {name: store.url for name, store in attacks.stores.items()} == {
        "primary": ("http://127.0.0.1:9200",),
        "second": ("https://a:9200", "https://b:9200"),
    }
    assert (attacks.stores["second"].index_prefix, attacks.stores["primary"].index_prefix) == ("waf", "wellhead")
    assert (attacks.read_store, attacks.serve.mirror_to, attacks.serve.mirror_percent) == ("primary", "second", 10)


def test_a_topic_without_a_dot_has_topics_beside_it_too(loaded):
    """The whole name is what others are named after then."""
    (attacks,) = loaded(SOUND.replace("acme.wallarm.hit", "hits")).attacks
    assert (attacks.document_topic, attacks.dead_letter_topic) == ("hits.attack_document", "hits.attacks.dlq")


def test_flat_words_and_flags_reach_every_option(loaded, refused):
    """`--set attacks.<name>.<option>=<value>` wins over the file, down to an option of one store."""
    flat = SOUND.replace(
        "    serve: {mirror.to: second, mirror.percent: 10}\n", "    serve.reads.from: second\n    roles: [store]\n"
    )
    (attacks,) = loaded(
        flat, overrides=("attacks.wallarm.stores.primary.refresh.interval.ms=100", "attacks.wallarm.redis.timeout.secs=2")
    ).attacks
    assert (attacks.read_store, attacks.roles) == ("second", ("store",))
    assert (attacks.stores["primary"].refresh_interval_ms, attacks.redis.timeout_secs) == (100, 2)
    assert refused(SOUND, overrides=("attacks.walarm.start=latest",)) == {
        "--set attacks.walarm": "no such entry of attacks; did you mean wallarm?"
    }


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("late", "late"), "", ""),
        (("rules:", "rulez:"), "attacks.wallarm.rulez", "unknown option; did you mean rules?"),
        (("    redis.url: redis://127.0.0.1\n", ""), "attacks.wallarm.redis.url", "required: Where Redis"),
        (("    topic: acme.wallarm.hit\n", ""), "attacks.wallarm.topic", "required: Record topic"),
        (("redis://127.0.0.1", "http://127.0.0.1"), "attacks.wallarm.redis.url", "must look like redis://host:6379/0"),
        (("redis://127.0.0.1", "redis://u:p4ssword@h"), "attacks.wallarm.redis.url", "write redis.username and redis.password"),
        (("redis://127.0.0.1", "redis://a,b"), "attacks.wallarm.redis.url", "names several hosts"),
        (("redis://127.0.0.1", "redis+sentinel://a:1"), "attacks.wallarm.redis.url", "must name the master"),
        (("redis://127.0.0.1", "redis+cluster://a/3"), "attacks.wallarm.redis.url", "must end in the number of a database"),
        (("redis://127.0.0.1", "redis://h:port"), "attacks.wallarm.redis.url", "must name hosts as host:port"),
        (("redis://127.0.0.1", "redis://h\n    redis.username: me"), "attacks.wallarm.redis.password", "is needed with username"),
        (("http://127.0.0.1:9200", "127.0.0.1:9200"), "attacks.wallarm.stores.primary.url", "must be http:// or https:// addresses"),
        (("http://127.0.0.1:9200", "http://u:p4ssword@h"), "attacks.wallarm.stores.primary.url", "must not hold a login"),
        (("index.prefix", "index.prefx"), "attacks.wallarm.stores.second.index.prefx", "unknown option; did you mean index.prefix?"),
        (("index.prefix: waf", "index.prefix: _waf"), "attacks.wallarm.stores.second.index.prefix", "must be 1 to 100 lower-case letters"),
        (("index.prefix: waf", "username: me"), "attacks.wallarm.stores.second.password", "is needed with username"),
        (("index.prefix: waf", "username: me, password: p4ss, api.key: k"), "attacks.wallarm.stores.second.api.key", "cannot stand together"),
        (("index.prefix: waf", "cert.file: /c"), "attacks.wallarm.stores.second.key.file", "is needed with cert.file"),
        (("index.prefix: waf", "replicas: -1"), "attacks.wallarm.stores.second.replicas", "must be at least 0"),
        (("      second:", "      Second:"), "attacks.wallarm.stores.Second", "must be a name of 1 to 64 lower-case letters"),
        (("mirror.to: second", "mirror.to: third"), "attacks.wallarm.serve.mirror.to", "is none of the stores: primary, second"),
        (("mirror.to: second", "mirror.to: primary"), "attacks.wallarm.serve.mirror.to", "is the store that answers"),
        (("mirror.to: second, ", ""), "attacks.wallarm.serve.mirror.percent", "needs serve.mirror.to"),
        (("mirror.percent: 10", "mirror.percent: 110"), "attacks.wallarm.serve.mirror.percent", "must be at most 100"),
        (("topic: acme", "state.topic: acme.wallarm.hit\n    topic: acme"), "attacks.wallarm.state.topic", "is the same as topic"),
        (("redis.url", "roles: []\n    redis.url"), "attacks.wallarm.roles", "must name at least one"),
        (("redis.url", "roles: read\n    redis.url"), "attacks.wallarm.roles", "must be 'group' or 'store'"),
        (("redis.url", "start: newest\n    redis.url"), "attacks.wallarm.start", "must be 'earliest' or 'latest'"),
        (("wallarm/basic, wallarm/by_source_ip", "wallarm/basic, wallarm/basic"), "attacks.wallarm.rules", "must name each rule once"),
        (("redis://127.0.0.1", "${env:NOPE}"), "attacks.wallarm.redis.url", "${env:NOPE} is not set"),
        (("  wallarm:", "  wall/arm:"), "attacks.wall/arm.name", "must be 1 to 64 letters"),
        (("  wallarm:", "  wallarm: 5\n  other:"), "attacks.wallarm", "must be a mapping with at least topic, rules and redis.url"),
    ][1:],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(refused, change, path, message):
    """Unknown words, wrong values and missing ones name the option and the way on, never a password."""
    assert change[0] in SOUND
    told = refused(SOUND.replace(*change, 1))
    path = path if path in told else next((known for known in told if known.startswith(path)), path)
    assert path in told, told
    assert message in told[path]
    assert "p4ssword" not in str(told)


def test_a_store_is_needed_to_store(refused, loaded):
    """An entry that only groups may have none; who reads then is somebody else's matter."""
    head = SOUND.partition("    stores:")[0]
    assert "or leave store out of roles" in refused(head)["attacks.wallarm.stores"]
    (attacks,) = loaded(head + "    roles: group\n").attacks
    assert (attacks.stores, attacks.read_store) == ({}, None)


def test_all_mistakes_of_an_entry_are_told_at_once(refused):
    """One run of the check is enough."""
    told = refused(SOUND.replace("rules:", "rulez:").replace("redis://", "http://").replace("index.prefix: waf", "shards: 0"))
    assert {"attacks.wallarm.rulez", "attacks.wallarm.redis.url", "attacks.wallarm.stores.second.shards"} <= told.keys()


def test_two_entries_never_write_one_topic(refused):
    """Their documents and states would be mixed; the same input may be read by both."""
    twin = SOUND.partition("attacks:\n")[2].replace("wallarm:", "other:", 1)
    told = refused(SOUND + twin)
    assert told["attacks.other.document.topic"] == "is also attacks.wallarm.document.topic; give each its own topic"
    assert "attacks.other.topic" not in told


def test_secrets_are_known_and_never_shown(loaded):
    """Redis, Sentinels and stores: what must never be logged is known to whoever logs."""
    text = SOUND.replace(
        "redis.url: redis://127.0.0.1", "redis: {url: redis://h, password: r3dis-s3cret, sentinel.password: s3ntinel-s3cret}"
    )
    text = text.replace("index.prefix: waf", 'username: me, password: "${env:STORE}"').replace(
        'primary: {url: "http://127.0.0.1:9200"}', 'primary: {url: "http://h", api.key: k3y-s3cret}'
    )
    deployment = loaded(text, environ={"STORE": "st0re-s3cret"})
    secrets = {"r3dis-s3cret", "s3ntinel-s3cret", "st0re-s3cret", "k3y-s3cret"}
    assert secrets <= set(deployment.secrets())
    (attacks,) = deployment.attacks
    shown = f"{deployment!r}{attacks}{attacks.model_dump()}{attacks.model_dump_json()}{attacks.stores}{attacks.redis!r}"
    assert [secret for secret in secrets if secret in shown] == []
    assert attacks.stores["second"].password.get_secret_value() == "st0re-s3cret"
