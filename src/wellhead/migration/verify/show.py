"""Takes how many documents are done, shows it as a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import click

from wellhead.clock import Clock
from wellhead.migration.copy.show import time_left
from wellhead.migration.verify.findings import Progress

_LINE_SECS = 10.0


@dataclass(slots=True)
class _Numbers:
    """What is known so far."""

    expected: int = 0
    done: int = 0
    differing: int = 0


@contextmanager
def shown(clock: Clock, *, live: bool) -> Iterator[tuple[Progress, Callable[[int], None]]]:
    """Give whom to tell of documents that are done, and of those to expect; both may be called by any thread."""
    numbers, lock, began_secs = _Numbers(), threading.Lock(), clock.monotonic_secs()
    draw: AbstractContextManager[Tell] = _drawing() if live else _saying(clock)

    def progress(_kind: str, docs: int, differences: int) -> None:
        with lock:
            numbers.done += docs
            numbers.differing += differences
            rate = numbers.done / max(clock.monotonic_secs() - began_secs, 1e-3)
            tell(numbers, _line(numbers, rate))

    def expect(docs: int) -> None:
        with lock:
            numbers.expected += docs

    with draw as tell:
        yield progress, expect


def _line(numbers: _Numbers, rate: float) -> str:
    left = time_left(max(0, numbers.expected - numbers.done), rate)
    seen = f", {numbers.differing:,} to look at again" if numbers.differing else ""
    return f"{numbers.done:,} of {numbers.expected:,}, {rate:,.0f}/s, {left} left{seen}"


Tell = Callable[[_Numbers, str], None]


@contextmanager
def _saying(clock: Clock) -> Iterator[Tell]:
    said_secs = clock.monotonic_secs()

    def tell(_numbers: _Numbers, line: str) -> None:
        nonlocal said_secs
        if clock.monotonic_secs() - said_secs >= _LINE_SECS:
            said_secs = clock.monotonic_secs()
            click.echo(line, err=True)

    yield tell


@contextmanager
def _drawing() -> Iterator[Tell]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (TextColumn("comparing"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"))
    with Bars(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("", total=None, said="")

        def tell(numbers: _Numbers, line: str) -> None:
            bars.update(bar, total=max(numbers.expected, 1), completed=min(numbers.done, numbers.expected), said=line)

        yield tell
