"""Takes a client, gives it the calls whose answers live: streams and WebSockets; each is one connection and one attempt."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from wellhead.clock import Clock
from wellhead.config.http import HttpSettings
from wellhead.errors import TemporaryError
from wellhead.http.call import Call, Params, build_call
from wellhead.http.live import LiveAnswer, Opener
from wellhead.http.permit import Permit
from wellhead.http.record import CallRecord, OnCall
from wellhead.http.redact import Redactor
from wellhead.http.streams import Streams
from wellhead.http.watch import Watch

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from wellhead.http.websocket import LiveSocket

MAX_TOLD_BYTES = 1024 * 1024


class LiveCalls(ABC):
    """The part of `HttpClient` that opens connections which live."""

    _settings: HttpSettings
    _clock: Clock
    _gate: Callable[[], Awaitable[None]] | None
    _on_call: OnCall | None
    _redactor: Redactor
    _client: httpx.AsyncClient
    _opener: Opener
    _streams: Streams
    _web_sockets: set[ClientConnection]
    _permits: set[Permit]
    _closed: bool
    troubles: dict[str, str]
    """By name, which of many connections cannot be made, and why; kept by who keeps them, shown in the task's status."""

    @property
    def trouble(self) -> str:
        """What a person should know while the others are well; empty where all are."""
        if not self.troubles:
            return ""
        name, why = next(iter(self.troubles.items()))
        more = f" ({len(self.troubles) - 1} more have failed)" if len(self.troubles) > 1 else ""
        return f"channel {name} has failed, others go on: {why}{more}"

    @abstractmethod
    def _account(self, request: httpx.Request, response: httpx.Response | None, secs: float, *, retried: bool) -> None: ...

    @abstractmethod
    def _retry_after(self, answer: httpx.Response) -> float | None: ...

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        method: str = "GET",
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        silence_secs: float,
        progress_secs: float | None = None,
        max_error_bytes: int = MAX_TOLD_BYTES,
    ) -> AsyncIterator[LiveAnswer]:
        """Give the answer, whatever its status, with a body that goes on for as long as the block; its socket ends with it.

        One connection and one attempt: what to do after it ended is for who knows where to go on. Redirects are answers.

        Args:
            url: As in `request`.
            method: As in `request`.
            params: As in `request`.
            headers: As in `request`.
            content: As in `request`.
            silence_secs: Longest wait for a byte.
            progress_secs: Longest wait for `LiveAnswer.progressed`, while bytes come; None waits for ever.
            max_error_bytes: Most that `LiveAnswer.text` gives.

        Raises:
            TemporaryError: No answer came.
            PermanentError: The request cannot be made, or the certificate is not trusted.
        """
        call = build_call(method, url, self._redactor, params=params, headers=headers, content=content)
        async with self._admitted(call) as permit:
            timeout = httpx.Timeout(connect=self._settings.connect_timeout_secs, read=None, write=silence_secs, pool=None)
            request = self._client.build_request(
                call.method, call.url, headers=call.headers, content=call.content, timeout=timeout
            )
            watch = Watch(call.name, silence_secs=silence_secs, progress_secs=progress_secs, clock=self._clock)
            account = self._accounting(request)
            async with self._opener.opened(request, call.name, permit, account, silence_secs=silence_secs) as response:
                yield LiveAnswer(
                    status=response.status_code,
                    headers=response.headers,
                    call=call.name,
                    retry_after_secs=self._retry_after(response),
                    _response=response,
                    _watch=watch,
                    _permit=permit,
                    _max_error_bytes=max_error_bytes,
                )

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        silence_secs: float,
        progress_secs: float | None = None,
        max_message_bytes: int = MAX_TOLD_BYTES,
    ) -> AsyncIterator[LiveSocket]:
        """Give an open WebSocket; its socket ends with the block. One connection and one attempt, as in `stream`.

        Args:
            url: http(s) or ws(s).
            headers: Sent with the handshake.
            subprotocols: To choose from.
            silence_secs: Longest wait for a message, or for the answer to a ping.
            progress_secs: As in `stream`.
            max_message_bytes: The longest message accepted.

        Raises:
            TemporaryError: It was not opened.
            PermanentError: The server refuses it, the address cannot be used, or the certificate is not trusted.
        """
        from wellhead.http.websocket import LiveSocket, SocketOpener  # noqa: PLC0415 - who opens none need not load it

        call = build_call("GET", re.sub(r"^ws(s?)://", r"http\1://", url), self._redactor, headers=headers)
        async with self._admitted(call) as permit:
            began_secs = self._clock.monotonic_secs()

            def account(status: int | None) -> None:
                secs = self._clock.monotonic_secs() - began_secs
                self._tell(CallRecord(call.url.host, "GET", status, secs, 0, retried=False, quota_remaining=None))

            opener = SocketOpener(self._settings, self._clock.now_ms, self._web_sockets)
            async with opener.opened(
                call, permit, account, subprotocols=subprotocols, max_message_bytes=max_message_bytes
            ) as connection:
                watch = Watch(call.name, silence_secs=silence_secs, progress_secs=progress_secs, clock=self._clock)
                yield LiveSocket(connection, watch, permit, silence_secs, call.name)

    @asynccontextmanager
    async def _admitted(self, call: Call) -> AsyncIterator[Permit]:
        """Wait for one's turn and until the vendor may be asked; the permit hears when the client is closed."""
        async with self._streams.admitted(call.url.netloc.decode("ascii"), call.name) as permit:
            await self._may_ask(call)
            permit.is_asked = True
            self._permits.add(permit)
            try:
                yield permit
            finally:
                self._permits.discard(permit)

    def _close_permits(self) -> None:
        """Say to all live connections that it is the client that ends them."""
        for permit in self._permits:
            permit.ended = permit.ended or "closed"

    async def _may_ask(self, call: Call) -> None:
        if self._gate is not None:
            await self._gate()
        if self._closed:
            raise TemporaryError(f"{call.name}: the HTTP client is closed")

    def _accounting(self, request: httpx.Request) -> Callable[[httpx.Response | None], None]:
        """Give what accounts for a call once its answer began: one that lives for a day is not a slow one."""
        began_secs = self._clock.monotonic_secs()
        return lambda response: self._account(request, response, self._clock.monotonic_secs() - began_secs, retried=False)

    def _tell(self, record: CallRecord) -> None:
        if self._on_call is not None:
            self._on_call(record)
