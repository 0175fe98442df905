"""Starts a Redis and an OpenSearch while other things go on, gives their addresses once they serve, never leaves one running."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Self

from wellhead.demo.aside import aside
from wellhead.stack import RedisServer, SearchServer


class Beside:
    """Both servers, in throw-away folders; a `with` block begins their start and does not wait for it."""

    def __init__(self) -> None:
        self._starting: tuple[Future[RedisServer], Future[SearchServer]] | None = None

    def __enter__(self) -> Self:
        self._starting = aside("redis", _redis), aside("search", _search)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for starting in self._starting or ():
            # Where something went wrong nobody waits for a start; what it starts dies with this process.
            if (error is None or starting.done()) and starting.exception() is None:
                starting.result().close()

    def urls(self) -> tuple[str, str]:
        """Give where Redis and the store are, once both serve.

        Raises:
            StackError: One did not start; the message quotes its log.
        """
        assert self._starting is not None
        redis, search = self._starting
        return redis.result().url, search.result().url


def _redis() -> RedisServer:
    server = RedisServer()
    server.start()
    return server


def _search() -> SearchServer:
    server = SearchServer("opensearch")
    server.start()
    return server
