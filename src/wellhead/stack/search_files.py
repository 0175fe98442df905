"""Takes a search product's name, gives what its server is started with, never what only one machine has."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wellhead.stack.java import Java
from wellhead.stack.ports import LOOPBACK

SearchKind = Literal["opensearch", "elasticsearch"]
# The products ask the machine for no library: without it they cannot see, and so do not refuse, the root user of a container.
WITHOUT_NATIVE_CODE = ("-Djna.noclasspath=true", "-Djna.nosys=true")
QUIET_NETTY = ("-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true", "-Dio.netty.recycler.maxCapacityPerThread=0")
QUICK_START_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")

_UNWANTED_FEATURES = (
    *("ccr", "deprecation", "graph", "logstash", "ml", "monitoring"),
    *("rollup", "security", "sql", "upgrade", "watcher"),
)


@dataclass(frozen=True)
class SearchProduct:
    """What differs between the products.

    Attributes:
        title: Name and version, for messages; the group of the jar lock has the same name as the product.
        main: The class that is started.
        prefix: What its system properties begin with.
        transport_port: Its name for the port between nodes.
        newest_java: The newest Java it runs on.
        java_flags: What it needs besides.
        unwanted: Modules left in the archive: half of its size, a third of the work of a start, and native code.
    """

    title: str
    main: str
    prefix: str
    transport_port: str
    newest_java: int
    java_flags: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def wants(self, member: str) -> bool:
        """Tell whether a file of the archive is to be unpacked."""
        return not any(f"/modules/{module}/" in member for module in self.unwanted)


PRODUCTS: Mapping[SearchKind, SearchProduct] = {
    "opensearch": SearchProduct(
        title="OpenSearch 2.19.6",
        main="org.opensearch.bootstrap.OpenSearch",
        prefix="opensearch",
        transport_port="transport.port",
        newest_java=21,
    ),
    "elasticsearch": SearchProduct(
        title="Elasticsearch 6.8.23",
        main="org.elasticsearch.bootstrap.Elasticsearch",
        prefix="es",
        transport_port="transport.tcp.port",
        newest_java=17,
        java_flags=(
            "-Des.distribution.flavor=default",
            "-Des.distribution.type=zip",
            "-Djava.locale.providers=COMPAT",
            "-Dlog4j2.formatMsgNoLookups=true",
        ),
        unwanted=("tribe", "ingest-geoip", *(f"x-pack-{name}" for name in _UNWANTED_FEATURES)),
    ),
}


@dataclass(frozen=True)
class SearchDistribution:
    """A product that is ready to run: its Java and the folder it was unpacked to."""

    kind: SearchKind
    java: Java
    home: Path

    @property
    def product(self) -> SearchProduct:
        return PRODUCTS[self.kind]


def search_command(distribution: SearchDistribution, folder: Path, heap_mb: int, java_flags: tuple[str, ...]) -> list[str]:
    """Give the command that starts a server on the configuration in `folder`."""
    product = distribution.product
    return [
        str(distribution.java.path),
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        *java_flags,
        *WITHOUT_NATIVE_CODE,
        *QUIET_NETTY,
        *product.java_flags,
        # Newer Javas ask for it, and it is the default of the older ones.
        "-Djava.security.manager=allow",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j.shutdownHookEnabled=false",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-D{product.prefix}.path.home={distribution.home}",
        f"-D{product.prefix}.path.conf={folder / 'config'}",
        "-cp",
        str(distribution.home / "lib" / "*"),
        product.main,
    ]


def search_settings(product: SearchProduct, ports: list[int], folder: Path, overrides: Mapping[str, object]) -> str:
    """Render the `opensearch.yml` or `elasticsearch.yml` of a lone node; `overrides` win."""
    settings: dict[str, object] = {
        "cluster.name": "wellhead",
        "node.name": "search",
        "discovery.type": "single-node",
        "network.host": LOOPBACK,
        "http.port": ports[0],
        product.transport_port: ports[1],
        "path.data": str(folder / "data"),
        "path.logs": str(folder / "logs"),
        # What containers and small disks refuse.
        "node.store.allow_mmap": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        **overrides,
    }
    # JSON's strings and lists are YAML's.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
