"""Gives the tests a Wallarm cloud in memory and the source that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from wallarm_cloud import Bench, Hit, bench_of, made_hits


@pytest.fixture(scope="session")
def bench() -> Callable[..., Bench]:
    """Make a bench: `bench(page_size=10)`; the option `start` lies an hour before its clock."""
    return bench_of


@pytest.fixture(scope="session")
def hits() -> Callable[..., Iterator[Hit]]:
    """Make hits: `hits(5, at_s=START_S - 60, every_s=2)`."""
    return made_hits
