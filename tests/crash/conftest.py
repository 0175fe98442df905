"""Gives each crash test a tenant, a deployment and real servers of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import Deployed, deployed

from wellhead.stack import Stack


@pytest.fixture
def worker(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Deployed]:
    with deployed(stack, unique, tmp_path) as made:
        yield made
