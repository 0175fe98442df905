"""Takes a request, gives an answer that does not end, piece by piece as it is asked for; closes its connection with the block, never reads ahead."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

import httpx

from wellhead.config.http import HttpSettings
from wellhead.errors import TemporaryError
from wellhead.http.answer import Answer
from wellhead.http.failure import BrokenCallError, failure_of
from wellhead.http.lost import Reason, StreamLost, reason_of
from wellhead.http.permit import Permit
from wellhead.http.sockets import SocketLedger
from wellhead.http.watch import Watch

_CLOSE_SECS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAnswer(Answer):
    """An answer whose body is still coming; good within its `async with` block."""

    _response: httpx.Response = field(repr=False)
    _watch: Watch = field(repr=False)
    _permit: Permit = field(repr=False)
    _max_error_bytes: int = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece, content encoding removed; ends where the server ends it properly.

        Nothing is read while the last piece is not taken back, and that is no silence.

        Raises:
            StreamLost: The connection is no more, or may as well not be.
        """
        async with aclosing(cast("AsyncGenerator[bytes]", self._response.aiter_bytes())) as pieces:
            while True:
                try:
                    piece = await self._watch.next(lambda: anext(pieces, None))
                except (httpx.HTTPError, httpx.StreamError, ssl.SSLError) as error:
                    raise self._lost(reason_of(error)) from None
                except StreamLost as lost:
                    raise self._lost(lost.reason) from None
                if piece is None:
                    return
                if piece:
                    yield piece

    async def text(self) -> str:
        """Give the body of an answer that is none to listen to, such as an error page, as far as it may go."""
        body = bytearray()
        async with aclosing(cast("AsyncGenerator[bytes]", self.chunks())) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) >= self._max_error_bytes:
                    break
        return bytes(body[: self._max_error_bytes]).decode(errors="replace")

    def progressed(self) -> None:
        """Say that an event came: what is watched beside the bytes."""
        self._watch.progressed()

    def without_progress(self) -> StreamLost:
        """Give the error that says that no event came for too long, for who watches over several answers."""
        return self._lost("no_progress")

    def _lost(self, reason: Reason) -> StreamLost:
        lost = self._watch.lost(self._permit.ended or reason)
        self._permit.ended = lost.reason
        return lost


class Opener:
    """Opens connections that live.

    Args:
        client: Through which.
        sockets: Where each is counted.
        settings: How long an answer may take.
    """

    def __init__(self, client: httpx.AsyncClient, sockets: SocketLedger, settings: HttpSettings) -> None:
        self._client = client
        self._sockets = sockets
        self._settings = settings

    @asynccontextmanager
    async def opened(
        self,
        request: httpx.Request,
        call: str,
        permit: Permit,
        on_answer: Callable[[httpx.Response | None], None],
        *,
        silence_secs: float,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and give its open answer; on the way out its socket is closed, whatever is still coming.

        An answer may begin as late as a silence may last: a long poll's does.

        Raises:
            TemporaryError: No answer came.
            PermanentError: The request cannot be made, or the certificate is not trusted.
        """
        response: httpx.Response | None = None
        try:
            response = await self._answered(request, call, self._settings.connect_timeout_secs + silence_secs)
        finally:
            on_answer(response)
        permit.opened(lambda: _close(response))
        try:
            permit.refuse_if_ended(call)
            yield response
        finally:
            await asyncio.shield(_close(response))

    async def _answered(self, request: httpx.Request, call: str, wait_secs: float) -> httpx.Response:
        settings = self._settings
        try:
            async with asyncio.timeout(wait_secs), self._sockets.lent():
                return await self._client.send(request, stream=True)
        except TimeoutError:
            raise TemporaryError(f"{call}: no answer within {wait_secs:g} s; it will be tried again") from None
        except ssl.SSLError:
            raise TemporaryError(f"{call}: the TLS connection was damaged; it will be tried again") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = failure_of(error, call, settings, None)
            if isinstance(failure, BrokenCallError):
                raise TemporaryError(f"{call}: {failure.reason}; it will be tried again") from None
            raise failure from None


async def _close(response: httpx.Response) -> None:
    """Close the answer and, should that not have done it, its socket: this connection is never used again."""
    socket = response.extensions.get("network_stream")
    with suppress(Exception):
        async with asyncio.timeout(_CLOSE_SECS):
            await response.aclose()
    if socket is not None:
        with suppress(Exception):
            await socket.aclose()
