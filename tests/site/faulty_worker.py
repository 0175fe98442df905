"""Runs `wellhead worker` with accidents in it: it dies or freezes at a named point, and its wall clock jumps by a day when it is told to.

    python -m faulty_worker [--at POINT[:COUNT]] [--freeze] -c worker.json

SIGUSR1 moves its wall clock a day forward, SIGUSR2 a day back; time that only runs forward is left alone, as on a machine that is set.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from wellhead.clock import SystemClock
from wellhead.cluster.process import GroupProcess
from wellhead.config.load import load
from wellhead.config.worker import WorkerSettings
from wellhead.telemetry.logs import get_logger
from wellhead.testing.crash import crash_at

DAY_MS = 86_400_000


class SetClock(SystemClock):
    """The machine's time as it is after somebody has set the clock."""

    def __init__(self) -> None:
        self._moved_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self._moved_ms

    def set(self, by_ms: int) -> None:
        self._moved_ms += by_ms
        get_logger("test").info("clock_set", by_ms=by_ms)


async def run(settings: WorkerSettings, step: Callable[[str], None]) -> None:
    clock, loop = SetClock(), asyncio.get_running_loop()
    async with GroupProcess(settings, environ=os.environ, step=step, clock=clock) as process:
        loop.add_signal_handler(signal.SIGTERM, process.stop)
        loop.add_signal_handler(signal.SIGUSR1, clock.set, DAY_MS)
        loop.add_signal_handler(signal.SIGUSR2, clock.set, -DAY_MS)
        await process.run()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at")
    parser.add_argument("--freeze", action="store_true")
    parser.add_argument("-c", dest="config", type=Path, required=True)
    given = parser.parse_args()
    point, _, count = (given.at or "").partition(":")
    signum = signal.SIGSTOP if given.freeze else signal.SIGKILL
    step = crash_at(point, int(count or 1), signum) if point else lambda _name: None
    asyncio.run(run(load([given.config], environ=os.environ).worker, step))


if __name__ == "__main__":
    main()
