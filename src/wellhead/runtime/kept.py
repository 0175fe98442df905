"""Takes how a task is made, gives the one to run: the same again where it may outlive what became of its batches, else a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wellhead.api import SourceTask


class KeptTask:
    """The task of one supervisor.

    A task that remembers what it gave would take it for published although Kafka rolled it back, so it is made anew at each start; but for one
    that says that it undoes that itself (`SourceTask.outlives_rollback`).

    Args:
        make: Makes a task.
    """

    def __init__(self, make: Callable[[], SourceTask[Any, Any]]) -> None:
        self._make = make
        self._task: SourceTask[Any, Any] | None = None

    def start(self) -> SourceTask[Any, Any]:
        """Give the task to run from now on."""
        if self._task is None or not self._task.outlives_rollback:
            self._task = self._make()
        return self._task

    def forget(self) -> None:
        """Let the next start make a task, whatever this one outlives: it failed, or its cursor was moved."""
        self._task = None
