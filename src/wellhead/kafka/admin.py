"""Takes a client's settings, gives an admin connection that can say why it got no answer, never one that outlives its `close`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error

REQUEST_SECS = 10.0
_PRODUCER_OR_CONSUMER = frozenset(
    {
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "isolation.level",
        "transaction.timeout.ms",
        "transactional.id",
    }
)


class Admin:
    """An admin client and what it heard; close it only when the futures it gave are done.

    Do not keep `client` in a local: an error that someone holds would hold the frame, the client and its threads.

    Args:
        config: Settings of any of our clients; what only producers or consumers know is left out.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._hearing = Hearing()
        understood = {name: value for name, value in config.items() if name not in _PRODUCER_OR_CONSUMER}
        self._open: AdminClient | None = AdminClient(self._hearing.settings(understood), logger=ClientLog())

    @property
    def client(self) -> AdminClient:
        """The client, until `close`."""
        assert self._open is not None, "closed"
        return self._open

    def close(self) -> None:
        """End the connection and its threads; AdminClient has no other way than to be let go."""
        self._open = None

    def forget(self) -> None:
        """Listen anew, before the next question."""
        self.client.poll(0)
        self._hearing.forget()

    def cause(self, error: KafkaException) -> KafkaError:
        """Give why a request failed with `error`: where it only timed out, what the connection said."""
        self.client.poll(0)
        return self._hearing.cause(kafka_error(error))


def offsets_at(
    admin: Admin,
    places: Sequence[tuple[str, int]],
    spec: OffsetSpec,
    *,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    secs: float = REQUEST_SECS,
) -> dict[tuple[str, int], int]:
    """Give the offset that `spec` means in each place (topic, partition), -1 where there is none.

    Args:
        admin: Who asks.
        places: Where.
        spec: The first, the last, or the first from a time on.
        isolation: Whose readers' end is meant; those at read-committed stop before an open transaction.
        secs: The longest wait for an answer.

    Raises:
        KafkaException: The broker does not answer.
    """
    if not places:
        return {}
    asked = admin.client.list_offsets(
        {TopicPartition(topic, number): spec for topic, number in places}, isolation_level=isolation, request_timeout=secs
    )
    return {(place.topic, place.partition): future.result().offset for place, future in asked.items()}
