"""Takes an iterator that waits for others, gives the same items with the next one fetched while one is used; never holds more than those two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield `items`; the next one comes on a thread of its own meanwhile, and what it raises is raised in its turn.

    Closing waits for what is being fetched, then closes `items`.
    """
    end = object()
    with closing(items), ThreadPoolExecutor(1, "migrate-reader") as reader:  # type: ignore[type-var]  # a generator
        coming = reader.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, items, end)
            yield item  # type: ignore[misc]  # not the end
