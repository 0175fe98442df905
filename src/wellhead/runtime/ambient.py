"""Takes a worker's settings, gives the logs, metrics and broker watch that all tasks of a process share; closes all of them in turn."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from wellhead.clock import Clock, SystemClock
from wellhead.config.worker import WorkerSettings
from wellhead.http.admission import Admission
from wellhead.http.load import process_load
from wellhead.kafka.broker import Broker
from wellhead.kafka.settings import admin_config
from wellhead.memory import tune_allocators
from wellhead.runtime.keeper import TopicKeeper
from wellhead.runtime.registrar import Registrar
from wellhead.runtime.sharedbudget import SharedBudgets
from wellhead.runtime.surroundings import Surroundings
from wellhead.telemetry.logs import configure, log_uncaught
from wellhead.telemetry.setup import Telemetry, TelemetrySettings

_THREADS = 32


def no_step(_name: str) -> None:
    """Do nothing: where a crash test would strike."""


class Ambient:
    """What a process has once, whatever it runs.

    Args:
        worker: The process's settings.
        secrets: What must not be seen in logs, as far as it is known yet; `redactor.add` takes more.
        once: End tasks when they are caught up once.
        step: Called at the named points where a crash must do no harm.
        worker_id: How the process is named in the history of cursors; None is the machine's name and the process's number.
    """

    def __init__(
        self,
        worker: WorkerSettings,
        secrets: Sequence[str],
        *,
        once: bool = False,
        step: Callable[[str], None] = no_step,
        clock: Clock | None = None,
        worker_id: str | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.version = importlib.metadata.version("wellhead")
        self.telemetry = Telemetry(TelemetrySettings.of(worker, self.version), self.clock)
        self.redactor = configure(worker.log_level, worker.log_format, secrets, otlp=self.telemetry.logger_provider)
        self.broker = Broker(admin_config(worker), clock=self.clock)
        self.budgets = SharedBudgets(worker, self.clock, Random())  # noqa: S311 - tells processes apart, guards nothing
        self.surroundings = Surroundings(
            worker, self.telemetry, self.broker, self.clock, Random(), step, self.redactor.text, self.budgets, once,  # noqa: S311 - jitter guards nothing
            worker_id=worker_id or f"{socket.gethostname()}:{os.getpid()}",
            topics=TopicKeeper(admin_config(worker), self.clock),
            registrar=Registrar(worker.schema_registry),
            streams=Admission(worker, self.clock, Random(), process_load),  # noqa: S311 - jitter guards nothing
        )  # fmt: skip

    def settle(self) -> None:
        """Take the process over: its uncaught errors, its allocators, and the threads of the event loop that runs."""
        log_uncaught()
        tune_allocators()
        # Python's own default is a handful: a few calls that wait for a broker would hold up every vendor's.
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wellhead")
        asyncio.get_running_loop().set_default_executor(threads)

    def close(self) -> None:
        """Let go of everything; the tasks have ended."""
        self.budgets.close()
        self.broker.close()
        self.telemetry.shutdown()
