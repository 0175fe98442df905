"""Takes a lookup's topic and a state, brings the state to the topic's end; never writes a file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.registry import Registry
from wellhead.clock import Clock
from wellhead.config.lookup import LookupSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.consumer import TopicConsumer
from wellhead.consumers.lookup.changes import OnForeign
from wellhead.consumers.lookup.follow import CaughtUp, OnRead, follow
from wellhead.consumers.lookup.state import LookupState
from wellhead.kafka.settings import consumer_config

CatchUp = Callable[[LookupState, OnForeign], Iterator[CaughtUp]]
"""Brings a state to the end of its topic, once, and tells what it learned and what it passed over; raises as `follow` does."""


def from_topic(
    worker: WorkerSettings, settings: LookupSettings, record: str, *, clock: Clock, stop: threading.Event, on_read: OnRead
) -> CatchUp:
    """Give what reads the lookup's topic with connections of its own, made and closed at each call.

    Args:
        worker: Where Kafka and the registry are.
        settings: The lookup's.
        record: Schema of the records.
        clock: The time.
        stop: Ends the reading.
        on_read: Given what was read, a batch at a time.
    """

    def catch_up(state: LookupState, on_foreign: OnForeign) -> Iterator[CaughtUp]:
        config = consumer_config(worker, client_id=f"wellhead-lookup-{settings.name}")
        with (
            closing(Registry(worker.schema_registry)) as registry,
            TopicConsumer(config, settings.topic, clock=clock, stop=stop) as consumer,
        ):
            decoder = Decoder(registry.schema_text, schemas.load(record))
            yield from follow(state, consumer, decoder, on_foreign=on_foreign, on_read=on_read)

    return catch_up
