from wellhead.telemetry.instruments import (
    API_DURATION,
    CONNECT_METRICS,
    OWN_METRICS,
    STAGE_DURATION,
    WORKER_METRICS,
    Kind,
    labels_of,
)

# The names and kinds that OpenTelemetry's rules give to the metrics of a real Kafka Connect, as far as we have them.
OF_CONNECT = {
    "kafka.connect.connector.status": "updowncounter",
    "kafka.connect.source.poll.batch.time.average": "gauge",
    "kafka.connect.source.poll.batch.time.max": "gauge",
    "kafka.connect.source.record.active.count": "updowncounter",
    "kafka.connect.source.record.poll.count": "counter",
    "kafka.connect.source.record.write.count": "counter",
    "kafka.connect.source.transaction.size.average": "gauge",
    "kafka.connect.source.transaction.size.max": "gauge",
    "kafka.connect.source.transaction.size.min": "gauge",
    "kafka.connect.task.batch.size.average": "gauge",
    "kafka.connect.task.batch.size.max": "gauge",
    "kafka.connect.task.error.last.error.timestamp": "gauge",
    "kafka.connect.task.error.record.error.count": "counter",
    "kafka.connect.task.error.record.failure.count": "counter",
    "kafka.connect.task.error.retry.count": "counter",
    "kafka.connect.task.offset.commit.failure.ratio": "gauge",
    "kafka.connect.task.offset.commit.time.average": "gauge",
    "kafka.connect.task.offset.commit.time.max": "gauge",
    "kafka.connect.task.running.ratio": "gauge",
    "kafka.connect.task.status": "updowncounter",
    "kafka.connect.worker.connector.count": "updowncounter",
    "kafka.connect.worker.connector.task.count": "updowncounter",
    "kafka.connect.worker.task.count": "updowncounter",
}


def test_names_of_connect():
    """Connect's metrics have the names and kinds that dashboards for a real Connect expect; all others are ours."""
    assert {metric.name: metric.kind for metric in (*WORKER_METRICS, *CONNECT_METRICS)} == OF_CONNECT
    assert all(metric.name.startswith("wellhead.") for metric in (*OWN_METRICS, STAGE_DURATION, API_DURATION))


def test_labels_of_connect():
    """Connect's metrics carry connector and task, so that joins with a real Connect's work; ours also stream and tenant."""
    connect = [set(labels_of(metric)) for metric in CONNECT_METRICS]
    own = [set(labels_of(metric)) for metric in OWN_METRICS]
    assert all(labels >= {"kafka.connect.connector", "kafka.connect.task.id"} for labels in connect + own)
    assert not any("wellhead.tenant" in labels for labels in connect)
    assert all({"wellhead.stream", "wellhead.tenant"} <= labels for labels in own)


def test_buckets():
    """The buckets of durations rise, from milliseconds to minutes."""
    for metric in (STAGE_DURATION, API_DURATION):
        assert metric.kind is Kind.HISTOGRAM
        assert list(metric.bounds) == sorted(set(metric.bounds))
        assert (metric.bounds[0] < 0.05, metric.bounds[-1] > 60) == (True, True)
