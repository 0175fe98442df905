"""Gives the migration tests two real stores, each test with indices of its own, and processes between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import Migrations, Store

from wellhead.stack import Stack


@pytest.fixture
def old(old_search_url: str, unique: str) -> Iterator[Store]:
    """An Elasticsearch 6.8, to migrate from."""
    made = Store(old_search_url, f"{unique}old", typed=True)
    yield made
    made.drop()


@pytest.fixture
def new(search_url: str, unique: str) -> Iterator[Store]:
    """An OpenSearch 2.19, to migrate to."""
    made = Store(search_url, f"{unique}new")
    yield made
    made.drop()


@pytest.fixture
def migrations(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Migrations]:
    made = Migrations(tmp_path, stack.bootstrap_servers, stack.registry_url, unique.strip("."))
    yield made
    made.end()
