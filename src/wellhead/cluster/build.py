"""Takes the spec of a task, gives the set of stream tasks that is it, ready to run under its lease; never starts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wellhead.cluster.place import Spec
from wellhead.config.single import load_connector
from wellhead.config.tenants import WORD as TENANTS
from wellhead.plugins import Plugins
from wellhead.runtime.ambient import Ambient
from wellhead.runtime.assemble import assemble, assemble_lane
from wellhead.runtime.taskset import TaskSet
from wellhead.storage.cursors import OffsetsTopic


class Builder:
    """Makes the tasks of this process.

    Args:
        ambient: What they share.
        environ: What `${env:NAME}` refers to.
        worker_id: How this process is named.
        cursors: Gives what the offsets topic holds, everything included that was committed at the time of the call.
        plugins: The sources to choose from; the installed ones when None.
    """

    def __init__(
        self,
        ambient: Ambient,
        environ: Mapping[str, str],
        worker_id: str,
        cursors: Callable[[float], OffsetsTopic],
        *,
        plugins: Plugins | None = None,
    ) -> None:
        self._ambient = ambient
        self._environ = environ
        self._worker_id = worker_id
        self._cursors = cursors
        self._plugins = plugins

    def build(self, spec: Spec) -> TaskSet:
        """Make the tasks of `spec`.

        Raises:
            ConfigError: Its words cannot be used here.
        """
        worker = self._ambient.surroundings.worker
        words = {**spec.config, TENANTS: spec.tenant} if spec.tenant else spec.config
        (loaded,) = load_connector(spec.connector, words, worker, self._environ, self._plugins)
        self._ambient.redactor.add(*loaded.secrets())
        around = replace(
            self._ambient.surroundings, lease=spec.lease, placed=True, worker_id=self._worker_id, cursors=self._cursors
        )
        if spec.backfill is None:
            tasks = assemble(loaded, around, only=spec.streams, at_once=1)
        else:
            tasks = iter([assemble_lane(loaded, around, spec.backfill)])
        return TaskSet(tasks, grace_secs=worker.task_shutdown_graceful_timeout_ms / 1000)

    def describe(self, taskset: TaskSet) -> tuple[Mapping[str, Any], ...]:
        """Give what `/health` says of each stream task, without any secret (I6)."""
        now_ms = self._ambient.clock.now_ms()
        shown = (task.health(now_ms, self._worker_id) for task in taskset.tasks)
        return tuple(self._ambient.redactor.value(detail) for detail in shown)
