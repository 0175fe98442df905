"""Proves that while the only broker is away everything says so, and that nothing needs a hand once it is back."""

import time

import pytest
from breakable import kill_lone

from wellhead.errors import TemporaryError
from wellhead.stack import Stack
from wellhead.storage.configs import connector_message
from wellhead.storage.group import Storage
from wellhead.storage.statuses import Status


def test_storage_outlives_its_broker(lone, lone_broker: Stack) -> None:
    """States that were put meanwhile are written, the newest only; changes work again; the tail knows how stale it was."""
    storage = Storage(lone.worker)
    lone.at_end(storage.close)
    storage.start()
    topic = lone.worker.config_storage_topic
    storage.writer.change(lambda _view: [connector_message(topic, "c", {"a": "1"}, 1)])
    kill_lone(lone_broker)
    lone.until(lambda: storage.tail.healthy_secs > 3)
    began = time.monotonic()
    for generation in range(1000):
        storage.states.put_connector("c", Status("RUNNING", "one:8083", generation))
    assert time.monotonic() - began < 5, "putting a state waits for nobody"
    with pytest.raises(TemporaryError):
        storage.catch_up_configs(2)
    assert storage.configs.view.connectors["c"].version == 1, "what was known is still shown"
    lone_broker.kafka.restart()
    lone.until(lambda: storage.tail.healthy_secs < 2)
    assert storage.states.flush(60)
    view = storage.writer.change(lambda _view: [connector_message(topic, "c", {"a": "2"}, 2)])
    assert view.connectors["c"].config["a"] == "2"
    storage.tail.caught_up(secs=60)
    assert storage.statuses.view.connectors["c"].generation == 999
    assert storage.tail.failure is None
