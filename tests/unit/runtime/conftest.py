import asyncio
from inspect import signature
from random import Random
from types import SimpleNamespace

import pytest

from wellhead.api import Batch, Config, Cursor, SourceTask, Stream, TaskContext
from wellhead.config.connector import ConnectorSettings
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.kept import KeptTask
from wellhead.runtime.lane import LaneSupervisor
from wellhead.runtime.prepare import Prepared
from wellhead.runtime.runner import TaskRunner
from wellhead.runtime.supervise import TaskSupervisor
from wellhead.runtime.turns import Turns
from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.telemetry.setup import Telemetry, TelemetrySettings
from wellhead.testing.clock import FakeClock


class Place(Cursor):
    at: int = 0
    quiet_until: int | None = None

    def not_before_ms(self) -> int | None:
        return self.quiet_until


class MemoryLedger:
    """Keeps commits in a list; the real one is proven on a real broker."""

    def __init__(self) -> None:
        self.commits = []
        self.cursor = None
        self.is_open = self.interrupted = self.at_rest = False
        self.opening = asyncio.Event()
        self.may_open = asyncio.Event()
        self.may_open.set()

    async def open(self, *, look_again=False):
        self.opening.set()
        await self.may_open.wait()
        self.is_open = True
        return self.cursor

    async def write(self, batch, headers):
        return 0

    async def commit(self, cursor, extra=(), *, run_open=True, **_told):
        self.commits.append((cursor, extra))
        self.cursor = cursor or self.cursor
        self.at_rest = self.cursor is not None and not run_open

    async def close(self):
        self.is_open = False

    def interrupt(self):
        """Nothing here waits for a broker."""

    def shutdown(self):
        """There is no thread to end."""


class PassThrough:
    """Stands for the encoder, whose work does not matter here."""

    def transform(self, batch, seen):
        return batch

    def encode(self, batch):
        rows = len(batch.table)
        return Prepared(cursor=batch.cursor, values=[b"x"] * rows, filtered=dict(batch.filtered))


@pytest.fixture
def supervised():
    """Make a supervisor of a task that polls with the given async generator function, on a clock that costs no time."""

    def make(
        poll,
        *,
        clock=None,
        start=None,
        once=False,
        live=False,
        turns=None,
        door=None,
        backfill=None,
        outlives=False,
        **settings,
    ):
        clock = clock or FakeClock(auto=True)
        ledger = MemoryLedger()

        async def close_idle() -> None:
            """There are no connections."""

        class Task(SourceTask):
            outlives_rollback = outlives

            def poll(self, cursor):
                return poll(cursor) if len(signature(poll).parameters) == 1 else poll(self, cursor)

        stream = Stream("s", Task, Place, "x.s", "A stream.", interval_secs=60, live=live)
        identity = TaskIdentity("c", 0, stream, "t", backfill=backfill.id if backfill else "")
        telemetry = TaskTelemetry(Telemetry(TelemetrySettings("0", prometheus=False), clock), **identity.metric_names)
        loaded = ConnectorSettings.model_validate({"name": "c", "connector.class": "x", "poll.jitter.ratio": 0, **settings})
        context = TaskContext(SimpleNamespace(close_idle=close_idle), clock, None, lambda *_a, **_k: None)

        kept = KeptTask(lambda: Task(Config(), "s", context))

        async def begin():
            if start is not None:
                start()
            one = kept.start()
            return lambda: TaskRunner(
                task=one,
                preparer=PassThrough(),
                ledger=ledger,
                settings=loaded,
                runs_topic="runs",
                telemetry=telemetry,
                clock=clock,
                redact=str,
                live=live,
            )

        async def seen(_from_ms):
            return None

        lane = {"backfill": backfill, "first": Place(at=0)} if backfill else {}
        supervisor = (LaneSupervisor if backfill else TaskSupervisor)(
            **lane,
            door=door,
            identity=identity,
            ledger=ledger,
            start=begin,
            forget=kept.forget,
            seen=seen,
            waiting=lambda: "",
            turns=turns or Turns(1),
            settings=loaded,
            telemetry=telemetry,
            clock=clock,
            random=Random(1),
            once=once,
        )
        return SimpleNamespace(supervisor=supervisor, ledger=ledger, clock=clock, telemetry=telemetry)

    return make


@pytest.fixture
def batch():
    """Make a batch of so many rows with a cursor after them."""
    return lambda at, rows=1, **place: Batch([{}] * rows, Place(at=at, **place))
