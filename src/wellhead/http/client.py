"""Takes a URL, gives the vendor's answer in memory or in a file, never waits without bound, leaks a socket or shows a secret."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

import httpx

from wellhead.clock import Clock
from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http.answer import Answer, Download, Response
from wellhead.http.call import Call, Params, build_call
from wellhead.http.exchange import exchange, open_client
from wellhead.http.failure import BrokenCallError, failure_of
from wellhead.http.hints import quota_hint, retry_after_secs
from wellhead.http.live import Opener
from wellhead.http.livecalls import LiveCalls
from wellhead.http.permit import Permit
from wellhead.http.record import CallRecord, OnCall, trace
from wellhead.http.redact import Redactor
from wellhead.http.retry import RetryPolicy
from wellhead.http.sockets import SocketLedger, dead_peer_options
from wellhead.http.spool import Spool, open_spool
from wellhead.http.streams import Streams, Unlimited
from wellhead.http.transport import LedgerTransport

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

A = TypeVar("A", bound=Answer)

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_PAGE_BYTES = 1024 * 1024
Read = Callable[[httpx.Response], Awaitable[A]]


class HttpClient(LiveCalls):
    """The one way to a vendor. Belongs to one event loop; close it with `aclose` or `async with`.

    Args:
        settings: The operator's `http.*` options.
        clock: Times waits between attempts and reads HTTP dates; network timeouts run on the event loop's own time.
        gate: Awaited before every attempt; it blocks while the vendor must not be asked, and may raise.
        on_call: Told of every attempt, also failed and cancelled ones.
        secrets: Values masked wherever they appear in messages and traces.
        random: Draws the jitter.
        streams: Admits live connections; None admits all.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        clock: Clock,
        gate: Callable[[], Awaitable[None]] | None = None,
        on_call: OnCall | None = None,
        secrets: Sequence[str] = (),
        random: Random | None = None,
        streams: Streams | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._gate = gate
        self._on_call = on_call
        self._redactor = Redactor(secrets)
        self._policy = RetryPolicy(settings, random or Random())  # noqa: S311 - jitter guards nothing
        self._sockets = SocketLedger(dead_peer_options(settings))
        self._transport = LedgerTransport(settings, self._sockets)
        self._client = open_client(settings, self._transport)
        self._opener = Opener(self._client, self._sockets, settings)
        self._web_sockets: set[ClientConnection] = set()
        self.troubles = {}
        self._permits: set[Permit] = set()
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(settings.max_connections_per_host)
        )
        self._streams = streams or Unlimited()
        self._closed = False

    @property
    def open_connections(self) -> int:
        """How many sockets are open now, idle ones included."""
        return self._sockets.open_count + len(self._web_sockets)

    async def get(
        self,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """`request("GET", ...)`."""
        return await self.request("GET", url, params=params, headers=headers, max_bytes=max_bytes)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        idempotent: bool | None = None,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """Give the answer, whatever its status, once it came whole.

        Failed connections, cut bodies and 5xx are tried again in place, as are 429 and 503 with a short Retry-After.

        Args:
            method: In capitals.
            url: May hold a query; `params` are merged into it.
            params: Query values; None is sent as empty.
            headers: Sent to this host only.
            content: The request's body.
            idempotent: Whether an unanswered request may be repeated; None means yes for GET, HEAD, OPTIONS, PUT and DELETE.
            max_bytes: The longest body accepted, content encoding removed.

        Raises:
            TemporaryError: No whole answer came.
            PermanentError: The request cannot be made, the certificate is not trusted, or the body is too long.
        """
        call = build_call(
            method, url, self._redactor, params=params, headers=headers, content=content, idempotent=idempotent
        )  # fmt: skip

        async def read(answer: httpx.Response) -> Response:
            return Response(
                status=answer.status_code,
                headers=answer.headers,
                call=call.name,
                retry_after_secs=self._retry_after(answer),
                url=self._redactor.url(answer.request.url),
                content=await _read_body(answer, max_bytes, call.name),
            )

        return await self._until_answered(call, read, self._settings.total_timeout_secs, repeat_cut=True)

    @asynccontextmanager
    async def download(
        self, url: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None, into: Path
    ) -> AsyncIterator[Download]:
        """Give the answer, whatever its status, with its whole body in a file in the folder `into`; deleted on the way out.

        Tried again in place like `request`, but not once the body has begun. Asks for no content encoding; with an
        Accept-Encoding among `headers` the file holds the bytes as they came.

        Raises:
            TemporaryError: No whole answer came (the message says how many bytes did), or the disk is too full.
            PermanentError: As in `request`, or the folder cannot be written.
        """
        sent = {"accept-encoding": "identity", **{name.lower(): value for name, value in (headers or {}).items()}}
        call = build_call("GET", url, self._redactor, params=params, headers=sent)
        async with open_spool(into, self._settings.min_free_bytes) as spool:
            await spool.require_space()

            async def read(answer: httpx.Response) -> Download:
                await spool.reset()
                complete = await _fill(spool, answer, decode=sent["accept-encoding"] == "identity")
                return Download(
                    status=answer.status_code,
                    headers=answer.headers,
                    call=call.name,
                    retry_after_secs=self._retry_after(answer),
                    path=spool.path,
                    size_bytes=spool.size_bytes,
                    complete=complete,
                )

            yield await self._until_answered(call, read, self._settings.download_timeout_secs, repeat_cut=False)

    async def close_idle(self) -> None:
        """Close the connections no call is using, as when a task pauses; the client stays usable."""
        await self._transport.close_idle()

    async def aclose(self) -> None:
        """Close every socket now; calls under way end with `TemporaryError`."""
        self._closed = True
        self._close_permits()
        for connection in tuple(self._web_sockets):
            connection.transport.abort()
        await self._sockets.close_all()
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trail: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _until_answered(self, call: Call, read: Read[A], total_secs: float, *, repeat_cut: bool) -> A:
        attempt = 1
        while True:
            try:
                answer = await self._attempt(call, read, total_secs, retried=attempt > 1)
            except BrokenCallError as broken:
                repeatable = (call.idempotent or not broken.sent) and (repeat_cut or not broken.answered) and not self._closed
                wait_secs = self._policy.after_failure(attempt, repeatable=repeatable)
                if wait_secs is None:
                    tries = "" if attempt == 1 else f", attempt {attempt}"
                    raise TemporaryError(f"{call.name}: {broken.reason}{tries}; it will be tried again") from None
            else:
                wait_secs = self._policy.after_answer(
                    attempt, answer.status, answer.retry_after_secs, idempotent=call.idempotent
                )  # fmt: skip
                if wait_secs is None:
                    return answer
            await self._clock.sleep(wait_secs)
            attempt += 1

    async def _attempt(self, call: Call, read: Read[A], total_secs: float, *, retried: bool) -> A:
        async with self._slots[call.url.netloc.decode("ascii")]:
            await self._may_ask(call)
            request = self._client.build_request(call.method, call.url, headers=call.headers, content=call.content)
            response: httpx.Response | None = None
            started_secs = self._clock.monotonic_secs()
            try:
                async with (
                    asyncio.timeout(total_secs),
                    self._sockets.lent(),
                    exchange(self._client, request, call.name) as response,
                ):
                    return await read(response)
            except TimeoutError:
                raise BrokenCallError(f"no complete answer within {total_secs:g} s", response) from None
            except ssl.SSLError:  # httpx lets it through where a record is damaged after the handshake
                raise BrokenCallError("the TLS connection was damaged", response) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise failure_of(error, call.name, self._settings, response) from None
            finally:
                self._account(request, response, self._clock.monotonic_secs() - started_secs, retried=retried)

    def _account(self, request: httpx.Request, response: httpx.Response | None, secs: float, *, retried: bool) -> None:
        hint = None if response is None else quota_hint(response.headers, now_ms=self._clock.now_ms())
        record = CallRecord(
            host=request.url.host,
            method=request.method,
            status=None if response is None else response.status_code,
            secs=secs,
            nbytes=0 if response is None else response.num_bytes_downloaded,
            retried=retried,
            quota_remaining=None if hint is None else hint.remaining,
            quota_renews_in_secs=None if hint is None else hint.renews_in_secs,
            retry_after_secs=None if response is None else self._retry_after(response),
        )
        if self._settings.trace:
            trace(record, request, response, self._redactor)
        self._tell(record)

    def _retry_after(self, answer: httpx.Response) -> float | None:
        return retry_after_secs(answer.headers.get("retry-after"), now_ms=self._clock.now_ms())


async def _read_body(answer: httpx.Response, max_bytes: int, call: str) -> bytes:
    body = bytearray()
    async with _chunks(answer, decode=True) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > max_bytes:
                raise PermanentError(
                    f"{call}: the answer is longer than {max_bytes:,} bytes; ask for smaller pages, or download it"
                )
    return bytes(body)


async def _fill(spool: Spool, answer: httpx.Response, *, decode: bool) -> bool:
    good = answer.is_success
    expected = answer.headers.get("content-length", "")
    if good and expected.isdecimal():
        await spool.require_space(int(expected))
    async with _chunks(answer, decode=decode) as chunks:
        return await spool.fill(chunks, max_bytes=None if good else MAX_ERROR_PAGE_BYTES)


def _chunks(answer: httpx.Response, *, decode: bool) -> aclosing[AsyncGenerator[bytes]]:
    # Closed by hand: a body left half read would keep its generators, and so the socket, until they are collected.
    body = answer.aiter_bytes() if decode else answer.aiter_raw()
    return aclosing(cast("AsyncGenerator[bytes]", body))
