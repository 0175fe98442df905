"""Gives the cluster tests a group of bare members, on the shared servers or on a broker that they may cut off."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from members import Members

from wellhead.stack import Stack


@pytest.fixture
def members(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Members]:
    made = Members(stack.bootstrap_servers, unique, tmp_path)
    yield made
    made.end()
