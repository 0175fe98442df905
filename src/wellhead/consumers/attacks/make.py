"""Takes what a part is and its settings, gives the grouper or the store's writer it becomes, and closes what was opened for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wellhead.consumers.attacks.grouper import Grouper
from wellhead.consumers.attacks.parts import Reader, Surroundings
from wellhead.consumers.attacks.store.writer import StoreWriter, feed_of
from wellhead.consumers.supervise import Runs
from wellhead.search.store import SearchStore
from wellhead.telemetry.attacks import GrouperTally, StoreTally


class RealMakers:
    """Makes the parts that talk to Kafka, Redis and a store."""

    @contextmanager
    def grouper(self, around: Surroundings, tally: GrouperTally) -> Iterator[Runs]:
        """Make a grouper."""
        yield Grouper(around.settings, around.worker, around.clock, around.stop, tally)

    @contextmanager
    def writer(self, around: Surroundings, reader: Reader, tally: StoreTally) -> Iterator[Runs]:
        """Make a store's writer."""
        feed = feed_of(around.settings, around.worker, reader.group)
        store = SearchStore(around.settings.stores[reader.store], name=reader.store, clock=around.clock)
        try:
            yield StoreWriter(reader.store, store, feed, clock=around.clock, stop=around.stop, tally=tally)
        finally:
            store.close()
