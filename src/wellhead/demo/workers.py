"""Takes the files of a deployment, runs two workers of one group as processes, tells how far they are, kills the one that pulls; never both."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wellhead.demo.process import Process

_START_SECS = 60.0


class Pair:
    """Two workers of one group.

    Args:
        worker: File with the section `worker`.
        connectors: File with the connector they share.
        name: The connector's name.
        out: Where their logs go.
    """

    def __init__(self, worker: Path, connectors: Path, name: str, out: Path) -> None:
        words = ["worker", "-c", str(worker), str(connectors)]
        self._name = name
        self._workers = [Process(f"worker {number}", words, out / f"worker-{number}.log") for number in (1, 2)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.ask_to_stop() if error is None else worker.kill()
        for worker in self._workers:
            worker.wait()

    def wait(self) -> None:
        """Return once both answer.

        Raises:
            PermanentError: One ended, or does not answer in time.
        """
        for worker in self._workers:
            worker.answer("/connectors", _START_SECS)

    def kill_owner(self) -> str | None:
        """Kill the worker that runs the connector's first task with SIGKILL, give its name; None where none runs it now."""
        status = self._get(f"/connectors/{self._name}/status") or {"tasks": []}
        owners = [task["worker_id"] for task in status["tasks"] if task["state"] == "RUNNING"]
        for worker in self._workers:
            told = worker.started()
            if told is not None and told["worker_id"] in owners[:1]:
                worker.kill()
                worker.wait()
                self._workers.remove(worker)
                return worker.name
        return None

    def caught_up(self, streams: AbstractSet[str]) -> bool:
        """Tell whether the newest run of each of these streams read everything."""
        if not streams:
            return True
        runs = self._get(f"/connectors/{self._name}/runs?limit=1000") or []
        newest: dict[str, str] = {}
        for run in runs:
            newest.setdefault(run["stream"], run["outcome"])
        return all(newest.get(stream) == "caught_up" for stream in streams)

    def _get(self, path: str) -> Any:
        return self._workers[-1].get(path)
