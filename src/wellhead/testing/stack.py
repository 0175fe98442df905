"""Gives pytest fixtures with real servers; a server that does not start fails the test, it never skips it.

Load it with `pytest_plugins = ["wellhead.testing.stack"]` or `-p wellhead.testing.stack`.
"""

import uuid
from collections.abc import Iterator

import pytest

from wellhead.stack import KafkaCluster, RedisCluster, RedisSentinels, RedisServer, SearchServer, Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One broker and a registry, shared by the tests of a process (each xdist worker has its own); tests leave it running."""
    with Stack.start() as running:
        yield running


@pytest.fixture
def kafka_cluster() -> Iterator[KafkaCluster]:
    """Three fresh brokers for one test, which may kill, pause and restart them; replication 3, min.insync.replicas 2."""
    with Stack.start(brokers=3, registry=False) as running:
        yield running.kafka


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One Redis, shared by the tests of a process: each uses keys of its own (`unique`), none stops it."""
    with RedisServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def search_url() -> Iterator[str]:
    """One OpenSearch 2.19, shared by the tests of a process: each uses indices of its own (`unique`), none stops it."""
    with SearchServer("opensearch") as server:
        yield server.url


@pytest.fixture(scope="session")
def old_search_url() -> Iterator[str]:
    """One Elasticsearch 6.8, shared by the tests of a process: each uses indices of its own (`unique`), none stops it."""
    with SearchServer("elasticsearch") as server:
        yield server.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A fresh Redis for one test, which may kill, freeze and restart it; it keeps its data."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_sentinels() -> Iterator[RedisSentinels]:
    """A fresh master, replica and three Sentinels for one test, which may kill, freeze and restart them."""
    with RedisSentinels() as servers:
        yield servers


@pytest.fixture
def redis_cluster() -> Iterator[RedisCluster]:
    """Three fresh masters of a Redis Cluster for one test, which may kill, freeze and restart them."""
    with RedisCluster() as servers:
        yield servers


@pytest.fixture
def search_server() -> Iterator[SearchServer]:
    """A fresh OpenSearch 2.19 for one test, which may kill, freeze and restart it; it takes some seconds to start."""
    with SearchServer("opensearch") as server:
        yield server


@pytest.fixture
def unique() -> str:
    """Return a prefix for topics, groups and transactional ids that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}."
