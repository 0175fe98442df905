"""Takes a script of answers, gives a client that pushes them, for the receivers of pushed events; never opens a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from wellhead.http.answer import Answer
from wellhead.http.lost import StreamLost

HOLD = "hold"
"""In a script: nothing comes any more, until the connection is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAnswer(Answer):
    """An answer whose body is what the script says."""

    pieces: list
    progress: list = field(default_factory=list)

    async def chunks(self) -> AsyncIterator[bytes]:
        async for piece in played(self.pieces):
            yield piece

    def progressed(self) -> None:
        self.progress.append(True)

    def without_progress(self) -> StreamLost:
        return StreamLost("no event came", "no_progress")


class ScriptedSocket:
    """A WebSocket whose messages are what the script says."""

    def __init__(self, pieces: list) -> None:
        self.pieces = pieces
        self.sent: list[str] = []
        self.progress: list[bool] = []

    async def messages(self) -> AsyncIterator[str | bytes]:
        async for piece in played(self.pieces):
            yield piece

    async def send(self, text: str) -> None:
        self.sent.append(text)

    def progressed(self) -> None:
        self.progress.append(True)


@dataclass
class Asked:
    """A connection that was asked for."""

    url: str
    method: str = "GET"
    headers: dict = field(default_factory=dict)
    content: bytes | None = None
    limits: dict = field(default_factory=dict)


class ScriptedHttp:
    """A client that gives one scripted answer a connection, and the last one again and again.

    Attributes:
        asked: Every connection so far.
        open: How many are open now.
    """

    def __init__(self, *answers) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []
        self.troubles: dict[str, str] = {}
        self.open = 0

    @asynccontextmanager
    async def stream(self, url, *, method="GET", params=None, headers=None, content=None, **limits):
        assert params is None
        self.asked.append(Asked(url, method, dict(headers or {}), content, limits))
        async with self._opened() as answer:
            yield answer

    @asynccontextmanager
    async def websocket(self, url, *, headers=None, subprotocols=(), **limits):
        assert subprotocols == ()
        self.asked.append(Asked(url, headers=dict(headers or {}), limits=limits))
        async with self._opened() as socket:
            yield socket

    @asynccontextmanager
    async def _opened(self):
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        self.open += 1
        try:
            yield answer
        finally:
            self.open -= 1


async def played(pieces):
    """Give the pieces of a script, one a turn of the loop; raise what is an error."""
    for piece in pieces:
        await asyncio.sleep(0)
        if isinstance(piece, Exception):
            raise piece
        if piece is HOLD:
            await asyncio.Event().wait()
        yield piece


def answered(*pieces, status=200, kind="text/event-stream", **headers):
    """Give an answer whose body comes in these pieces."""
    named = {"content-type": kind} if kind else {}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return ScriptedAnswer(status=status, headers=httpx.Headers(named), call="GET push.example/events", pieces=list(pieces))
