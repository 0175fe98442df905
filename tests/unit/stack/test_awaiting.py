"""Waiting for a set of servers ends with a yes, or with what was wrong last."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from wellhead.stack.awaiting import wait_until
from wellhead.stack.errors import StartError

LOG = Path("/data/redis.log")


def answers(*given: bool | Exception) -> Callable[[], bool]:
    left = list(given)

    def ask() -> bool:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_it_asks_on_while_servers_are_silent_or_say_no():
    """An error is not a no for good: a server that starts refuses connections first."""
    ask = answers(RedisConnectionError("refused"), False, True)

    wait_until(ask, 60, "the set", LOG)

    assert ask() is True


def test_in_vain_is_told_with_the_last_error():
    """Who waits in vain is told for what, what was wrong last, and where to look."""
    with pytest.raises(StartError, match=r"in vain for the set \(refused\)\. See /data/redis\.log"):
        wait_until(answers(RedisConnectionError("refused")), 0, "the set", LOG)
