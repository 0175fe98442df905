"""Takes assembled tasks, runs them side by side until told to stop or to let go at once; never outlives its grace period."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from wellhead.runtime.task import AssembledTask
from wellhead.telemetry.logs import get_logger

# What a forced end may take after the grace period: aborting transactions that cannot be committed.
_ABORT_SECS = 1.0


class TaskSet:
    """Tasks that live and end together.

    Args:
        tasks: What `assemble` gives.
        grace_secs: How long all of them together may take to commit what they have when stopped.
    """

    def __init__(self, tasks: Iterable[AssembledTask], *, grace_secs: float) -> None:
        self.tasks = tuple(tasks)
        self._grace_secs = grace_secs
        self._log = get_logger("runtime")
        self._stop = asyncio.Event()
        self._let_go = False

    @property
    def failed(self) -> bool:
        """True where a task ended in an error that nobody retries."""
        return any(task.supervisor.failed for task in self.tasks)

    def stop(self) -> None:
        """Ask every task to stop; `run` returns once they have, or once the grace period is over."""
        self._stop.set()

    def drop(self) -> None:
        """Ask every task to stop without committing what it has: others may have taken over."""
        self._let_go = True
        for task in self.tasks:
            task.supervisor.stop()
            task.ledger.interrupt()
        self._stop.set()

    async def run(self) -> None:
        """Run every task until all have ended or `stop` is called."""
        running = [asyncio.create_task(task.supervisor.run(), name=str(task.identity)) for task in self.tasks]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            pending: set[asyncio.Task[Any]] = {*running}
            while pending and not self._stop.is_set():
                _, pending = await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                pending.discard(stopping)
            if pending:
                await self._wind_down(running)
            for task in running:
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            stopping.cancel()
            for assembled in self.tasks:
                await assembled.aclose()

    async def _wind_down(self, running: list[asyncio.Task[None]]) -> None:
        grace_secs = 0.0 if self._let_go else self._grace_secs
        self._log.info("stopping", tasks=len(running), grace_secs=grace_secs)
        for assembled in self.tasks:
            assembled.supervisor.stop()
        late: set[asyncio.Task[None]] = {*running}
        if grace_secs > 0:
            _, late = await asyncio.wait(running, timeout=grace_secs)
        for assembled, task in zip(self.tasks, running, strict=True):
            if task in late and not task.done():
                if not self._let_go:
                    self._log.warning("stop_forced", task=task.get_name(), after_secs=grace_secs)
                assembled.ledger.interrupt()
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=_ABORT_SECS)
