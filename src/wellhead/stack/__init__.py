"""Gives real Kafka brokers, a schema registry, Kafka Connect, Redis and search stores as child processes; pods never import it."""

from wellhead.stack.connect import ConnectOptions, ConnectWorker
from wellhead.stack.errors import StackError
from wellhead.stack.kafka import KafkaCluster, KafkaOptions
from wellhead.stack.redis import RedisOptions, RedisServer
from wellhead.stack.redis_cluster import RedisCluster
from wellhead.stack.redis_sentinels import RedisSentinels, SentinelOptions
from wellhead.stack.registry import SchemaRegistry
from wellhead.stack.search import SearchOptions, SearchServer
from wellhead.stack.stack import Stack
from wellhead.stack.tls_door import TlsDoor

__all__ = [
    "ConnectOptions",
    "ConnectWorker",
    "KafkaCluster",
    "KafkaOptions",
    "RedisCluster",
    "RedisOptions",
    "RedisSentinels",
    "RedisServer",
    "SchemaRegistry",
    "SearchOptions",
    "SearchServer",
    "SentinelOptions",
    "Stack",
    "StackError",
    "TlsDoor",
]
