"""Takes something to do, does it beside everything else, gives its outcome when asked for it; never keeps a demo from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(name: str, work: Callable[[], T]) -> Future[T]:
    """Begin it in a thread of its own, which nobody waits for who does not ask for the outcome."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the outcome is asked for
            outcome.set_exception(error)

    threading.Thread(target=run, name=f"demo-{name}", daemon=True).start()
    return outcome
