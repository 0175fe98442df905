"""Takes one channel and its place, opens its connection and gives what arrives; says where events may have been missed, never waits to try again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from connectors.push import long_poll, ndjson, sse, websocket
from connectors.push.door import Door, ForgottenError
from connectors.push.events import Arrived, Receive
from connectors.push.options import PushConfig
from connectors.push.resume import Place, bounded_retry_ms
from wellhead import TemporaryError

if TYPE_CHECKING:
    from wellhead.api import Reporter
    from wellhead.http import HttpClient

RECEIVE: Mapping[str, Receive] = {
    "sse": sse.receive,
    "ndjson": ndjson.receive,
    "long_poll": long_poll.receive,
    "websocket": websocket.receive,
}


class Channel:
    """One channel over as many connections as it takes, one at a time.

    Args:
        http: The client.
        config: The options.
        name: Its name.
        report: Where to say that events may have been missed.
        place: Where it was read up to; None where it never was.
    """

    def __init__(self, http: HttpClient, config: PushConfig, name: str, report: Reporter, place: Place | None) -> None:
        self.door = Door(http, config, name)
        self._config = config
        self._name = name
        self._report = report
        self._was_read = place is not None
        self._position = "" if place is None else place.last_event_id
        self._retry_ms = None if place is None else place.retry_ms

    @property
    def reconnect_secs(self) -> float:
        """How long to wait before the next connection, as the server wants it."""
        return self._config.reconnect_secs if self._retry_ms is None else self._retry_ms / 1000

    async def arrivals(self) -> AsyncGenerator[Arrived]:
        """Give what arrives over one connection, from where the last one ended on.

        Raises:
            EndedError: The server says that no more will come.
            TemporaryError: Worth another try, after what the server asked for.
            PermanentError: A person must change something.
        """
        try:
            try:
                async with aclosing(self._over_one()) as arrivals:
                    async for arrived in arrivals:
                        yield arrived
            except ForgottenError as forgotten:
                self._position = ""
                self._report("position_forgotten", f"{forgotten}; it is read from now on", channel=self._name)
                async with aclosing(self._over_one()) as arrivals:
                    async for arrived in arrivals:
                        yield arrived
        except TemporaryError as error:
            if self._retry_ms is not None:
                error.after_secs = max(error.after_secs or 0.0, self._retry_ms / 1000)
            raise

    async def _over_one(self) -> AsyncGenerator[Arrived]:
        resumes = self.door.can_resume(self._position)
        gap = self._was_read and not resumes
        is_first = True
        receive = RECEIVE[self._config.protocol]
        async with aclosing(receive(self.door, self._position if resumes else "")) as arrivals:
            async for arrived in arrivals:
                if arrived.is_empty and not is_first and not self._moves(arrived):
                    continue  # a sign of life: nobody is to be woken for it, least of all by a thousand channels
                if gap:
                    self._tell_gap()
                    arrived.after_gap, gap = True, False
                is_first, self._was_read = False, True
                self._position = arrived.position
                if arrived.retry_ms is not None:
                    self._retry_ms = bounded_retry_ms(arrived.retry_ms)
                yield arrived

    def _moves(self, arrived: Arrived) -> bool:
        waits = arrived.retry_ms is not None and bounded_retry_ms(arrived.retry_ms) != self._retry_ms
        return waits or arrived.position != self._position

    def _tell_gap(self) -> None:
        why = (
            "resume is none"
            if self._config.resume == "none"
            else "its last event bore no id that the server could be asked to go on after"
        )
        self._report(
            "gap_possible",
            f"{self._name}: what {self.door.host} sent while no connection was open may be missing: {why}",
            channel=self._name,
            resume="none",
        )
