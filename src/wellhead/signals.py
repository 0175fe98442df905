"""Takes what ends a process cleanly, has Ctrl-C and SIGTERM do it; a second one ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPED = 130
"""Exit code of a process that was told to stop."""


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGINT or SIGTERM; must be called on the running event loop."""
    stopping = 0

    def on_signal() -> None:
        nonlocal stopping
        stopping += 1
        if stopping > 1:
            os._exit(STOPPED)
        stop()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, on_signal)


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Have the first SIGINT or SIGTERM within the block set `stop`; for a process without an event loop, on its main thread."""

    def on_signal(_number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(STOPPED)
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
