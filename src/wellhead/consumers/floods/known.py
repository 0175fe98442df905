"""Takes the state topic, gives what is known of every gateway to those who only look; never joins a group or writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson
from confluent_kafka import Message

from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.state_topic import Key
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.settings import consumer_config


@dataclass(frozen=True, slots=True)
class GatewayView:
    """What is known of a gateway by one topic.

    Attributes:
        gateway: The gateway.
        topic: The watched topic.
        last_ms: Kafka's time when its last record came.
        totals: Its connections then, by what they are.
        findings: Those open, and those lately closed.
    """

    gateway: str
    topic: str
    last_ms: int
    totals: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def open(self) -> list[Finding]:
        """The findings that are open, the oldest first."""
        return sorted((each for each in self.findings if each.kind != "closed"), key=lambda each: each.since_ms)


class Known:
    """All gateways, as far as the messages taken in tell."""

    def __init__(self) -> None:
        self._known: dict[Key, GatewayView] = {}

    def take(self, messages: Iterable[Message]) -> None:
        """Take in messages of the state topic, those of a partition in order."""
        for message in messages:
            key, value = Key.read(message.key()), message.value()
            if key is None or key.what != "gateway":
                continue
            view = _view(key, value)
            if view is None:
                self._known.pop(key, None)
            else:
                self._known[key] = view

    @property
    def gateways(self) -> list[GatewayView]:
        """The gateways by name."""
        return sorted(self._known.values(), key=lambda each: (each.gateway, each.topic))

    def findings(self) -> Iterator[Finding]:
        """Give the findings of all gateways."""
        for each in self.gateways:
            yield from each.findings


def _view(key: Key, value: bytes | None) -> GatewayView | None:
    """Read what is known of a gateway; None where that is nothing, or cannot be read, which the watch itself says."""
    try:
        told = orjson.loads(value or b"null")
        findings = tuple(Finding.read(each) for each in told["findings"])
        return GatewayView(key.gateway, key.topic, int(told["last_ms"]), dict(told["totals"]), findings)
    except (ValueError, TypeError, LookupError):
        return None


def look(settings: FloodsSettings, worker: WorkerSettings) -> Known:
    """Give what is known now.

    Raises:
        TemporaryError: The broker cannot be reached, or a transaction is open.
        PermanentError: It refuses us.
    """
    view = Known()
    config = consumer_config(worker, client_id=f"{worker.group_id}-look")
    read_to_end(config, settings.state_topic, view.take, stalled_secs=30.0)
    return view
