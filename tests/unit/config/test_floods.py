"""Tests of the `floods` section."""

import pytest

from wellhead.consumers.floods.make import limits_for

WORKER = """\
worker:
  kafka.bootstrap.servers: 127.0.0.1:9092
  schema.registry.url: http://127.0.0.1:8081
"""
SOUND = f"""{WORKER}floods:
  proxies:
    topics: [acme.gate.connection, acme.gate.access_log]
    limits: {{established.max: 800, share: {{max: 0.4}}}}
    destinations:
      - {{match: "*.ticker.example", limits: {{established.max: 5000}}}}
    gateways:
      - match: proxy-*
        limits: {{idle: {{secs: 60}}}}
    bypass: {{file: /tmp/bypass.txt, allow: "*.Bank.example, 198.51.100.7"}}
"""


def test_an_entry_has_its_topics_limits_and_bypass(loaded):
    """Topics that are not named stand beside the first; limits may be nested or dotted, and others differ by pattern."""
    (floods,) = loaded(SOUND).floods
    assert floods.topics == ("acme.gate.connection", "acme.gate.access_log")
    assert floods.written_topics() == {
        "finding.topic": "acme.gate.flood_finding",
        "state.topic": "acme.gate.flood_state",
        "errors.deadletterqueue.topic.name": "acme.gate.connection.floods.dlq",
    }
    assert [floods.kind_of(topic) for topic in floods.topics] == ["connections", "requests"]
    assert (floods.limits.established_max, floods.limits.share_max, floods.limits.idle_secs) == (800, 0.4, 300)
    (ticker,), (proxies,) = floods.destinations, floods.gateways
    assert (ticker.match, ticker.limits.model_dump(exclude_unset=True, by_alias=False)) == (
        "*.ticker.example",
        {"established_max": 5000},
    )
    assert (proxies.match, proxies.limits.idle_secs) == ("proxy-*", 60)
    assert floods.bypass.allow == ("*.bank.example", "198.51.100.7")


def test_flags_reach_every_option(loaded, refused):
    """`--set floods.<name>.<option>=<value>` wins over the file; a name that is none is told with the closest."""
    (floods,) = loaded(SOUND, overrides=("floods.proxies.limits.established.max=7", "floods.proxies.bypass.file=")).floods
    assert (floods.limits.established_max, floods.bypass.file) == (7, None)
    assert refused(SOUND, overrides=("floods.proxy.start=latest",)) == {
        "--set floods.proxy": "no such entry of floods; did you mean proxies?"
    }


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("acme.gate.access_log]", "acme.gate.hit]", {"floods.proxies.topics": "cannot watch acme.gate.hit: a name ends in connection (snapshots of connections) or access_log"}),
        ("acme.gate.access_log]", "acme.gate.connection]", {"floods.proxies.topics": "must name each topic once"}),
        ("established.max: 800", "established.max: 0", {"floods.proxies.limits.established.max": "must be at least 1"}),
        ("established.max: 800", "established.mx: 8", {"floods.proxies.limits.established.mx": "unknown option; did you mean limits.established.max?"}),
        ("established.max: 5000", "established.max: many", {"floods.proxies.destinations.0.limits.established.max": "must be a whole number"}),
        ("established.max: 5000", "idel.max: 5", {"floods.proxies.destinations.0.limits.idel.max": "unknown option; did you mean limits.idle.max?"}),
        ("- match: proxy-*\n        limits", "- limits", {"floods.proxies.gateways.0.match": "required: A gateway's name with * and ?, such as proxy-*; the first that matches counts."}),
        ('"*.Bank.example, 198.51.100.7"', '"a b"', {"floods.proxies.bypass.allow": "must hold names like *.ticker.example or addresses; 'a b' is neither"}),
        ("    bypass", "    alert.lag.secs: 20\n    bypass", {"floods.proxies.alert.lag.secs": "must be more than twice state.interval.secs, which is how long offsets wait"}),
        ("    bypass", "    state.topic: acme.gate.connection\n    bypass", {"floods.proxies.state.topic": "is the same as topics; give each its own topic"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(refused, old, new, problems):
    """Each problem names its word, down to one limit of one override."""
    assert refused(SOUND.replace(old, new)) == problems


def test_two_watches_write_to_nothing_in_common(refused):
    """Findings, states and bypass files of two would mix."""
    second = SOUND.partition("floods:\n")[2].replace("proxies:", "others:", 1)
    assert refused(SOUND + second) == {
        "floods.others.finding.topic": "is also floods.proxies.finding.topic; give each its own",
        "floods.others.state.topic": "is also floods.proxies.state.topic; give each its own",
        "floods.others.errors.deadletterqueue.topic.name": "is also floods.proxies.errors.deadletterqueue.topic.name; give each its own",
        "floods.others.bypass.file": "is also floods.proxies.bypass.file; give each its own",
    }


def test_how_many_streams_a_client_may_carry_reaches_the_limits_of_a_gateway(loaded):
    """The option of the file is what a gateway is judged by, and it is 1 where nobody says so."""
    (floods,) = loaded(SOUND.replace("established.max: 800,", "established.max: 800, streams.per.client: 100,")).floods
    assert limits_for(floods, "elsewhere").streams_per_client == limits_for(floods, "proxy-1").streams_per_client == 100
    assert limits_for(loaded(SOUND).floods[0], "proxy-1").streams_per_client == 1
