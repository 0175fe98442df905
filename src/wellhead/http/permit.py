"""Takes one live connection from its request to its end, knows how it ended and how to end it; decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wellhead.http.lost import Reason, StreamLost


class Permit:
    """The right to one live connection.

    Args:
        destination: Host and port, as limits and metrics name it.

    Attributes:
        ended: How it ended; None while it lives, and where it was given up by who reads it.
        on_open: Called once the connection is made.
        is_asked: Whether the destination was asked; what failed before says nothing of it.
    """

    def __init__(self, destination: str) -> None:
        self.destination = destination
        self.ended: Reason | None = None
        self.is_asked = False
        self.on_open: Callable[[], None] = lambda: None
        self._close: Callable[[], Awaitable[None]] | None = None

    @property
    def is_open(self) -> bool:
        """Whether its connection was made."""
        return self._close is not None

    def opened(self, close: Callable[[], Awaitable[None]]) -> None:
        """Say that the connection is there, and what closes it from outside."""
        self._close = close
        self.on_open()

    def refuse_if_ended(self, call: str) -> None:
        """Raise StreamLost where it was ended before it was made."""
        if self.ended is not None:
            raise StreamLost(f"{call}: closed before it was open: this worker has more than it can hold", self.ended)

    async def end(self, reason: Reason) -> None:
        """Close its connection from outside; who reads it hears the reason."""
        self.ended = reason
        if self._close is not None:
            await self._close()
