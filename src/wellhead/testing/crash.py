"""Takes a named point and a count, kills or freezes this process there; for proving that no point loses or doubles a record.

Run a deployment that dies on purpose, as by SIGKILL, or stands still until it gets SIGCONT::

    python -m wellhead.testing.crash --at before_commit:3 examples/01-wss.yaml
    python -m wellhead.testing.crash --at mid_produce --freeze examples/01-wss.yaml
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from wellhead.config.load import load
from wellhead.runtime.process import Process

POINTS = ("begin", "mid_produce", "before_commit", "after_commit")


def crash_at(point: str, count: int = 1, signum: signal.Signals = signal.SIGKILL) -> Callable[[str], None]:
    """Give a step that sends this process a signal, by default one it cannot hear, when `point` is reached for the `count`-th time."""
    if point not in POINTS:
        raise ValueError(f"unknown crash point {point!r}: it must be one of {', '.join(POINTS)}")
    if count < 1:
        raise ValueError(f"a point cannot be reached for the {count}-th time: count from 1")
    reached = 0

    def step(name: str) -> None:
        nonlocal reached
        if name == point:
            reached += 1
            if reached == count:
                os.kill(os.getpid(), signum)

    return step


async def _run(paths: list[Path], overrides: list[str], step: Callable[[str], None]) -> bool:
    deployment = load(paths, overrides=overrides, environ=os.environ)
    async with Process(deployment, worker_id="crash-test", once=True, step=step) as process:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, process.worker.stop)
        await process.worker.run()
        return process.worker.failed


def main() -> None:
    """Run a deployment once, with a crash in it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--at", metavar="POINT[:COUNT]", help=f"where to die: {', '.join(POINTS)}")
    parser.add_argument("--freeze", action="store_true", help="stand still there (SIGSTOP) instead of dying")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    point, _, count = (given.at or "").partition(":")
    signum = signal.SIGSTOP if given.freeze else signal.SIGKILL
    step = crash_at(point, int(count or 1), signum) if point else lambda _name: None
    raise SystemExit(asyncio.run(_run(given.files, given.set, step)))


if __name__ == "__main__":
    main()
