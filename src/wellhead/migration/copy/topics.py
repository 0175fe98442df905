"""Takes the name of a job, gives its topics in a group of workers; never changes one that is there."""

from __future__ import annotations

from wellhead.config.worker import WorkerSettings
from wellhead.kafka.topics import TopicSpec

PARTITIONS = 32
"""Of a job's topic: more processes than that cannot share it."""


def job_topic(worker: WorkerSettings, job: str) -> str:
    """Give the topic of a job, which is also the name of its consumer group."""
    return f"{worker.group_id}-migrate-{job}"


def dead_letter_topic(worker: WorkerSettings, job: str) -> str:
    """Give the topic of the documents that a job could not copy."""
    return f"{job_topic(worker, job)}-refused"


def specs(worker: WorkerSettings, job: str) -> list[TopicSpec]:
    """Give both topics as they are to be created."""
    holds = "the checkpoints of the migration"
    kept = {"cleanup.policy": "compact"}
    return [
        TopicSpec(job_topic(worker, job), PARTITIONS, config=kept, strict_cleanup=True, holds=holds),
        TopicSpec(dead_letter_topic(worker, job), 1, config={"cleanup.policy": "delete", "retention.ms": "-1"}),
    ]
