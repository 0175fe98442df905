"""Takes a request for a channel, gives the answer that turns it away, or none where it may come in; never reads an event."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from connectors.push.simulation.ledger import Forgotten, Ledger
from connectors.push.simulation.settings import Settings
from wellhead.testing.faults import Faults

MOVED = "/moved"
GATE_FAULTS = {
    "redirect": "307 to another path of this server, where everything is as here.",
    "redirect_away": "302 to another host, which does not exist.",
    "no_content": "204: the server says that the stream is over.",
    "wrong_type": "200 with a login page in HTML.",
    "forgotten": "410 to whoever names an event to go on after.",
}
LOGIN = "<!doctype html><title>Sign in</title><form><input name=user><input type=password></form>"


@dataclass(frozen=True, slots=True)
class Asked:
    """A client that was let in.

    Attributes:
        channel: The channel it wants.
        position: The event it names; empty for none.
        after: The number of the event after which it goes on.
        client: Its `host:port`.
        address: The same as a pair.
    """

    channel: str
    position: str
    after: int
    client: str
    address: tuple[str, int]


class Gate:
    """Lets clients in, or not.

    Args:
        settings: The server's settings.
        ledger: The channels.
        faults: The armed faults.
    """

    def __init__(self, settings: Settings, ledger: Ledger, faults: Faults) -> None:
        self._settings = settings
        self._ledger = ledger
        self._faults = faults

    def ask(self, request: HTTPConnection) -> Asked | Response:
        """Give who is let in, or the answer that turns them away."""
        if not _bears(request.headers, self._settings.token):
            return JSONResponse({"error": "no such token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        channel = str(request.path_params["channel"])
        if channel not in self._ledger.names:
            return JSONResponse({"error": f"no channel {channel}"}, status_code=404)
        if refusal := self._fault(request):
            return refusal
        position = position_of(request)
        try:
            after = self._after(channel, position)
        except Forgotten:
            return JSONResponse({"error": "that event is no longer held"}, status_code=410)
        if position and self._faults.take("overlap"):
            after = max(self._ledger.first(channel) - 1, after - self._settings.overlap_events)
        address = (request.client.host, request.client.port) if request.client else ("", 0)
        return Asked(channel, position, after, f"{address[0]}:{address[1]}", address)

    def _after(self, channel: str, position: str) -> int:
        if position and self._faults.take("forgotten"):
            raise Forgotten(position)
        return self._ledger.after(channel, position)

    def _fault(self, request: HTTPConnection) -> Response | None:
        if not request.url.path.startswith(MOVED) and self._faults.take("redirect"):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{MOVED}{request.url.path}{query}", status_code=307)
        if self._faults.take("redirect_away"):
            return RedirectResponse("http://elsewhere.invalid/events", status_code=302)
        if self._faults.take("no_content"):
            return Response(status_code=204)
        return HTMLResponse(LOGIN) if self._faults.take("wrong_type") else None


def position_of(request: HTTPConnection) -> str:
    """Give the event that a client names, by header or in the query."""
    query = request.query_params
    return request.headers.get("last-event-id") or query.get("last_event_id") or query.get("after") or ""


def _bears(headers: Mapping[str, str], token: str) -> bool:
    return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {token}".encode())
