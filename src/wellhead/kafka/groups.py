"""Takes consumer groups, gives what each has committed, by connections that join none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from wellhead.kafka.client_log import ClientLog, Hearing

_ASK_SECS = 10.0


class GroupPlaces:
    """Looks up groups. Blocking, for one thread.

    A consumer that subscribes to nothing is asked, one for each group: the admin client's own request ends the process (SIGSEGV in librdkafka 2.16)
    where a broker answers that it is no coordinator, as it does while the first group of a cluster is being made.

    Args:
        config: Settings of a client; a group of its own is neither joined nor changed.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = dict(config)
        self._consumers: dict[str, Consumer] = {}

    def committed(self, group: str, places: Sequence[TopicPartition], secs: float = _ASK_SECS) -> list[TopicPartition]:
        """Give the places with what the group has committed as their offsets, negative where it has nothing.

        Raises:
            KafkaException: The broker does not answer, or refuses.
        """
        if group not in self._consumers:
            # Else the answer would wait for the end of each transaction that is about to move the group.
            own = {"group.id": group, "isolation.level": "read_uncommitted"}
            self._consumers[group] = Consumer(Hearing().settings({**self._config, **own}), logger=ClientLog())
        found = self._consumers[group].committed(list(places), secs)
        if failed := [place.error for place in found if place.error is not None]:
            raise KafkaException(failed[0])
        return found

    def forget(self, group: str) -> None:
        """Close the connection for a group."""
        consumer = self._consumers.pop(group, None)
        if consumer is not None:
            consumer.close()

    def close(self) -> None:
        """Close the connections; the next look opens them again."""
        for group in list(self._consumers):
            self.forget(group)
