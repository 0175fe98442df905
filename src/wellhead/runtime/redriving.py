"""Takes a connector as it is configured now and a selection of its dead letters, gives what became of them in a redrive, or what would."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

from confluent_kafka import KafkaException

from wellhead.clock import Clock
from wellhead.config.deployment import LoadedConnector, dead_letter_topics
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.settings import admin_config, consumer_config, producer_config
from wellhead.kafka.topics import ensure
from wellhead.recovery.letter import Selection
from wellhead.recovery.redrive import Redrive, Report
from wellhead.runtime.remake import Remaker
from wellhead.storage.audit import audit_message
from wellhead.storage.topics import audit_spec


def transactional_id(group_id: str, connector: str, topic: str) -> str:
    """Give the id under which the letters of a connector in one topic are redriven: a running task has another and goes on."""
    return f"{group_id}-{connector}-redrive-{topic}"


def redrive(
    loaded: Sequence[LoadedConnector],
    worker: WorkerSettings,
    selection: Selection,
    *,
    topics: Sequence[str] = (),
    dry_run: bool,
    by: str,
    clock: Clock,
    redact: Callable[[str], str],
    step: Callable[[str], None] = lambda _name: None,
) -> list[Report]:
    """Redrive the letters of one connector that `selection` takes; blocking. The connector may run meanwhile.

    Args:
        loaded: The connector, once for each of its tenants.
        worker: The settings of its workers.
        selection: Which of its letters.
        topics: Dead-letter topics to look through, instead of those the connector writes now.
        dry_run: Write nothing: only say what would become of them.
        by: Who does it, for the markers and the audit.
        clock: What transforms count ages from.
        redact: Takes secrets out of texts.
        step: Called at the named points where a crash must do no harm.

    Raises:
        TemporaryError: A server cannot be reached. What was settled stays settled; a redrive later goes on from there.
        PermanentError: A server refuses us, a schema is incompatible, or another redrive of the connector has begun.
    """
    name = loaded[0].name
    chosen = replace(selection, connector=name)
    limits = _limits(loaded, worker)
    settings = loaded[0].settings
    reports = []
    if not dry_run:
        ensure(admin_config(worker), [audit_spec(worker)])
    for topic in topics or dead_letter_topics(loaded):
        config = producer_config(worker, settings, transactional_id(worker.group_id, name, topic))
        remaker = Remaker(
            loaded,
            worker,
            clock=clock,
            redact=redact,
            limit_bytes=lambda topic, config=config: limits.limit_bytes(topic, config),  # type: ignore[misc]
            dry_run=dry_run,
        )
        with closing(remaker):
            audit = partial(_audit, worker=worker, connector=name, topic=topic, by=by, clock=clock)
            work = Redrive(consumer_config(worker), topic, chosen, remaker.anew, by=by, audit=audit)
            producer = TransactionalProducer(config, step=step, clock=clock, limits=limits)
            reports.append(work.preview() if dry_run else work.run(producer))
    return reports


def _audit(settled: Mapping[str, int], *, worker: WorkerSettings, connector: str, topic: str, by: str, clock: Clock) -> Message:
    return audit_message(
        worker.audit_topic,
        who=by,
        what="dlq.redrive",
        connector=connector,
        before={"topic": topic, "open": sum(settled.values())},
        after={"topic": topic, **settled},
        at_ms=clock.now_ms(),
        where=socket.gethostname(),
    )


def _limits(loaded: Sequence[LoadedConnector], worker: WorkerSettings) -> RecordLimits:
    """Ask what the record topics take, so that what is too large is told as such, in a dry run, too."""
    limits = RecordLimits()
    config = consumer_config(worker)
    for topic in dict.fromkeys(each.settings.topic_of(stream.subject) for each in loaded for stream in each.streams):
        # One that does not exist yet, or may not be described, shows its limit when it refuses a batch.
        with suppress(KafkaException, PermanentError):
            limits.learn([topic], config)
    return limits
