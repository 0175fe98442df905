"""Takes a question, gives back control once servers answer yes to it, never waits without bound."""

import time
from collections.abc import Callable
from pathlib import Path

from wellhead.stack.errors import StartError

POLL_SECS = 0.05


def wait_until(holds: Callable[[], bool], timeout_secs: float, what: str, log: Path) -> None:
    """Ask until the answer is yes; a server that does not answer has not said yes.

    Args:
        holds: The question.
        timeout_secs: How long to ask.
        what: What is waited for, for the message.
        log: Where to look when it does not come.

    Raises:
        StartError: it did not come in time.
    """
    from redis.exceptions import RedisError  # noqa: PLC0415 - the command line imports this module for every verb

    give_up = time.monotonic() + timeout_secs
    last: Exception | None = None
    while True:
        try:
            if holds():
                return
        except (OSError, RedisError) as error:
            last = error
        if time.monotonic() > give_up:
            raise StartError(
                f"waited {timeout_secs:.0f} s in vain for {what}{f' ({last})' if last else ''}. See {log}"
            ) from last
        time.sleep(POLL_SECS)
