"""Takes both sides, asks them the same at the same time; never gives one answer without the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from wellhead.migration.verify.side import Side

Answer = TypeVar("Answer")


class Pair:
    """Source and target.

    Args:
        left: The source.
        right: The target.
        threads: How many questions may be under way.
    """

    def __init__(self, left: Side, right: Side, threads: int) -> None:
        self.left = left
        self.right = right
        self._pool = ThreadPoolExecutor(threads, "wellhead-verify-source")

    def both(self, ask: Callable[[Side], Answer]) -> tuple[Answer, Answer]:
        """Ask both; where one fails, its error is raised once the other has answered."""
        asked = self._pool.submit(ask, self.left)
        try:
            right = ask(self.right)
        finally:
            left = asked.exception()
        if left is not None:
            raise left
        return asked.result(), right

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown()
