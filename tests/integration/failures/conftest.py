"""Gives the failure tests a tenant, a deployment, and servers that they may break."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from breakable import PATIENT, QUICK
from deployed import Deployed, deployed

from wellhead.stack import Stack


@pytest.fixture
def worker(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Deployed]:
    """A deployment on the servers that all tests share."""
    with deployed(stack, unique, tmp_path) as made:
        made.worker["listeners"] = "http://127.0.0.1:0"
        yield made


@pytest.fixture(scope="module")
def brittle() -> Iterator[Stack]:
    """One broker and a registry that a test may kill; each test leaves them running."""
    with Stack.start(kafka=QUICK) as running:
        yield running


@pytest.fixture
def brittle_worker(brittle: Stack, unique: str, tmp_path: Path) -> Iterator[Deployed]:
    """A deployment on servers that the test may kill."""
    with deployed(brittle, unique, tmp_path) as made:
        made.worker["listeners"] = "http://127.0.0.1:0"
        yield made


@pytest.fixture
def freezable() -> Iterator[Stack]:
    """One broker and a registry that a test may freeze."""
    with Stack.start(kafka=PATIENT) as running:
        yield running


@pytest.fixture
def freezable_worker(freezable: Stack, unique: str, tmp_path: Path) -> Iterator[Deployed]:
    """A deployment on servers that the test may freeze."""
    with deployed(freezable, unique, tmp_path) as made:
        made.worker["listeners"] = "http://127.0.0.1:0"
        yield made
