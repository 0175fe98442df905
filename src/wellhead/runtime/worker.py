"""Takes a deployment, runs its tasks in one asyncio process until told to stop; never outlives its grace period."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wellhead.clock import Clock
from wellhead.runtime.states import State
from wellhead.runtime.task import AssembledTask
from wellhead.runtime.taskset import TaskSet

READY = "Worker has completed startup and is ready to handle requests."


class Worker:
    """Runs tasks side by side and tells how they are.

    Args:
        tasks: What `assemble` gives.
        grace_secs: How long all tasks together may take to commit what they have when stopped.
        worker_id: How this process is named in `/health`, host and port as in Connect.
    """

    def __init__(self, tasks: Iterable[AssembledTask], *, grace_secs: float, worker_id: str, clock: Clock) -> None:
        self._set = TaskSet(tasks, grace_secs=grace_secs)
        self._worker_id = worker_id
        self._clock = clock

    @property
    def failed(self) -> bool:
        """True where a task ended in an error that nobody retries."""
        return self._set.failed

    def stop(self) -> None:
        """Ask every task to stop; `run` returns once they have, or once the grace period is over."""
        self._set.stop()

    async def run(self) -> None:
        """Run every task until all have ended or `stop` is called."""
        await self._set.run()

    def health(self) -> dict[str, Any]:
        """Give Connect's `status` and `message`, and every connector's tasks with state, cursor age and freshness.

        `healthy` means that every task is RUNNING (or paused on purpose), `starting` that none has polled yet and
        none has failed, `unhealthy` that at least one is FAILED or DEGRADED.
        """
        return health_of(self._set.tasks, self._clock.now_ms(), self._worker_id)


def health_of(tasks: Iterable[AssembledTask], now_ms: int, worker_id: str) -> dict[str, Any]:
    """Give what `/health` answers for tasks of one worker; see `Worker.health`."""
    connectors: dict[str, Any] = {}
    states: list[State] = []
    for task in tasks:
        detail = task.health(now_ms, worker_id)
        states.append(State(detail["state"]))
        entry = connectors.setdefault(task.identity.connector, {"tenant": task.identity.tenant, "tasks": []})
        entry["tasks"].append(detail)
    status, message = _overall(states)
    return {"status": status, "message": message, "worker_id": worker_id, "connectors": connectors}


def _overall(states: list[State]) -> tuple[str, str]:
    bad = [state for state in states if state in {State.FAILED, State.DEGRADED}]
    if bad:
        count = len(bad)
        return (
            "unhealthy",
            f"{count} of {len(states)} tasks {'is' if count == 1 else 'are'} FAILED or DEGRADED: see 'connectors'",
        )
    if any(state is State.UNASSIGNED for state in states):
        return "starting", "Worker is still starting up."
    return "healthy", READY
