"""Takes a job and the stores of the files, gives what its documents come from and go to; never opens a connection before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from wellhead.clock import Clock
from wellhead.config.store import StoreSettings
from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, Problem
from wellhead.kafka.settings import consumer_config
from wellhead.migration.copy.job import Job
from wellhead.migration.copy.planner import Plan, StorePlanner
from wellhead.migration.copy.replay import TopicPlanner, TopicSource
from wellhead.migration.copy.source import Source, StoreSource
from wellhead.search.store import SearchStore

FindStore = Callable[[str, str], StoreSettings]
"""Gives the settings of the store of a name; the second word says where the name was written."""


class Planner(Protocol):
    """Who cuts a job into slices."""

    def plan(self) -> Plan:
        """Count and cut."""
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a job.

    Attributes:
        planner: Cuts the source into slices.
        source: Where documents come from.
        target: Where they go.
        source_store: The store they come from, None for a topic.
    """

    planner: Planner
    source: Source
    target: SearchStore
    source_store: SearchStore | None

    def close(self) -> None:
        """Let go of both."""
        for store in (self.target, self.source_store):
            if store is not None:
                store.close()


def open_ends(job: Job, worker: WorkerSettings, find: FindStore, clock: Clock) -> Ends:
    """Give both ends of `job`; nothing is asked yet.

    Raises:
        ConfigError: A store is not known here, or both ends are the same.
        PermanentError: A certificate file cannot be used.
    """
    target_settings = find(job.target, "--to")
    topic = job.source_topic
    if topic is not None:
        config: Mapping[str, Any] = consumer_config(worker, client_id=f"wellhead-migrate-{job.name}")
        target = SearchStore(target_settings, name=job.target, clock=clock)
        return Ends(TopicPlanner(job, config), TopicSource(job, config), target, None)
    settings = find(job.source, "--from")
    if set(settings.url) & set(target_settings.url) and settings.index_prefix == target_settings.index_prefix:
        message = "both are the same indices of the same store; give the target another index.prefix, or another store"
        raise ConfigError("migrate", [Problem("--from, --to", message)])
    target = SearchStore(target_settings, name=job.target, clock=clock)
    store = SearchStore(settings, name=job.source, clock=clock)
    return Ends(StorePlanner(job, store, settings.index_prefix), StoreSource(store, job.mapping), target, store)
