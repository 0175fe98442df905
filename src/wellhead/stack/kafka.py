"""Takes a prepared Kafka and a folder, gives a running KRaft cluster on loopback, never a broker that outlives us."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wellhead.stack.errors import StackError
from wellhead.stack.java import Java
from wellhead.stack.kafka_files import BrokerAddress, ExtraListener, format_log_dir, server_properties
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.process import ServerProcess

START_SECS = 120.0
STOP_SECS = 10.0
LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
# Right for short lives; for long measurements leave the JVM its own compiler and collector: `java_flags=()`.
QUICK_START_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class KafkaOptions:
    """How the brokers run.

    Attributes:
        heap_mb: Each broker's maximum heap in MiB.
        java_flags: JVM flags besides the heap.
        properties: `server.properties` entries that win over the stack's own.
        extra_listeners: More ports of the brokers, such as one behind a proxy that a test may cut.
    """

    heap_mb: int = 256
    java_flags: tuple[str, ...] = QUICK_START_FLAGS
    properties: Mapping[str, str] = field(default_factory=dict)
    extra_listeners: tuple[ExtraListener, ...] = ()


@dataclass(frozen=True)
class KafkaDistribution:
    """A Kafka that is ready to run: its Java, jars, formatted-folder checkpoint and archive flags."""

    java: Java
    jars: tuple[Path, ...]
    checkpoint: Path
    archive_flags: tuple[str, ...] = ()

    @property
    def class_path(self) -> str:
        return os.pathsep.join(map(str, self.jars))


class KafkaCluster:
    """One or more combined broker-controllers, numbered from 1.

    Args:
        distribution: What to run.
        addresses: Where each broker listens; kept over restarts.
        folder: Where configuration, logs and data live, a folder per broker.
        options: How to run it.
    """

    def __init__(
        self,
        distribution: KafkaDistribution,
        addresses: list[BrokerAddress],
        folder: Path,
        options: KafkaOptions | None = None,
    ) -> None:
        self.addresses = tuple(addresses)
        self._folder = folder
        self._distribution = distribution
        self._options = options or KafkaOptions()
        self._brokers = {address.node_id: self._broker(address) for address in addresses}

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of every broker, comma-separated."""
        return ",".join(f"{LOOPBACK}:{address.port}" for address in self.addresses)

    @property
    def processes(self) -> tuple[ServerProcess, ...]:
        """The brokers' processes in order of their numbers."""
        return tuple(self._brokers.values())

    def spawn(self) -> None:
        """Start every broker without waiting."""
        for address in self.addresses:
            format_log_dir(self._log_dir(address), address.node_id, self._distribution.checkpoint)
            text = server_properties(
                address, self.addresses, self._log_dir(address), self._options.properties, self._options.extra_listeners
            )
            self._config(address).write_text(text)
            self._brokers[address.node_id].start()

    def wait_ready(self, timeout_secs: float = START_SECS) -> None:
        """Return once every broker is registered and unfenced.

        Raises:
            StartError: one exited or was not ready in time.
        """
        for broker in self._brokers.values():
            broker.wait_ready(timeout_secs)

    def stop(self, timeout_secs: float = STOP_SECS) -> None:
        """Stop every broker cleanly, by SIGKILL after `timeout_secs`."""
        for broker in self._brokers.values():
            broker.signal_stop()
        for broker in self._brokers.values():
            broker.stop(timeout_secs)

    def pid(self, node_id: int = 1) -> int | None:
        """A broker's pid; None while it is down."""
        return self._one(node_id).pid

    def kill(self, node_id: int = 1) -> None:
        """SIGKILL one broker; returns once it is gone."""
        self._one(node_id).kill()

    def restart(self, node_id: int = 1, timeout_secs: float = START_SECS) -> None:
        """Start a killed or stopped broker again on its ports and data (a running one is stopped first); returns once ready.

        Raises:
            StartError: it exited or was not ready in time.
        """
        broker = self._one(node_id)
        broker.stop(STOP_SECS)
        broker.start()
        broker.wait_ready(timeout_secs)

    def pause(self, node_id: int = 1) -> None:
        """Freeze one broker (SIGSTOP): its connections stay open and nothing answers."""
        self._one(node_id).pause()

    def resume(self, node_id: int = 1) -> None:
        """Let a paused broker go on."""
        self._one(node_id).resume()

    def _one(self, node_id: int) -> ServerProcess:
        if node_id not in self._brokers:
            raise StackError(f"there is no broker {node_id}; the brokers are {sorted(self._brokers)}")
        return self._brokers[node_id]

    def _broker(self, address: BrokerAddress) -> ServerProcess:
        distribution, options = self._distribution, self._options
        argv = [
            str(distribution.java.path),
            f"-Xmx{options.heap_mb}m",
            *options.java_flags,
            *distribution.archive_flags,
            f"-Dlog4j2.configurationFile={LOG_CONFIG}",
            "-cp",
            distribution.class_path,
            "kafka.Kafka",
            str(self._config(address)),
        ]
        return ServerProcess(f"broker-{address.node_id}", argv, self._home(address), _is_started)

    def _home(self, address: BrokerAddress) -> Path:
        return self._folder / f"broker-{address.node_id}"

    def _log_dir(self, address: BrokerAddress) -> Path:
        return self._home(address) / "data"

    def _config(self, address: BrokerAddress) -> Path:
        return self._home(address) / "server.properties"


def _is_started(log: str) -> bool:
    # Said after the controller has unfenced the broker, so clients are served from here on.
    return "Kafka Server started" in log
