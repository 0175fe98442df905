"""The webgateway tasks, polled as the runtime polls them, with lines as their records."""

import asyncio
import inspect
from contextlib import asynccontextmanager, suppress

import pytest

from connectors.webgateway.files import FilesTask
from connectors.webgateway.options import FilesConfig, FormatConfig, SyslogConfig
from connectors.webgateway.syslog import SyslogTask
from wellhead.api import TaskContext
from wellhead.clock import SystemClock


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is a coroutine on a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**wanted))
    return True


class Options(FilesConfig, SyslogConfig, FormatConfig):
    """All options."""


class Plain:
    """Gives each line as a record of one column; what a line means is another's claim."""

    def _decoded(self, texts):
        pairs = texts.items() if isinstance(texts, dict) else texts
        rows = [{"about": about, "line": line} for about, lines in pairs for line in lines.splitlines()]
        return rows, [], {}


class PlainFiles(Plain, FilesTask):
    """Log files, line by line."""


class PlainSyslog(Plain, SyslogTask):
    """Messages, line by line."""


class Polled:
    """One poll of a task, and what it gave."""

    def __init__(self, task, cursor):
        self.task = task
        self.batches = []
        self.came = asyncio.Event()
        self.commits = True
        self._source = task.poll(cursor)

    async def run(self):
        try:
            async for batch in self._source:
                self.batches.append(batch)
                if self.commits:
                    await self.task.committed(batch.cursor)
                self.came.set()
        finally:
            await self._source.aclose()

    def lines(self):
        return [row["line"] for batch in self.batches for row in batch.table]

    def rejects(self):
        return [reject for batch in self.batches for reject in batch.rejects]

    async def until(self, reached):
        async with asyncio.timeout(60):
            while not reached():
                self.came.clear()
                await self.came.wait()


class Bench:
    """Makes tasks of one kind."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = folder
        self.reports = []
        self.clock = SystemClock()

    def task(self, **options):
        def report(event, message, **fields):
            self.reports.append((event, message, fields))

        context = TaskContext(http=None, clock=self.clock, spool_dir=self.folder, report=report)
        return self.kind(Options(**options), "stream", context)

    @asynccontextmanager
    async def polling(self, cursor=None, *, task=None, **options):
        polled = Polled(task or self.task(**options), cursor)
        running = asyncio.create_task(polled.run())
        try:
            yield polled
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


@pytest.fixture
def files_bench(tmp_path):
    return Bench(PlainFiles, tmp_path)


@pytest.fixture
def syslog_bench(tmp_path):
    return Bench(PlainSyslog, tmp_path)
