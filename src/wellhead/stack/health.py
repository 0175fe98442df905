"""Takes a background stack's state, gives each server's health by asking it, never by trusting a pid alone."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from wellhead.stack.ports import is_listening
from wellhead.stack.redis import connection
from wellhead.stack.search import answers_healthy
from wellhead.stack.search_files import PRODUCTS
from wellhead.stack.state import ServerState, StackState

ANSWER_SECS = 3.0


@dataclass(frozen=True)
class ServerHealth:
    """One server and whether it answers: `serving`, `silent` (lives but does not answer) or `dead`."""

    server: ServerState
    health: str


def health_of(state: StackState) -> list[ServerHealth]:
    """Ask every server of the stack."""
    return [ServerHealth(server, _health(server)) for server in state.servers]


def _health(server: ServerState) -> str:
    if not _lives(server.pid):
        return "dead"
    return "serving" if _answers(server) else "silent"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _answers(server: ServerState) -> bool:
    address = server.address
    if server.name in PRODUCTS:
        return answers_healthy(_port(address), ANSWER_SECS)
    if address.startswith("redis://"):
        return _redis_answers(_port(address))
    if not address.startswith("http"):
        return _broker_answers(address)
    import httpx  # noqa: PLC0415 - only `status` asks

    try:
        return httpx.get(f"{address}/subjects", timeout=ANSWER_SECS, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _port(address: str) -> int:
    return urlsplit(address).port or 0


def _redis_answers(port: int) -> bool:
    from redis.exceptions import RedisError  # noqa: PLC0415 - only `status` asks

    try:
        with connection(port) as client:
            return bool(client.ping())
    except (OSError, RedisError):
        return False


def _broker_answers(address: str) -> bool:
    # A frozen broker still accepts connections in the kernel, so ask it something.
    if not is_listening(int(address.rpartition(":")[2])):
        return False
    from confluent_kafka import KafkaException  # noqa: PLC0415 - only `status` asks
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - only `status` asks

    try:
        AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=ANSWER_SECS)
    except KafkaException:
        return False
    return True
