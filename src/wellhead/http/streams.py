"""Says what a client asks before it opens a live connection; here, for tests and single calls, everybody may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from wellhead.http.permit import Permit


class Streams(Protocol):
    """Admits live connections, in its own order."""

    def admitted(self, destination: str, call: str) -> AbstractAsyncContextManager[Permit]:
        """Wait for one's turn; the connection counts until the block ends.

        Args:
            destination: Host and port.
            call: Method, host and path, for messages.
        """


class Unlimited:
    """Admits all at once."""

    @asynccontextmanager
    async def admitted(self, destination: str, call: str) -> AsyncIterator[Permit]:  # noqa: ARG002 - as in `Streams`
        """Give a permit."""
        yield Permit(destination)
