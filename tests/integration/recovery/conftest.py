"""Gives recovery tests real servers, and the offsets verb with a deployment to use it on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from offsets_rig import Offsets, offsets_of

from wellhead.stack import Stack
from wellhead.testing.stack import stack, unique

__all__ = ["offsets", "stack", "unique"]


@pytest.fixture
def offsets(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Offsets]:
    """The verb; what it is used on pulls 1,500 records in several short runs."""
    with offsets_of(stack, unique, tmp_path, rows=1_500) as made:
        made.worker.connector = {"run.max.batches": 4, "poll.interval.secs": 0.1}
        yield made
