"""Takes brokers and a folder, gives a real distributed Kafka Connect worker beside them, never one that outlives this process."""

import os
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from wellhead.stack.cache import cache_dir
from wellhead.stack.errors import StackError
from wellhead.stack.jars import JarCache
from wellhead.stack.java import find_java
from wellhead.stack.kafka import LOG_CONFIG, QUICK_START_FLAGS
from wellhead.stack.ports import LOOPBACK, PortLease
from wellhead.stack.process import ServerProcess

START_SECS = 120.0
STOP_SECS = 10.0
ANSWER_SECS = 2.0
_STORES = {"config": "connect-configs", "offset": "connect-offsets", "status": "connect-status"}


@dataclass(frozen=True)
class ConnectOptions:
    """How a worker runs.

    Attributes:
        heap_mb: Its maximum heap in MiB.
        java_flags: JVM flags besides the heap.
        class_path: Classes of further connectors; each folder names them in `META-INF/services`.
        properties: `worker.properties` entries that win over the stack's own.
    """

    heap_mb: int = 512
    java_flags: tuple[str, ...] = QUICK_START_FLAGS
    class_path: Sequence[Path] = ()
    properties: Mapping[str, object] = field(default_factory=dict)


class ConnectWorker:
    """One worker of a Connect group on the loopback interface; a `with` block starts and stops it.

    It finds the connectors of `connect-file` and the classes it is given.

    Args:
        bootstrap_servers: The brokers.
        folder: Where its properties, plugins and log lie.
        options: How to run it.
    """

    def __init__(self, bootstrap_servers: str, folder: Path, options: ConnectOptions | None = None) -> None:
        options = options or ConnectOptions()
        libraries = JarCache(cache_dir()).paths("connect")
        self._ports = PortLease()
        port = self._ports.take(1)[0]
        self.url = f"http://{LOOPBACK}:{port}"
        plugins = folder / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        properties = folder / "worker.properties"
        properties.write_text(worker_properties(bootstrap_servers, port, plugins, options.properties))
        argv = [
            str(find_java().path),
            f"-Xmx{options.heap_mb}m",
            *options.java_flags,
            f"-Dlog4j2.configurationFile={LOG_CONFIG}",
            "-cp",
            os.pathsep.join(map(str, [*options.class_path, *libraries])),
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(properties),
        ]
        self.process = ServerProcess("connect", argv, folder, lambda _log: self._is_ready())

    @property
    def pid(self) -> int:
        """The worker's pid.

        Raises:
            StackError: It has ended.
        """
        if self.process.pid is None:
            raise StackError(f"the Kafka Connect worker has ended: see {self.process.log_path}")
        return self.process.pid

    def spawn(self) -> None:
        """Start without waiting."""
        self.process.start()

    def wait_ready(self, timeout_secs: float = START_SECS) -> None:
        """Return once it has joined its group and answers for it.

        Raises:
            StartError: it exited or was not ready in time.
        """
        self.process.wait_ready(timeout_secs)

    def stop(self, timeout_secs: float = STOP_SECS) -> None:
        """Stop cleanly, by SIGKILL after `timeout_secs`, and free its port."""
        self.process.stop(timeout_secs)
        self._ports.release()

    def kill(self) -> None:
        """SIGKILL; returns once it is gone."""
        self.process.kill()

    def _is_ready(self) -> bool:
        """Ask `/health`: the rest of the API answers a second or two before the worker knows its group."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=ANSWER_SECS):  # noqa: S310 - loopback
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.spawn()
        self.wait_ready()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def worker_properties(bootstrap_servers: str, port: int, plugins: Path, properties: Mapping[str, object]) -> str:
    """Give the text of a `worker.properties` for one broker's cluster; `properties` win."""
    converter = "org.apache.kafka.connect.storage.StringConverter"
    settings: dict[str, object] = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": "connect",
        "listeners": f"http://{LOOPBACK}:{port}",
        "rest.advertised.host.name": LOOPBACK,
        "key.converter": converter,
        "value.converter": converter,
        **{f"{store}.storage.topic": topic for store, topic in _STORES.items()},
        **{f"{store}.storage.replication.factor": 1 for store in _STORES},
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        "connector.client.config.override.policy": "All",
        "plugin.path": plugins,
        # Otherwise every jar is searched for classes, which takes twenty seconds.
        "plugin.discovery": "service_load",
        # By default the tasks of a worker that died rest for five minutes.
        "scheduled.rebalance.max.delay.ms": 0,
        **properties,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
