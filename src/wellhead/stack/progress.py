"""Takes downloaded byte counts, gives a bar on a terminal and plain lines elsewhere, never prints for work already done."""

import sys
import threading
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY_PERCENT = 20
MEBIBYTE = 1024 * 1024


class Reporter(Protocol):
    """What downloads and one-time preparations tell while they run; called from any thread."""

    def downloading(self, files: int, total_bytes: int) -> AbstractContextManager["Meter"]:
        """Open a meter for a set of downloads."""
        ...

    def say(self, line: str) -> None:
        """Tell one line about a one-time preparation."""
        ...


class Meter(Protocol):
    """Counts bytes as they arrive."""

    def advance(self, size_bytes: int) -> None: ...


class ConsoleReporter:
    """Reports on a text stream (stderr by default), with a bar when it is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def downloading(self, files: int, total_bytes: int) -> AbstractContextManager[Meter]:
        stream = self._stream or sys.stderr
        self.say(f"downloading {files} file{'' if files == 1 else 's'}, {total_bytes / MEBIBYTE:.0f} MiB")
        return _Bar(stream, total_bytes) if stream.isatty() else _Lines(self, total_bytes)

    def say(self, line: str) -> None:
        print(f"stack: {line}", file=self._stream or sys.stderr, flush=True)


class _Lines:
    def __init__(self, reporter: ConsoleReporter, total_bytes: int) -> None:
        self._reporter = reporter
        self._total_bytes = max(total_bytes, 1)
        self._done_bytes = 0
        self._next_percent = LINE_EVERY_PERCENT
        self._guard = threading.Lock()

    def advance(self, size_bytes: int) -> None:
        with self._guard:
            self._done_bytes += size_bytes
            percent = 100 * self._done_bytes // self._total_bytes
            if percent < self._next_percent:
                return
            self._next_percent = percent - percent % LINE_EVERY_PERCENT + LINE_EVERY_PERCENT
        self._reporter.say(f"downloaded {min(percent, 100)} %")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class _Bar:
    def __init__(self, stream: TextIO, total_bytes: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - only downloads on a terminal need it
        from rich.progress import (  # noqa: PLC0415 - as above
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )

        columns = (TextColumn("stack"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
        self._progress = Progress(*columns, console=Console(file=stream), transient=True)
        self._task: TaskID = self._progress.add_task("download", total=total_bytes)

    def advance(self, size_bytes: int) -> None:
        self._progress.advance(self._task, size_bytes)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()
