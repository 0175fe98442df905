"""Takes a few wishes, gives real Kafka brokers, a schema registry and what stands beside them on loopback, never leaves one running."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from wellhead.stack.beside import BesideOptions, chosen, groups_of, prepare_beside, start_beside
from wellhead.stack.cache import cache_dir
from wellhead.stack.data_dir import DataDir
from wellhead.stack.errors import PortTakenError, StackError
from wellhead.stack.fetch import MavenRepository
from wellhead.stack.jars import JarCache
from wellhead.stack.java import find_java
from wellhead.stack.kafka import KafkaCluster, KafkaDistribution, KafkaOptions
from wellhead.stack.kafka_files import BrokerAddress
from wellhead.stack.ports import PortLease
from wellhead.stack.prepare import prepare_kafka, prepare_registry
from wellhead.stack.process import ServerProcess
from wellhead.stack.progress import ConsoleReporter, Reporter
from wellhead.stack.redis import RedisServer
from wellhead.stack.registry import RegistryDistribution, SchemaRegistry
from wellhead.stack.search import SearchServer

PORT_ATTEMPTS = 3
STOP_SECS = 10.0


@dataclass(frozen=True)
class Prepared:
    """What a start needs."""

    kafka: KafkaDistribution
    registry: RegistryDistribution | None


class Stack:
    """Running servers; made by `Stack.start`; a `with` block stops them at its end.

    The servers die with this process, even by SIGKILL. Not safe for use from several threads at once.

    Attributes:
        beside: The servers beside brokers and registry, by the names they were asked for with.
    """

    def __init__(self, kafka: KafkaCluster, registry: SchemaRegistry | None, data: DataDir, ports: PortLease) -> None:
        self.kafka = kafka
        self.registry = registry
        self.beside: Mapping[str, RedisServer | SearchServer] = {}
        self._data = data
        self._ports = ports

    @classmethod
    def start(
        cls,
        *,
        brokers: int = 1,
        registry: bool = True,
        beside: Sequence[str] = (),
        data_dir: Path | str | None = None,
        cache: Path | str | None = None,
        java: str | None = None,
        kafka: KafkaOptions | None = None,
        reporter: Reporter | None = None,
    ) -> "Stack":
        """Start brokers (and registry) and return once they serve; downloads what the cache lacks.

        Args:
            brokers: How many brokers, each also a controller.
            registry: Whether to start a schema registry too.
            beside: What else to start: `redis`, `search` (OpenSearch 2.19), `old-search` (Elasticsearch 6.8).
            data_dir: A folder to keep; None means a throw-away one, deleted by `stop`.
            cache: Where downloads are kept; None means `WELLHEAD_CACHE`, else the user's cache folder.
            java: `bundled`, `system` or a path; None means `WELLHEAD_JAVA`, else `bundled`.
            kafka: Heap, JVM flags and `server.properties` overrides of the brokers.
            reporter: Hears about downloads; None means stderr.

        Raises:
            StackError: something is missing or a server did not start; the message holds the next step.
        """
        prepared = prepare(cache=cache, java=java, registry=registry, beside=beside, reporter=reporter)
        data = DataDir(Path(data_dir) if data_dir is not None else None)
        try:
            stack = cls._started(prepared, brokers, data, kafka)
            stack.add_beside(chosen(beside), BesideOptions(_root(cache), java, reporter))
        except BaseException:
            # The error quotes a log in there, so a throw-away folder stays until the next start sweeps it.
            data.abandon()
            raise
        return stack

    @classmethod
    def _started(cls, prepared: Prepared, brokers: int, data: DataDir, options: KafkaOptions | None) -> "Stack":
        preferred = _preferred_ports(data, brokers)
        for _ in range(PORT_ATTEMPTS - 1):
            try:
                return cls._start(prepared, brokers, data, options, preferred)
            except PortTakenError:
                preferred = []
        return cls._start(prepared, brokers, data, options, preferred)

    @classmethod
    def _start(
        cls, prepared: Prepared, brokers: int, data: DataDir, options: KafkaOptions | None, preferred: list[int]
    ) -> "Stack":
        ports = PortLease()
        numbers = ports.take(2 * brokers + bool(prepared.registry), preferred)
        addresses = [BrokerAddress(node, *numbers[2 * node - 2 : 2 * node]) for node in range(1, brokers + 1)]
        cluster = KafkaCluster(prepared.kafka, addresses, data.path, options)
        registry = SchemaRegistry(prepared.registry, numbers[-1], data.path / "registry") if prepared.registry else None
        stack = cls(cluster, registry, data, ports)
        try:
            cluster.spawn()
            if registry:
                registry.spawn()
            cluster.wait_ready()
            if registry:
                registry.wait_ready()
        except BaseException:
            stack.kill()
            ports.release()
            raise
        data.remember({"brokers": brokers, "ports": numbers})
        return stack

    def add_beside(self, names: Sequence[str], options: BesideOptions) -> None:
        """Start further servers; when one does not start, every server of the stack is killed.

        Raises:
            StackError: it did not start.
        """
        try:
            for name in names:
                self.beside = {**self.beside, name: start_beside(name, self._data.path, options)}
        except BaseException:
            self.kill()
            for server in self.beside.values():
                server.close()
            self._ports.release()
            raise

    @property
    def bootstrap_servers(self) -> str:
        """What goes into `bootstrap.servers`."""
        return self.kafka.bootstrap_servers

    @property
    def registry_url(self) -> str:
        """What goes into `schema.registry.url`.

        Raises:
            StackError: the stack was started without a registry.
        """
        if self.registry is None:
            raise StackError("this stack was started without a registry: use Stack.start(registry=True)")
        return self.registry.url

    def url(self, name: str) -> str:
        """Return the address of a server beside the brokers: `redis`, `search` or `old-search`.

        Raises:
            StackError: the stack was started without it.
        """
        if name not in self.beside:
            raise StackError(f"this stack was started without {name}: use Stack.start(beside=[{name!r}])")
        return self.beside[name].url

    @property
    def data_dir(self) -> Path:
        """Where configuration, logs and data lie."""
        return self._data.path

    @property
    def keeps_data(self) -> bool:
        """Whether `stop` leaves the folder."""
        return self._data.kept

    @property
    def processes(self) -> tuple[ServerProcess, ...]:
        """Every server, brokers first."""
        registry = (self.registry.process,) if self.registry else ()
        return self.kafka.processes + registry + tuple(server.process for server in self.beside.values())

    def stop(self, timeout_secs: float = STOP_SECS) -> None:
        """Stop the servers, free the ports, delete a throw-away folder; safe to call twice.

        Servers with a kept folder get SIGTERM and `timeout_secs`; throw-away ones have nothing to save and are killed.
        """
        if self._data.kept:
            for process in self.processes:
                process.signal_stop()
            for process in self.processes:
                process.stop(timeout_secs)
        else:
            self.kill()
        for server in self.beside.values():
            server.close()
        self._ports.release()
        self._data.close()

    def kill(self) -> None:
        """SIGKILL every server; folder and ports stay."""
        for process in self.processes:
            process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def prepare(
    *,
    cache: Path | str | None = None,
    java: str | None = None,
    registry: bool = True,
    beside: Sequence[str] = (),
    reporter: Reporter | None = None,
    maven_base: str | None = None,
) -> Prepared:
    """Download, unpack and archive what a start needs, so that the next start is quick.

    Args:
        cache: As for `Stack.start`; so are `java`, `registry` and `reporter`.
        java: Which Java.
        registry: Whether the registry is wanted.
        beside: Which servers are wanted beside the brokers.
        reporter: Hears about it.
        maven_base: The repository's base address; None means `WELLHEAD_MAVEN_BASE`, else the library's default.
    """
    root = _root(cache)
    names = chosen(beside)
    reporter = reporter or ConsoleReporter()
    runtime = find_java(java)
    fetch = MavenRepository(maven_base) if maven_base else None
    jars = JarCache(root, fetch=fetch, reporter=reporter)
    jars.paths("kafka", *(("registry",) if registry else ()), *groups_of(names))
    prepare_beside(names, root, jars, runtime, reporter)
    with ThreadPoolExecutor(2, "wellhead-prepare") as pool:
        kafka = pool.submit(prepare_kafka, root, jars, runtime, reporter)
        if not registry:
            return Prepared(kafka.result(), None)
        schemas = pool.submit(prepare_registry, root, jars, runtime, reporter)
        return Prepared(kafka.result(), schemas.result())


def _root(cache: Path | str | None) -> Path:
    return Path(cache).expanduser().absolute() if cache is not None else cache_dir()


def _preferred_ports(data: DataDir, brokers: int) -> list[int]:
    """Return the ports of a kept folder's last start; clients keep their addresses."""
    layout = data.layout()
    if layout.get("brokers", brokers) != brokers:
        raise StackError(
            f"{data.path} holds a stack of {layout['brokers']} broker(s), {brokers} were asked for. "
            f"Ask for {layout['brokers']}, or choose another folder"
        )
    return list(layout.get("ports", []))
