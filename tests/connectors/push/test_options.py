"""Proves which options go together, and that what is wrong is told without a secret."""

import pytest
from pydantic import ValidationError

from connectors.push.options import MOST_TOGETHER, PushConfig
from connectors.push.source import connector


def names_of(config):
    return [stream.name for stream in connector.streams_of(config)]


def test_one_address_is_one_stream():
    """A url alone is one stream that is live."""
    config = PushConfig(url="https://push.example/events")
    assert names_of(config) == ["event"]
    assert config.url_of("default") == "https://push.example/events"
    assert all(stream.live for stream in connector.streams_of(config))


@pytest.mark.parametrize("channels", ["alerts, audit", ["alerts", "audit"], '["alerts", "audit"]', {"alerts": "", "audit": ""}])
def test_channels_by_name_fill_the_url(channels):
    """Names alone, as a list or in one line, stand in the url's place for them."""
    channels = ["alerts", "audit"] if channels == '["alerts", "audit"]' else channels
    config = PushConfig(url="https://push.example/{channel}?x=1", channels=channels)
    assert [config.url_of(name) for name in config.names] == [
        "https://push.example/alerts?x=1",
        "https://push.example/audit?x=1",
    ]


def test_channels_are_one_stream_or_one_each():
    """Channels share a stream, which costs a broker less, unless they are wanted apart."""
    channels = {"a": "https://push.example/a", "b": "https://push.example/b"}
    assert names_of(PushConfig(channels=channels)) == ["event"]
    assert names_of(PushConfig(channels=channels, channels_apart=True)) == ["a", "b"]
    assert names_of(PushConfig(channels='{"a": "https://push.example/a"}', channels_apart=True)) == ["a"]


def test_a_thousand_channels_fit_and_more_are_to_be_shared_out():
    """A thousand channels may share a stream; more are refused with the way out."""
    url = "https://push.example/{channel}"
    many = [f"c{number}" for number in range(MOST_TOGETHER)]
    assert len(PushConfig(url=url, channels=many).names) == MOST_TOGETHER
    with pytest.raises(ValidationError, match="channels_apart"):
        PushConfig(url=url, channels=[*many, "more"])
    assert len(names_of(PushConfig(url=url, channels=[*many, "more"], channels_apart=True))) == MOST_TOGETHER + 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "set url, or channels"),
        ({"url": "ftp://push.example/"}, "needs http:// or https://"),
        ({"url": "https://push.example/", "protocol": "websocket"}, "needs ws:// or wss://"),
        ({"url": "https://user:hunter22@push.example/"}, "set username and password instead"),
        ({"channels": {"a b": "https://push.example/"}}, "is no name"),
        ({"channels": ["a", "b"]}, "has no address"),
        ({"url": "https://push.example/{channel}", "channels": "a, a"}, "each name stands once"),
        ({"url": "https://push.example/", "channels": {"a": "https://push.example/a"}}, "either url or channels"),
        ({"url": "https://push.example/", "token": "hunter22", "username": "u", "password": "p"}, "not both"),
        ({"url": "https://push.example/", "username": "u"}, "belong together"),
        ({"url": "https://push.example/", "id_field": "id"}, "not for sse"),
        ({"url": "https://push.example/", "items_field": "items"}, "for long_poll alone"),
        ({"url": "wss://push.example/", "protocol": "websocket", "method": "POST"}, "opened by GET"),
        ({"url": "https://push.example/", "subscribe": "hunter22"}, "for a WebSocket"),
    ],
)
def test_what_does_not_go_together_is_refused(given, told):
    """Each contradiction is told in words that name the options, and without what is secret."""
    with pytest.raises(ValidationError) as refused:
        PushConfig(**given)
    assert told in str(refused.value)
    assert "hunter22" not in str(refused.value)


def test_secrets_are_not_shown():
    """Token, headers and subscription are stars in every text form of the options."""
    config = PushConfig(
        url="https://push.example/", method="POST", token="hunter22", headers={"X-Key": "hunter23"}, subscribe="hunter24"
    )
    assert "hunter2" not in f"{config} {config!r}"


def test_silence_is_heartbeats_that_are_missing():
    """Three missing signs of life of fifteen seconds are silence, unless set otherwise."""
    assert PushConfig(url="https://push.example/").silence_secs == 45
    assert PushConfig(url="https://push.example/", heartbeat_secs=2, heartbeats_missed=2.5).silence_secs == 5
