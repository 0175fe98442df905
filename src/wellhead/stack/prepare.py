"""Takes the jar cache and a Java, gives servers ready to start, never does in a later start what was done once."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from wellhead.stack.archive import archive_flags
from wellhead.stack.cache import file_lock
from wellhead.stack.errors import StackError
from wellhead.stack.jars import JarCache
from wellhead.stack.java import OLDEST, Java
from wellhead.stack.kafka import LOG_CONFIG, KafkaCluster, KafkaDistribution
from wellhead.stack.kafka_files import CLUSTER_ID, BrokerAddress, server_properties
from wellhead.stack.painless import add_painless
from wellhead.stack.ports import PortLease
from wellhead.stack.progress import Reporter
from wellhead.stack.registry import RegistryDistribution, SchemaRegistry
from wellhead.stack.search_files import PRODUCTS, SearchDistribution, SearchKind
from wellhead.stack.unpack import unpacked, unpacked_folder

FORMAT_SECS = 60
# The class archive is written while the JVM exits.
TRAINING_STOP_SECS = 60.0


def prepare_kafka(root: Path, jars: JarCache, java: Java, reporter: Reporter) -> KafkaDistribution:
    """Return a Kafka ready to start, from the cache where possible."""
    paths = jars.paths("kafka")
    plain = KafkaDistribution(java, tuple(paths), _checkpoint(root, java, paths))

    def train(flags: list[str]) -> None:
        ports = PortLease()
        with tempfile.TemporaryDirectory(prefix="wellhead-training-") as folder:
            address = BrokerAddress(1, *ports.take(2))
            cluster = KafkaCluster(replace(plain, archive_flags=tuple(flags)), [address], Path(folder))
            try:
                cluster.spawn()
                cluster.wait_ready()
            finally:
                cluster.stop(TRAINING_STOP_SECS)
                ports.release()

    flags = archive_flags("kafka", folder=root / "archives", java=java, jars=paths, train=train, reporter=reporter)
    return replace(plain, archive_flags=tuple(flags))


def prepare_registry(root: Path, jars: JarCache, java: Java, reporter: Reporter) -> RegistryDistribution:
    """Return a registry ready to start, from the cache where possible."""
    runner = next(unpacked(root, jars.paths("registry")[0]).glob("*-runner.jar"))
    plain = RegistryDistribution(java, runner)

    def train(flags: list[str]) -> None:
        ports = PortLease()
        with tempfile.TemporaryDirectory(prefix="wellhead-training-") as folder:
            registry = SchemaRegistry(replace(plain, archive_flags=tuple(flags)), ports.take(1)[0], Path(folder))
            try:
                registry.spawn()
                registry.wait_ready()
            finally:
                registry.stop(TRAINING_STOP_SECS)
                ports.release()

    libraries = [runner, *sorted((runner.parent / "lib").glob("*.jar"))]
    flags = archive_flags("registry", folder=root / "archives", java=java, jars=libraries, train=train, reporter=reporter)
    return replace(plain, archive_flags=tuple(flags))


def prepare_search(kind: SearchKind, root: Path, jars: JarCache, java: Java, reporter: Reporter) -> SearchDistribution:
    """Return a search server ready to start, from the cache where possible.

    Raises:
        StackError: it cannot be had, or does not run on this Java.
    """
    product = PRODUCTS[kind]
    if java.major > product.newest_java:
        raise StackError(
            f"{product.title} runs on Java {OLDEST} to {product.newest_java}, {java.path} is Java {java.version}. "
            "Leave --java and WELLHEAD_JAVA out for the one from PyPI, which fits"
        )
    archive, *modules = jars.paths(kind)
    if not unpacked_folder(root, archive).exists():
        reporter.say(f"unpacking {product.title} (once)")
    home = next(unpacked(root, archive, product.wants).glob(f"{kind}-*"))
    if modules:
        add_painless(root, home, modules)
    return SearchDistribution(kind, java, home)


def _checkpoint(root: Path, java: Java, jars: list[Path]) -> Path:
    """Return the feature-level file of a formatted folder; it holds nothing of a node, so one serves every broker."""
    version = next(jar.parent.name for jar in jars if jar.name.startswith("kafka_"))
    kept = root / "kafka" / version / "bootstrap.checkpoint"
    with file_lock(kept.parent / ".lock"):
        if kept.exists():
            return kept
        with tempfile.TemporaryDirectory(prefix="wellhead-format-") as name:
            folder = Path(name)
            address = BrokerAddress(1, 1, 2)
            config = folder / "server.properties"
            config.write_text(server_properties(address, [address], folder / "data", {}))
            _format(java, jars, config)
            part = kept.with_suffix(".part")
            shutil.copyfile(folder / "data" / "bootstrap.checkpoint", part)
            part.replace(kept)
    return kept


def _format(java: Java, jars: list[Path], config: Path) -> None:
    tool = [str(java.path), f"-Dlog4j2.configurationFile={LOG_CONFIG}", "-cp", os.pathsep.join(map(str, jars))]
    command = [*tool, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=FORMAT_SECS)
    except subprocess.CalledProcessError as error:
        raise StackError(f"Kafka's format tool failed on {java.path}: {error.stdout}{error.stderr}") from error
