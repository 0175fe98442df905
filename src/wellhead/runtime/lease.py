"""Says whether a process may act for its tasks at this moment; never how that is known."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """The right to ask the vendor and to commit, for as long as it is valid."""

    def valid(self) -> bool:
        """Whether it holds now."""
        ...

    async def wait(self) -> bool:
        """Return True once it holds, at once and without giving way to others where it does; False when it never will again."""
        ...


class _Forever:
    def valid(self) -> bool:
        return True

    async def wait(self) -> bool:
        return True


FOREVER: Lease = _Forever()
"""The lease of a process that shares its tasks with nobody."""
