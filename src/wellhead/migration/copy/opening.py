"""Takes a job, or the name of one, gives it as its topic has it, made where there is none; refuses two jobs under one name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.kafka.admin import Admin
from wellhead.kafka.settings import admin_config, consumer_config, writer_config
from wellhead.kafka.topics import ensure, partition_counts
from wellhead.migration.copy.job import Job
from wellhead.migration.copy.journal import Journal
from wellhead.migration.copy.records import JOB, Record
from wellhead.migration.copy.state import JobState
from wellhead.migration.copy.topics import dead_letter_topic, job_topic, specs
from wellhead.storage.tail import TopicTail


@dataclass(frozen=True, slots=True)
class Opened:
    """A job whose topic is followed.

    Attributes:
        job: The job.
        state: What its topic says.
        partitions: How many the topic has.
        tail: Who follows it.
    """

    job: Job
    state: JobState
    partitions: int
    tail: TopicTail


@contextmanager
def opened(worker: WorkerSettings, name: str, asked: Job | None = None) -> Iterator[Opened]:
    """Follow the topic of job `name`; with `asked`, make it first where there is none.

    Raises:
        ConfigError: The name is that of another job.
        PermanentError: There is no such job and none was asked for, or the broker refuses.
        TemporaryError: The broker cannot be reached.
    """
    topic = job_topic(worker, name)
    if asked is not None:
        ensure(admin_config(worker), specs(worker, name))
    partitions = _partitions(worker, topic)
    if not partitions:
        raise PermanentError(
            f"there is no migration {name!r} (no topic {topic}). Start it with --from and --to, or correct the name"
        )
    state = JobState()
    tail = TopicTail(consumer_config(worker, client_id=f"wellhead-migrate-{name}"), {topic: state.fold})
    tail.start()
    try:
        tail.caught_up()
        job = state.job if asked is None else _settled(worker, asked, tail, state)
        if job is None:
            raise PermanentError(
                f"migration {name!r} was never described (topic {topic}). Give the command that starts it again"
            )
        yield Opened(job, state, partitions, tail)
    finally:
        tail.close()


def _settled(worker: WorkerSettings, asked: Job, tail: TopicTail, state: JobState) -> Job | None:
    """Write the job where it is not written, or its caps where they have changed."""
    known = state.job
    if known is not None and not known.is_same(asked):
        advice = "give the options it was started with, --join to take part in it, or another --job"
        raise ConfigError("migrate", [Problem("--job", f"{asked.name} copies something else already; {advice}")])
    if known != asked:
        journal = Journal(writer_config(worker), job_topic(worker, asked.name), dead_letter_topic(worker, asked.name))
        journal.write([Record(JOB, asked.encode(), 0)])
        journal.close()
        tail.caught_up()
    return state.job


def _partitions(worker: WorkerSettings, topic: str) -> int:
    admin = Admin(admin_config(worker))
    try:
        return partition_counts(admin, [topic]).get(topic, 0)
    finally:
        admin.close()
