"""Takes an address, gives the messages of its WebSocket one by one as they are asked for; closes the socket with its block, never reads far ahead."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    PayloadTooBig,
    ProxyError,
    WebSocketException,
)
from websockets.typing import Subprotocol

from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http.answer import Answer
from wellhead.http.call import Call
from wellhead.http.failure import untrusted
from wellhead.http.hints import retry_after_secs
from wellhead.http.lost import Reason, StreamLost, reason_of
from wellhead.http.permit import Permit
from wellhead.http.sockets import dead_peer_options
from wellhead.http.transport import trusted_authorities
from wellhead.http.watch import Watch

_CLOSE_SECS: Final = 0.5
_FRAMES_AHEAD: Final = 4
_TOO_BIG: Final = 1009


class LiveSocket:
    """An open WebSocket; good within its `async with` block.

    A server that says nothing is asked by a ping whether it is there, so that silence is found although messages are rare.
    """

    def __init__(self, connection: ClientConnection, watch: Watch, permit: Permit, silence_secs: float, call: str) -> None:
        self._connection = connection
        self._watch = watch
        self._permit = permit
        self._silence_secs = silence_secs
        self._call = call

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Give the messages; ends where the server closes properly.

        Raises:
            StreamLost: The connection is no more, or may as well not be.
            PermanentError: A message is larger than it may be.
        """
        while True:
            try:
                message = await self._watch.next(self._next)
            except ConnectionClosedOK:
                if self._permit.ended is not None:
                    raise self._lost(self._permit.ended) from None
                return
            except ConnectionClosed as closed:
                raise self._closed(closed) from None
            except StreamLost as lost:
                raise self._lost(lost.reason) from None
            if message is not None:
                yield message

    async def send(self, text: str) -> None:
        """Send a message, such as what to subscribe to.

        Raises:
            StreamLost: It cannot be sent within the time a silence may last.
        """
        try:
            async with asyncio.timeout(self._silence_secs):
                await self._connection.send(text)
        except TimeoutError:
            raise self._lost("silent") from None
        except ConnectionClosed as closed:
            raise self._closed(closed) from None

    def progressed(self) -> None:
        """Say that an event came: what is watched beside the bytes."""
        self._watch.progressed()

    async def _next(self) -> str | bytes | None:
        """Give the next message; None where there is none, but the peer answered a ping.

        Raises:
            TimeoutError: It did not answer one either.
        """
        try:
            async with asyncio.timeout(self._silence_secs / 2):
                return await self._connection.recv()
        except TimeoutError:
            answered = await self._connection.ping()
        receiving = asyncio.ensure_future(self._connection.recv())
        try:
            waits = {receiving, asyncio.ensure_future(answered)}
            done, _ = await asyncio.wait(waits, timeout=self._silence_secs / 2, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                return receiving.result()
            if not done:
                raise TimeoutError
            return None
        finally:
            if not receiving.done():
                receiving.cancel()
                await asyncio.wait({receiving})

    def _closed(self, closed: ConnectionClosed) -> Exception:
        if closed.sent is not None and closed.sent.code == _TOO_BIG:
            return PermanentError(f"{self._call}: a message is larger than it may be; raise the option that bounds it")
        cause = closed.__cause__
        if isinstance(cause, PayloadTooBig):
            return PermanentError(f"{self._call}: a message is larger than it may be; raise the option that bounds it")
        return self._lost("cut" if cause is None else reason_of(closed))

    def _lost(self, reason: Reason) -> StreamLost:
        lost = self._watch.lost(self._permit.ended or reason)
        self._permit.ended = lost.reason
        return lost


class SocketOpener:
    """Opens WebSockets.

    Args:
        settings: The operator's `http.*` options.
        now_ms: Epoch milliseconds, for HTTP dates.
        opened: Counts the sockets that are open.
    """

    def __init__(self, settings: HttpSettings, now_ms: Callable[[], int], opened: set[ClientConnection]) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._opened = opened

    @asynccontextmanager
    async def opened(
        self,
        call: Call,
        permit: Permit,
        on_answer: Callable[[int | None], None],
        *,
        subprotocols: Sequence[str],
        max_message_bytes: int,
    ) -> AsyncIterator[ClientConnection]:
        """Give an open connection; on the way out its socket is closed within a second, whatever the server does.

        Raises:
            TemporaryError: It was not opened.
            PermanentError: The server refuses it, the address cannot be used, or the certificate is not trusted.
        """
        status: int | None = None
        try:
            connection = await self._connected(call, subprotocols, max_message_bytes)
            status = 101
        except _Refused as refused:
            status = refused.answer.status
            refused.answer.raise_for_status()
            raise PermanentError(f"{call.name}: {status} instead of a WebSocket; check the address") from None
        finally:
            on_answer(status)
        for option in dead_peer_options(self._settings):
            with suppress(OSError):
                connection.transport.get_extra_info("socket").setsockopt(*option)
        self._opened.add(connection)
        permit.opened(lambda: self._close(connection))
        try:
            permit.refuse_if_ended(call.name)
            yield connection
        finally:
            await asyncio.shield(self._close(connection))

    async def _connected(self, call: Call, subprotocols: Sequence[str], max_message_bytes: int) -> ClientConnection:
        settings = self._settings
        url = call.url.copy_with(scheme=call.url.scheme.replace("http", "ws"))
        proxy = settings.proxy_url.get_secret_value() if settings.proxy_url is not None else None
        words: dict[str, Any] = {"ssl": trusted_authorities(settings.ca_file)} if call.url.scheme == "https" else {}
        secs = settings.connect_timeout_secs
        try:
            return await _Connecting(
                str(url),
                additional_headers=list(call.headers.items()),
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                user_agent_header="wellhead",
                proxy=proxy,
                open_timeout=secs,
                ping_interval=None,
                close_timeout=_CLOSE_SECS,
                max_size=max_message_bytes,
                max_queue=_FRAMES_AHEAD,
                process_exception=lambda error: error,
                **words,
            )
        except TimeoutError:
            raise TemporaryError(f"{call.name}: no connection within {secs:g} s; it will be tried again") from None
        except InvalidStatus as error:
            raise _Refused(self._answer(call, error)) from None
        except (InvalidURI, InvalidProxy) as error:
            raise PermanentError(
                f"{call.name}: {type(error).__name__}: the address cannot be used; check the URL options"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise untrusted(error, call.name) from None
        except ProxyError:
            raise TemporaryError(f"{call.name}: the proxy did not connect; it will be tried again") from None
        except (InvalidHandshake, WebSocketException):
            raise TemporaryError(
                f"{call.name}: the server did not answer as a WebSocket does; it will be tried again"
            ) from None
        except OSError as error:
            why = "refused" if isinstance(error, ConnectionRefusedError) else "not opened"
            raise TemporaryError(f"{call.name}: the connection was {why}; it will be tried again") from None

    def _answer(self, call: Call, error: InvalidStatus) -> Answer:
        headers = httpx.Headers(list(error.response.headers.raw_items()))
        wait_secs = retry_after_secs(headers.get("retry-after"), now_ms=self._now_ms())
        return Answer(status=error.response.status_code, headers=headers, call=call.name, retry_after_secs=wait_secs)

    async def _close(self, connection: ClientConnection) -> None:
        with suppress(Exception):
            async with asyncio.timeout(2 * _CLOSE_SECS):
                await connection.close()
        connection.transport.abort()
        self._opened.discard(connection)


class _Connecting(connect):
    """Follows no redirect: the library would take the headers, secrets among them, to whatever address it is sent to."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class _Refused(Exception):  # noqa: N818 - says what happened
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer
