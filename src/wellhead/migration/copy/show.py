"""Takes a job's state again and again, gives how far it is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wellhead.clock import Clock

if TYPE_CHECKING:  # what only counts documents needs no broker
    from wellhead.migration.copy.process import MigrationProcess
    from wellhead.migration.copy.state import JobState

_WINDOW_SECS = 30.0
_LINE_SECS = 10.0

Tell = Callable[[], None]


class Pulse:
    """How fast documents go over, by what was read in the last half minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def take(self, docs: int) -> float:
        """Take in how many were read so far; give documents a second."""
        now_secs = self._clock.monotonic_secs()
        self._seen.append((now_secs, docs))
        while now_secs - self._seen[0][0] > _WINDOW_SECS:
            self._seen.popleft()
        since_secs, before = self._seen[0]
        return (docs - before) / (now_secs - since_secs) if now_secs > since_secs else 0.0


def time_left(docs: int, rate: float) -> str:
    """Give how long `docs` take at `rate`, as 1:02:03; `?` where nobody can know."""
    if rate <= 0:
        return "?"
    secs = round(docs / rate)
    return f"{secs // 3600}:{secs // 60 % 60:02}:{secs % 60:02}"


@contextmanager
def shown(state: JobState, process: MigrationProcess, clock: Clock, *, live: bool) -> Iterator[Tell]:
    """Give what is to be called now and then while a job runs."""
    pulse = Pulse(clock)
    if not live:
        said_secs = [clock.monotonic_secs()]

        def say() -> None:
            now_secs = clock.monotonic_secs()
            line = _line(state, process, pulse)
            if now_secs - said_secs[0] >= _LINE_SECS:
                said_secs[0] = now_secs
                click.echo(line, err=True)

        yield say
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(process.name, total=None, said="planning")

        def draw() -> None:
            plan = state.plan
            read = state.tally().read
            bars.update(bar, total=plan.docs if plan else None, completed=read, said=_line(state, process, pulse))

        yield draw


def _line(state: JobState, process: MigrationProcess, pulse: Pulse) -> str:
    plan, tally = state.plan, state.tally()
    rate = pulse.take(tally.read)
    if plan is None:
        return process.trouble or "planning"
    done = sum(each.done for each in state.all_progress().values())
    parts = [
        f"{tally.read:,} of {plan.docs:,}",
        f"{rate:,.0f}/s",
        f"{time_left(max(0, plan.docs - tally.read), rate)} left",
        f"slices {done:,}/{plan.slices:,}",
        f"writes {process.gate.limit}",
        *([f"refused {tally.refused:,}"] if tally.refused else []),
        *([process.trouble] if process.trouble else []),
    ]
    return ", ".join(parts)
