"""Takes where a worker joins a group, gives what its consumer is built with, and reads what librdkafka keeps to itself; never connects."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REFRESH_MS = 10_000
_METADATA = struct.Struct("=7si")  # how librdkafka writes a member's metadata: a magic word, the generation, names


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """Where a worker joins.

    Attributes:
        consumer: What `settings.consumer_config` gives.
        group_id: The group.
        topic: Its partitions are what members own.
        lease_topic: One partition, whose committed offset is the proof.
        session_ms: How long a silent member stays one.
        heartbeat_ms: Between two signs of life.
        instance_id: Makes the member a static one.
    """

    consumer: Mapping[str, Any]
    group_id: str
    topic: str
    lease_topic: str
    session_ms: int = 10_000
    heartbeat_ms: int = 1_000
    instance_id: str | None = None

    @property
    def max_poll_ms(self) -> int:
        """How long a change may take before librdkafka leaves the group by itself."""
        return max(300_000, 2 * self.session_ms)

    def settings(self) -> dict[str, Any]:
        """Give the consumer's settings; what the lease rests on cannot be overridden."""
        forced: dict[str, Any] = {
            "group.id": self.group_id,
            "group.protocol": "classic",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": self.session_ms,
            "heartbeat.interval.ms": self.heartbeat_ms,
            "max.poll.interval.ms": self.max_poll_ms,
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "allow.auto.create.topics": False,
        }
        if self.instance_id is not None:
            forced["group.instance.id"] = self.instance_id
        defaults: dict[str, Any] = {
            # A proof that is not answered must not hold the thread much longer than the group waits for us.
            "socket.timeout.ms": self.session_ms,
            # Only a net: who adds partitions says so (`rescan`).
            "topic.metadata.refresh.interval.ms": _REFRESH_MS,
        }
        given = {name: value for name, value in self.consumer.items() if name != "group.instance.id"}
        return defaults | given | forced


def generation_of(metadata: bytes) -> int:
    """Give the group's generation out of what librdkafka keeps to itself, -1 when it is not written as expected."""
    if len(metadata) < _METADATA.size:
        return -1
    magic, generation = _METADATA.unpack_from(metadata)
    return generation if magic == b"CGMDv2:" else -1
