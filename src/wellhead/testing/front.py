"""Takes each request to a simulator, gives it to the vendor's routes under the armed transport faults, never hides one from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from wellhead.testing.simulator import Simulator

ADMIN = "/_sim"
EXCHANGE = "wellhead.exchange"
STATUS_FAULTS = {
    f"http_{status}": f"The request is answered {status}."
    for status in (400, 401, 403, 404, 408, 410, 423, 429, 500, 502, 503, 504)
}
BODY_FAULTS = {
    "cut_body": "The connection is closed in the middle of the body.",
    "slow": "The body dribbles out a few bytes at a time.",
    "stall": "Half of the body is sent, then nothing more, with the connection left open.",
}
TRANSPORT_FAULTS = STATUS_FAULTS | BODY_FAULTS


@dataclass(slots=True)
class RequestRecord:
    """One request as the vendor saw it; credentials are left out.

    Attributes:
        at_ms: When it came, in the simulator's time.
        began_secs: The same on the machine's monotonic clock; `ended_secs` is None while it is being answered.
        in_flight: How many other requests were being answered when it came; above 0 means overlapping calls.
        complete: Whether the whole answer went out.
        fault: The transport fault that struck it, or None.
    """

    method: str
    path: str
    params: dict[str, str]
    client: str
    user_agent: str
    at_ms: int
    began_secs: float
    in_flight: int
    ended_secs: float | None = None
    status: int | None = None
    sent_bytes: int = 0
    complete: bool = False
    fault: str | None = None


@dataclass(slots=True)
class Exchange:
    """What a route may hang on the request it answers, found in the scope under `EXCHANGE`.

    Attributes:
        record: The request in the log.
        on_delivered: Called once the last byte has been handed to the network; a vendor's state moves here.
        on_end: Called when the answer has ended, however.
    """

    record: RequestRecord
    on_delivered: list[Callable[[], None]] = field(default_factory=list)
    on_end: list[Callable[[], None]] = field(default_factory=list)


class ConnectionCut(Exception):  # noqa: N818 - an event that unwinds the answer, not an error
    """The answer ends here; the server closes the socket because the body is not complete."""


class Front:
    """The outermost layer of every simulator: log, faults of the transport, then the vendor."""

    def __init__(self, simulator: Simulator, vendor: ASGIApp) -> None:
        self._simulator = simulator
        self._vendor = vendor
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self._vendor(scope, receive, send)
            return
        exchange = Exchange(self._log(scope))
        scope[EXCHANGE] = exchange
        self._in_flight += 1
        try:
            await self._answer(scope, receive, send, exchange)
        except ConnectionCut:
            pass
        except Exception as error:
            # The server would only close the connection, which looks like a fault that was asked for.
            self._simulator.crashes.append(error)
            raise
        finally:
            self._in_flight -= 1
            exchange.record.ended_secs = self._simulator.machine_secs()
            for callback in exchange.on_end:
                callback()

    def _log(self, scope: Scope) -> RequestRecord:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        host, port = scope.get("client") or ("", 0)
        record = RequestRecord(
            method=scope["method"],
            path=scope["path"],
            params={name: value for name, value in params.items() if name not in self._simulator.secret_params},
            client=f"{host}:{port}",
            user_agent=headers.get("user-agent", ""),
            at_ms=self._simulator.clock.now_ms(),
            began_secs=self._simulator.machine_secs(),
            in_flight=self._in_flight,
        )
        self._simulator.requests.append(record)
        return record

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        faults = self._simulator.faults
        status_fault = faults.first(self._simulator.status_faults)
        body_fault = None if status_fault else faults.first(BODY_FAULTS)
        exchange.record.fault = status_fault or body_fault
        wire = _Wire(self._simulator, exchange, body_fault, receive, send)
        if status_fault is None:
            await self._vendor(scope, receive, wire.send)
        else:
            response = self._simulator.error_response(int(status_fault.removeprefix("http_")))
            await response(scope, receive, wire.send)


class _Wire:
    """Passes an answer on to the network, or spoils it."""

    def __init__(self, simulator: Simulator, exchange: Exchange, fault: str | None, receive: Receive, send: Send) -> None:
        self._settings = simulator.settings
        self._exchange = exchange
        self._fault = fault
        self._receive = receive
        self._send = send

    async def send(self, message: Message) -> None:
        record = self._exchange.record
        if message["type"] == "http.response.start":
            record.status = message["status"]
            await self._send(message)
            return
        body: bytes = bytes(message.get("body", b""))
        last = not message.get("more_body", False)
        if self._fault in ("cut_body", "stall") and (last or record.sent_bytes + len(body) > self._settings.cut_after_bytes):
            await self._send_half_of(body)
        if self._fault == "slow":
            await self._dribble(body)
            body = b""
        record.sent_bytes += len(body)
        if last:
            self._delivered()
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})

    def _delivered(self) -> None:
        # Before the last bytes leave: a client that asks again at once must already meet the state they announced.
        self._exchange.record.complete = True
        for callback in self._exchange.on_delivered:
            callback()

    async def _send_half_of(self, body: bytes) -> None:
        keep = max(0, min(len(body) // 2, self._settings.cut_after_bytes - self._exchange.record.sent_bytes))
        self._exchange.record.sent_bytes += keep
        await self._send({"type": "http.response.body", "body": body[:keep], "more_body": True})
        if self._fault == "stall":
            await self._hold()
        raise ConnectionCut

    async def _hold(self) -> None:
        async def left() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass

        try:
            async with asyncio.timeout(self._settings.stall_secs):
                await left()
        except TimeoutError:
            return

    async def _dribble(self, body: bytes) -> None:
        step = self._settings.slow_chunk_bytes
        for start in range(0, len(body), step):
            piece: Any = body[start : start + step]
            self._exchange.record.sent_bytes += len(piece)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(self._settings.slow_pause_secs)
