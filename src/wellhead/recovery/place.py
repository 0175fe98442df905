"""Takes a loaded connector, gives where each of its streams keeps its cursor and who writes it; never connects to anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wellhead.api import Cursor, Stream
from wellhead.config.deployment import LoadedConnector
from wellhead.kafka.offsets import Scalar
from wellhead.recovery.forecast import Quota


@dataclass(frozen=True, slots=True)
class Place:
    """One stream of one connector for one tenant.

    Attributes:
        connector: Its connector.
        partition: Under what its cursor is stored.
        transactional_id: Of its task, by which the owner is fenced (I4); None where it cannot be known.
        cursor: The model of its cursor, None where it cannot be known.
        topic: Its record topic, None where it cannot be known.
        cleanup: That topic's cleanup policy.
        quota: What may be asked of the vendor.
    """

    connector: str
    partition: Mapping[str, Scalar]
    transactional_id: str | None = None
    cursor: type[Cursor] | None = None
    topic: str | None = None
    cleanup: Literal["delete", "compact"] | None = None
    quota: Quota = field(default=Quota())

    def __str__(self) -> str:
        return f"{self.connector} {dict(self.partition)}"


def places_of(loaded: LoadedConnector, transactional_id: Callable[[int, Stream], str]) -> list[Place]:
    """Give the places of a connector's streams, in order.

    Args:
        loaded: The connector.
        transactional_id: Gives that of the task of a stream, by its number (the runtime's `TaskIdentity` knows it).
    """
    settings = loaded.settings
    return [
        Place(
            connector=loaded.name,
            partition={"stream": stream.name, "tenant": settings.tenant},
            transactional_id=transactional_id(number, stream),
            cursor=stream.cursor,
            topic=settings.topic_of(stream.subject),
            cleanup=stream.cleanup,
            quota=Quota(settings.http.interval_secs, settings.http.budget_calls_per_day),
        )
        for number, stream in enumerate(loaded.streams)
    ]


def place_of(places: Sequence[Place], connector: str, partition: Mapping[str, Any]) -> Place:
    """Give the place of a partition; one of which nothing is known where it is none of `places`."""
    found = (place for place in places if place.connector == connector and place.partition == partition)
    return next(found, Place(connector, partition))
