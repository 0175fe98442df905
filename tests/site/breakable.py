"""Gives the settings of brokers that a test may kill or freeze, and kills one where Kafka bears it."""

import time

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from wellhead.kafka.client_log import ClientLog
from wellhead.stack import KafkaOptions, Stack

_EXPIRED_END_SOON = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500"}
_STILL_SECS = 1.0
_SETTLE_SECS = 30.0

# To be killed: forgets a dead incarnation and abandoned transactions quickly, though not so quickly that it takes itself for dead on a busy machine.
QUICK = KafkaOptions(
    properties={"broker.session.timeout.ms": "8000", "broker.heartbeat.interval.ms": "400", **_EXPIRED_END_SOON}
)

# To be frozen: never expels itself for being late. One that did would forget a transaction that it was about to end, and its records
# would stay hidden for ever.
PATIENT = KafkaOptions(properties={"broker.session.timeout.ms": "120000", **_EXPIRED_END_SOON})


def kill_lone(servers: Stack) -> None:
    """Kill the only broker once it has written the markers of every commit that it confirmed.

    A commit is confirmed first and its markers are written after that. A lone broker (Kafka 4.3.1) that dies between the two finds
    its partitions without a leader when it comes back, takes them for deleted and never writes the markers: what was committed stays
    hidden until the same producer's next commit there. With a second replica another leader is there to be told.
    """
    admin = AdminClient({"bootstrap.servers": servers.bootstrap_servers}, logger=ClientLog())
    deadline_secs = time.monotonic() + _SETTLE_SECS
    before, since_secs = _hidden(admin), time.monotonic()
    while before and time.monotonic() - since_secs < _STILL_SECS:  # what stays as it is, is an open transaction's
        assert time.monotonic() < deadline_secs, f"the broker does not come to rest: {before}"
        if (now := _hidden(admin)) != before:
            before, since_secs = now, time.monotonic()
    servers.kafka.kill()


def _hidden(admin: AdminClient) -> dict[tuple[str, int], tuple[int, int]]:
    """Give the partitions that end behind what can be read as committed, and where both end."""
    topics = admin.list_topics(timeout=10).topics
    latest = {TopicPartition(name, number): OffsetSpec.latest() for name in topics for number in topics[name].partitions}
    if not latest:
        return {}
    ends = [
        {(place.topic, place.partition): found.result().offset for place, found in asked.items()}
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        if (asked := admin.list_offsets(latest, isolation_level=level))
    ]
    return {place: (ends[0][place], end) for place, end in ends[1].items() if end != ends[0][place]}
