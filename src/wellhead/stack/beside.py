"""Takes names of servers wanted beside the brokers, gives each in a folder of its own, never one that was not asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wellhead.stack.errors import StackError
from wellhead.stack.jars import JarCache
from wellhead.stack.java import Java
from wellhead.stack.prepare import prepare_search
from wellhead.stack.progress import Reporter
from wellhead.stack.redis import RedisServer, redis_program
from wellhead.stack.search import SearchOptions, SearchServer
from wellhead.stack.search_files import SearchKind

REDIS = "redis"
# What `--with` calls a store, and which product it is: the second is what a migration comes from.
STORES: Mapping[str, SearchKind] = {"search": "opensearch", "old-search": "elasticsearch"}
BESIDE = (REDIS, *STORES)


@dataclass(frozen=True)
class BesideOptions:
    """What the servers beside the brokers share with them; as for `Stack.start`."""

    cache: Path
    java: str | None = None
    reporter: Reporter | None = None


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once, in a fixed order.

    Raises:
        StackError: there is no such server.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(BESIDE)):
        raise StackError(f"no server {unknown[0]!r} can stand beside the brokers. Choose of: {', '.join(BESIDE)}")
    return tuple(name for name in BESIDE if name in wanted)


def groups_of(names: Sequence[str]) -> tuple[SearchKind, ...]:
    """Return the groups of the jar lock that the servers need."""
    return tuple(STORES[name] for name in names if name in STORES)


def prepare_beside(names: Sequence[str], root: Path, jars: JarCache, java: Java, reporter: Reporter) -> None:
    """See that every server can be started, so that a start fails before it begins.

    Raises:
        StackError: one cannot be had, or does not run on this Java.
    """
    if REDIS in names:
        redis_program()
    for kind in groups_of(names):
        prepare_search(kind, root, jars, java, reporter)


def start_beside(name: str, folder: Path, options: BesideOptions) -> RedisServer | SearchServer:
    """Start a server in a folder of its own, and return it once it serves.

    Raises:
        StartError: it exited or was not ready in time.
    """
    if name == REDIS:
        server: RedisServer | SearchServer = RedisServer(folder / name)
    else:
        store = SearchOptions(cache=options.cache, java=options.java)
        server = SearchServer(STORES[name], folder / name, store, reporter=options.reporter)
    server.start()
    return server
