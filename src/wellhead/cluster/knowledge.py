"""Gives what every part of a worker's REST API needs to know of the worker; never changes after the worker has joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wellhead.clock import Clock
from wellhead.config.deployment import LoadedConnector
from wellhead.config.single import load_connector, shown_words
from wellhead.config.worker import WorkerSettings
from wellhead.plugins import Plugins
from wellhead.rest.definitions import Definitions
from wellhead.storage.group import Storage


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One worker as its API sees it.

    Attributes:
        worker: Its settings.
        worker_id: How it is named in answers, host and port.
        environ: What `${env:NAME}` refers to here.
        storage: The internal topics.
        definitions: What may be configured.
        plugins: The sources there are.
        clock: Its time.
        version: Of Wellhead.
        commit: Which build of it.
        cluster_id: Kafka's.
        modified: When a logger's level was last set here, epoch ms by logger.
    """

    worker: WorkerSettings
    worker_id: str
    environ: Mapping[str, str]
    storage: Storage
    definitions: Definitions
    plugins: Plugins
    clock: Clock
    version: str
    commit: str
    cluster_id: str
    modified: dict[str, int] = field(default_factory=dict)

    def shown(self, config: Mapping[str, str | None]) -> dict[str, Any]:
        """Give a connector's words as they may be shown."""
        return shown_words(config, self.environ, self.plugins)

    def loaded(self, name: str, config: Mapping[str, str | None]) -> tuple[LoadedConnector, ...]:
        """Give what a connector's words load to, once for each of its tenants.

        Raises:
            ConfigError: They cannot be used here.
        """
        return load_connector(name, config, self.worker, self.environ, self.plugins)
