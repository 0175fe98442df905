"""Takes a search product's name, gives a running node of it on loopback, never one that outlives this process."""

import http.client
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wellhead.stack.cache import cache_dir
from wellhead.stack.jars import JarCache
from wellhead.stack.java import find_java
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.prepare import prepare_search
from wellhead.stack.process import ServerProcess
from wellhead.stack.progress import ConsoleReporter, Reporter
from wellhead.stack.search_files import QUICK_START_FLAGS, SearchDistribution, SearchKind, search_command, search_settings
from wellhead.stack.standalone import StandaloneServer

LOG_CONFIG = Path(__file__).with_name("search-log4j2.properties")
ANSWER_SECS = 5.0
HEALTHY = ("green", "yellow")


@dataclass(frozen=True)
class SearchOptions:
    """How a node runs.

    Attributes:
        port: Where it listens for HTTP; None means any free port.
        heap_mb: Its heap in MiB.
        java_flags: JVM flags besides the heap; for long measurements leave the JVM its own compiler and collector: `()`.
        settings: Entries of its configuration file that win over the stack's own.
        java: `bundled`, `system` or a path; None means `WELLHEAD_JAVA`, else `bundled`.
        cache: Where downloads are kept; None means `WELLHEAD_CACHE`, else the user's cache folder.
    """

    port: int | None = None
    heap_mb: int = 256
    java_flags: tuple[str, ...] = QUICK_START_FLAGS
    settings: Mapping[str, object] = field(default_factory=dict)
    java: str | None = None
    cache: Path | None = None


class SearchServer(StandaloneServer):
    """A lone OpenSearch 2.19 or Elasticsearch 6.8 node without TLS and users; a `with` block starts it, and closes it at its end.

    What it acknowledged is there again after a kill and restart.

    Args:
        kind: `opensearch` or `elasticsearch`.
        folder: Where its configuration, log and data lie, to be kept; None means a throw-away folder.
        options: How to run it.
        reporter: Hears about downloads; None means stderr.

    Raises:
        StackError: it cannot be had, or the Java does not fit; the message holds the next step.
    """

    def __init__(
        self,
        kind: SearchKind = "opensearch",
        folder: Path | None = None,
        options: SearchOptions | None = None,
        *,
        reporter: Reporter | None = None,
    ) -> None:
        self.kind: SearchKind = kind
        self._options = options or SearchOptions()
        reporter = reporter or ConsoleReporter()
        root = self._options.cache or cache_dir()
        jars = JarCache(root, reporter=reporter)
        self._distribution = prepare_search(kind, root, jars, find_java(self._options.java), reporter)
        super().__init__(kind, folder, port=self._options.port, inner_ports=1)

    @property
    def url(self) -> str:
        """Where its HTTP interface is."""
        return f"http://{LOOPBACK}:{self.port}"

    def _process(self, ports: list[int]) -> ServerProcess:
        folder, options = self.folder, self._options
        write_files(self._distribution, ports, folder, options.settings)
        command = search_command(self._distribution, folder, options.heap_mb, options.java_flags)
        return ServerProcess(self.name, command, folder, lambda log: "started" in log and answers_healthy(ports[0]))


def write_files(distribution: SearchDistribution, ports: list[int], folder: Path, overrides: Mapping[str, object]) -> None:
    """Write the folders and files a node starts from."""
    for name in ("config", "data", "logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(LOG_CONFIG, folder / "config" / "log4j2.properties")
    settings = search_settings(distribution.product, ports, folder, overrides)
    (folder / "config" / f"{distribution.kind}.yml").write_text(settings)


def answers_healthy(port: int, timeout_secs: float = ANSWER_SECS) -> bool:
    """Ask a node for its cluster's health: whether every index can be read and written."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_secs)
    try:
        connection.request("GET", "/_cluster/health")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and answer.get("status") in HEALTHY
