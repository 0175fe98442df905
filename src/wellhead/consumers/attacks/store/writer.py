"""Takes the documents topic, gives one store that holds what stands in it, however often either is away; never touches another store's offsets."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.store.delivery import Delivery
from wellhead.consumers.attacks.store.letters import Letters, Sender
from wellhead.consumers.attacks.store.reader import Place, Reader
from wellhead.consumers.attacks.store.shelf import Shelf
from wellhead.consumers.attacks.store.sizing import BulkSize
from wellhead.kafka.settings import admin_config, consumer_config, writer_config
from wellhead.search.store import SearchStore
from wellhead.telemetry.attacks import StoreTally

_STOP_SECS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Feed:
    """What a writer reads, and with which clients.

    Attributes:
        attacks: Name of the entry in the `attacks` section.
        topic: The documents topic.
        group_id: The store's own consumer group.
        dead_letter_topic: Where documents go that the store will never take.
        consumer: What `settings.consumer_config` gives.
        producer: What `settings.writer_config` gives.
        admin: What `settings.admin_config` gives.
    """

    attacks: str
    topic: str
    group_id: str
    dead_letter_topic: str
    consumer: Mapping[str, Any]
    producer: Mapping[str, Any]
    admin: Mapping[str, Any]


def feed_of(attacks: AttacksSettings, worker: WorkerSettings, group_id: str) -> Feed:
    """Give what the writer of a store reads, as a member of `group_id`.

    Raises:
        ConfigError: A Kafka setting cannot be used.
    """
    client_id = f"{group_id}-{attacks.name}"
    return Feed(
        attacks=attacks.name,
        topic=attacks.document_topic,
        group_id=group_id,
        dead_letter_topic=f"{attacks.document_topic}.dlq",
        consumer=consumer_config(worker, client_id=client_id),
        producer=writer_config(worker, client_id=client_id),
        admin=admin_config(worker, client_id=client_id),
    )


class StoreWriter:
    """Writes the documents topic into one store.

    One thread reads and commits, another stores; an offset is committed once everything before it is in the store or, where the store
    will never take it, among the dead letters. While the store is away the topic waits, and membership and offsets stay.

    Args:
        name: The store's name.
        store: The store.
        feed: What is read.
        clock: Spaces commits and measures outages.
        stop: Ends `run` within some seconds.
        tally: What is counted.
    """

    def __init__(
        self, name: str, store: SearchStore, feed: Feed, *, clock: Clock, stop: threading.Event, tally: StoreTally
    ) -> None:
        self._name = name
        self._store = store
        self._feed = feed
        self._clock = clock
        self._stop = stop
        self._tally = tally

    def run(self) -> None:
        """Write until `stop` is set.

        May be called again after it raised: it goes on from what is committed.

        Raises:
            TemporaryError: This consumer can read no more; another may.
            PermanentError: The store or Kafka refuses us until a person changes something.
        """
        settings, feed = self._store.settings, self._feed
        every_secs = settings.update_interval_ms / 1000
        shelf = Shelf(settings.bulk_max_docs, settings.bulk_max_bytes, every_secs, self._clock)
        halt = threading.Event()
        letters = Letters(Sender(feed.attacks, self._name, feed.topic, feed.dead_letter_topic), feed.producer, feed.admin)
        size = BulkSize(settings.bulk_max_docs, settings.bulk_max_bytes)
        delivery = Delivery(self._store, shelf, letters, size, tally=self._tally, clock=self._clock, stop=halt)
        reader = Reader(Place(feed.topic, feed.group_id, settings.index_prefix), feed.consumer, shelf, self._clock)
        storing = _Storing(delivery, f"attacks-store-{self._name}")
        storing.start()
        try:
            while not self._stop.is_set():
                storing.check()
                reader.read()
                reader.commit()
        finally:
            halt.set()
            # What is under way may still be stored and committed; where the store is silent, the next start stores it again.
            storing.join(_STOP_SECS)
            shelf.close()
            reader.close()


class _Storing(threading.Thread):
    """The storing thread; whoever reads is told of its end.

    A daemon: where the store is silent, a process that stops does not wait for it.
    """

    def __init__(self, delivery: Delivery, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._delivery = delivery
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._delivery.run()
        except BaseException as error:  # noqa: BLE001 - raised again where it ends, in `check`
            self._error = error

    def check(self) -> None:
        """Raise what the thread died of."""
        if self._error is not None:
            raise self._error
