"""Takes pushed requests, holds each until its hits are committed, then answers it; never says yes before that, nor holds more than it may."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.wallarm.webhook_body import Pushed, read_push
from wellhead.api import in_thread

RETRY_AFTER_SECS = 2
# Who has not sent its body by then never will, and holds memory meanwhile.
_BODY_SECS = 30.0
# Parsing so little is quicker than asking a thread to.
_SMALL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """What an inbox takes.

    Attributes:
        body_bytes: The largest body.
        waiting: Most requests that are not answered yet.
        waiting_bytes: Most bytes of their bodies.
    """

    body_bytes: int
    waiting: int
    waiting_bytes: int


@dataclass(slots=True)
class Waiting:
    """A request that waits for its answer."""

    pushed: Pushed
    answer: asyncio.Future[HTTPStatus]
    number: int = 0


class RefusedError(Exception):
    """The request is answered at once with this status and reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Inbox:
    """An ASGI app for one event loop; whatever its path, a POST or PUT is a push.

    Args:
        token: What a request must bear.
        limits: What it takes.
        default_client: Whose hits they are where a hit does not say it.
    """

    def __init__(self, token: str, limits: Limits, default_client: int | None) -> None:
        self._expected = f"bearer {token}".encode()
        self._limits = limits
        self._default_client = default_client
        self._held = self._held_bytes = 0
        self._arrived: deque[Waiting] = deque()
        self._taken: deque[Waiting] = deque()
        self._arrival = asyncio.Event()
        self._settled = asyncio.Event()
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except RefusedError as refused:
            response = _answer(refused.status, {"error": str(refused)})
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    # The reading side

    async def wait(self) -> None:
        """Return once there is something to take."""
        await self._arrival.wait()

    def take(self, most_hits: int, number: int) -> list[Waiting]:
        """Take the oldest requests, at least one if there is any, numbered from `number` on."""
        taken: list[Waiting] = []
        hits = 0
        while self._arrived and (not taken or hits + self._arrived[0].pushed.count <= most_hits):
            waiting = self._arrived.popleft()
            hits += waiting.pushed.count
            waiting.number = number + len(taken)
            taken.append(waiting)
        self._taken.extend(taken)
        if not self._arrived:
            self._arrival.clear()
        return taken

    def settle(self, number: int) -> None:
        """Answer what was taken up to a number: it is committed."""
        while self._taken and self._taken[0].number <= number:
            _tell(self._taken.popleft(), HTTPStatus.OK)
        if not self._taken:
            self._settled.set()

    def close(self) -> None:
        """Take nothing any more; what was not taken is refused at once."""
        self._closed = True
        for waiting in self._arrived:
            _tell(waiting, HTTPStatus.SERVICE_UNAVAILABLE)
        self._arrived.clear()

    async def settled(self) -> None:
        """Return once all that was taken is answered."""
        while self._taken:
            self._settled.clear()
            await self._settled.wait()

    def refuse_rest(self) -> None:
        """Refuse what was taken and is not known to be committed: it is sent again."""
        for waiting in self._taken:
            _tell(waiting, HTTPStatus.SERVICE_UNAVAILABLE)
        self._taken.clear()

    # The answering side

    async def _respond(self, request: Request) -> Response:
        self._check(request)
        self._held += 1
        mine = 0
        try:
            content = bytearray()
            try:
                async with asyncio.timeout(_BODY_SECS):
                    async for chunk in request.stream():
                        mine += len(chunk)
                        self._held_bytes += len(chunk)
                        content += chunk
                        self._check_size(len(content))
            except TimeoutError:
                raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from None
            return await self._when_committed(await self._read(bytes(content)))
        finally:
            self._held -= 1
            self._held_bytes -= mine

    def _check(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        scheme, _, token = given.partition(b" ")
        if not hmac.compare_digest(scheme.lower() + b" " + token.strip(), self._expected):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED, "send the header Authorization: Bearer with the token of the option `webhook_token`"
            )
        if request.method not in ("POST", "PUT"):
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "push with POST or PUT")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body uncompressed")
        if self._closed or self._held >= self._limits.waiting:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy; send it again later")
        length = request.headers.get("content-length", "0")
        self._check_size(int(length) if length.isdecimal() else 0)

    def _check_size(self, nbytes: int) -> None:
        if nbytes > self._limits.body_bytes:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {self._limits.body_bytes} bytes")
        if self._held_bytes > self._limits.waiting_bytes:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy; send it again later")

    async def _read(self, content: bytes) -> Pushed:
        try:
            if len(content) <= _SMALL_BYTES:
                return read_push(content, self._default_client)
            return await in_thread(read_push, content, self._default_client)
        except ValueError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from None

    async def _when_committed(self, pushed: Pushed) -> Response:
        if self._closed:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "stopping; send it again later")
        waiting = Waiting(pushed, asyncio.get_running_loop().create_future())
        self._arrived.append(waiting)
        self._arrival.set()
        status = await waiting.answer
        if status is not HTTPStatus.OK:
            raise RefusedError(status, "not published; send it again")
        return _answer(status, {"status": "committed"})


def _tell(waiting: Waiting, status: HTTPStatus) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(status)


def _answer(status: HTTPStatus, told: dict[str, str]) -> Response:
    headers = {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECS)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "POST, PUT"
    return JSONResponse(told, status, headers=headers)
