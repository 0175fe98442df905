"""Gives the settings of brokers that a test may kill or freeze."""

from wellhead.stack import KafkaOptions

_EXPIRED_END_SOON = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500"}

# To be killed: forgets a dead incarnation and abandoned transactions quickly, though not so quickly that it takes itself for dead on a busy machine.
QUICK = KafkaOptions(
    properties={"broker.session.timeout.ms": "8000", "broker.heartbeat.interval.ms": "400", **_EXPIRED_END_SOON}
)

# To be frozen: never expels itself for being late. One that did would forget a transaction that it was about to end, and its records
# would stay hidden for ever.
PATIENT = KafkaOptions(properties={"broker.session.timeout.ms": "120000", **_EXPIRED_END_SOON})
