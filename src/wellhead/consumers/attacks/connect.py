"""Takes Redis settings, gives a client of a single server, of what Sentinels name, or of a cluster; never one that evicts what we keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis import Redis, RedisCluster, exceptions
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry
from redis.sentinel import Sentinel

from wellhead.errors import PermanentError, TemporaryError, WellheadError

if TYPE_CHECKING:
    from wellhead.config.attacks import RedisSettings

Client = Redis | RedisCluster
_AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, exceptions.ClusterDownError)
_REFUSED = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)
_PASSING = ("LOADING", "BUSY", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "UNBLOCKED")
_POLICIES = ("noeviction",)


def connect(settings: RedisSettings) -> Client:
    """Give a client; nobody is asked yet, except a cluster's nodes.

    Raises:
        TemporaryError: A cluster cannot be reached.
        PermanentError: A file of the settings cannot be read, or a cluster refuses us.
    """
    place = settings.place()
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_secs,
        "socket_connect_timeout": settings.timeout_secs,
        "health_check_interval": 15,
        # What is asked twice because an answer was lost must be known to be the second time: we ask again, never the client.
        "retry": Retry(NoBackoff(), 0),
        "username": settings.username,
        "password": None if settings.password is None else settings.password.get_secret_value(),
    }
    tls = _tls(settings) if place.tls else {}
    try:
        if place.kind == "cluster":
            nodes = [ClusterNode(host, port) for host, port in place.hosts]  # type: ignore[no-untyped-call]
            return RedisCluster(startup_nodes=nodes, **options, **tls)
        options |= {"db": place.database}
        if place.kind == "sentinel":
            asked = {"socket_timeout": settings.timeout_secs, "socket_connect_timeout": settings.timeout_secs, **tls}
            if settings.sentinel_password is not None:
                asked["password"] = settings.sentinel_password.get_secret_value()
            sentinel = Sentinel(list(place.hosts), sentinel_kwargs=asked, **tls)  # type: ignore[no-untyped-call]
            master: Redis = sentinel.master_for(place.master, **options)  # type: ignore[no-untyped-call]
            return master
        host, port = place.hosts[0]
        return Redis(host=host, port=port, **options, **tls)
    except exceptions.RedisError as error:
        raise redis_error(error, settings) from error
    except OSError as error:
        raise PermanentError(f"{_what(settings)}: cannot read a file of redis.*: {error}. Name files that are there") from error


def check(client: Client, settings: RedisSettings) -> None:
    """See that the server keeps what it is given.

    Raises:
        PermanentError: It evicts keys when memory is short: an attack's key that goes would split the attack in two.
        TemporaryError: It is away.
    """
    try:
        told = client.info("memory", **({"target_nodes": RedisCluster.PRIMARIES} if isinstance(client, RedisCluster) else {}))
    except exceptions.RedisError as error:
        raise redis_error(error, settings) from error
    nodes = told.values() if "maxmemory_policy" not in told else [told]
    policies = {str(node.get("maxmemory_policy")) for node in nodes if int(node.get("maxmemory", 0)) > 0}
    if wrong := sorted(policies - set(_POLICIES)):
        raise PermanentError(
            f"{_what(settings)}: its maxmemory-policy is {wrong[0]}, which drops open attacks when memory is short. "
            "Set maxmemory-policy noeviction: then it is grouping that waits, and nothing is lost"
        )


def redis_error(error: exceptions.RedisError, settings: RedisSettings) -> WellheadError:
    """Give what an error of the client means, in our words, without any secret."""
    what = _what(settings)
    if isinstance(error, _REFUSED):
        return PermanentError(f"{what} refuses us: {error}. Check redis.username, redis.password and the rights of that user")
    if isinstance(error, _AWAY) or str(error).startswith(_PASSING):
        return TemporaryError(f"{what} is away: {type(error).__name__}: {error}. Hits wait in their topic meanwhile")
    if isinstance(error, exceptions.ResponseError) and str(error).startswith("OOM"):
        return TemporaryError(f"{what} has no memory left. Raise maxmemory; hits wait in their topic meanwhile")
    return PermanentError(f"{what}: {type(error).__name__}: {error}")


def _what(settings: RedisSettings) -> str:
    place = settings.place()
    hosts = ",".join(f"{host}:{port}" for host, port in place.hosts)
    return f"Redis at {hosts}" + (f" (master {place.master})" if place.master else "")


def _tls(settings: RedisSettings) -> dict[str, Any]:
    files = {"ssl_ca_certs": settings.ca_file, "ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
    return {"ssl": True, **{name: str(path) for name, path in files.items() if path is not None}}
