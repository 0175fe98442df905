"""Takes ports, folders and overrides, gives the files a KRaft broker starts from, never runs Kafka's format tool."""

import base64
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wellhead.stack.ports import LOOPBACK

# Fixed, so that a folder's files can be written without asking Kafka for an id.
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"


@dataclass(frozen=True)
class BrokerAddress:
    """Where one broker (and controller) listens on the loopback interface."""

    node_id: int
    port: int
    controller_port: int


@dataclass(frozen=True)
class ExtraListener:
    """Another loopback port of a broker, whose clients are sent to `advertised_port`: what listens there stands between them and it."""

    name: str
    port: int
    advertised_port: int
    node_id: int = 1


def server_properties(
    node: BrokerAddress,
    cluster: Sequence[BrokerAddress],
    log_dir: Path,
    overrides: Mapping[str, str],
    extra: Sequence[ExtraListener] = (),
) -> str:
    """Render `server.properties` of one broker, with those `extra` listeners that are its own; `overrides` win over everything."""
    size = len(cluster)
    needed = 2 if size > 1 else 1
    voters = ",".join(f"{peer.node_id}@{LOOPBACK}:{peer.controller_port}" for peer in cluster)
    settings: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": node.node_id,
        "controller.quorum.voters": voters,
        **_listeners(node, [listener for listener in extra if listener.node_id == node.node_id]),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(log_dir),
        # Wellhead creates its topics with explicit settings; a mistyped name must fail, not appear.
        "auto.create.topics.enable": "false",
        "default.replication.factor": size,
        "min.insync.replicas": needed,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        settings |= {f"{topic}.replication.factor": size, f"{topic}.num.partitions": 1}
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.min.isr"] = needed
    if size > 1:
        settings |= _FAST_FAILOVER
    settings |= dict(overrides)
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _listeners(node: BrokerAddress, extra: Sequence[ExtraListener]) -> dict[str, str]:
    own = [f"PLAINTEXT://{LOOPBACK}:{node.port}", f"CONTROLLER://{LOOPBACK}:{node.controller_port}"]
    return {
        "listeners": ",".join(own + [f"{listener.name}://{LOOPBACK}:{listener.port}" for listener in extra]),
        "advertised.listeners": ",".join(
            own[:1] + [f"{listener.name}://{LOOPBACK}:{listener.advertised_port}" for listener in extra]
        ),
        "listener.security.protocol.map": ",".join(
            f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *(listener.name for listener in extra))
        ),
    }


# A killed broker is noticed in 3 s (default 9 s) and a lost controller replaced in about 1 s. Not for a lone broker: on a
# busy machine it would expel itself, and a lone broker that does may leave transactions open for ever.
_FAST_FAILOVER: Mapping[str, int] = {
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1000,
}


def format_log_dir(log_dir: Path, node_id: int, checkpoint: Path) -> None:
    """Make `log_dir` a formatted one, as Kafka's format tool would; leaves a formatted one alone.

    `checkpoint` carries the feature levels: without it a broker starts, but with old transactions and no KIP-848 groups.
    """
    meta = log_dir / "meta.properties"
    if meta.exists():
        return
    log_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkpoint, log_dir / checkpoint.name)
    meta.write_text(f"version=1\ncluster.id={CLUSTER_ID}\nnode.id={node_id}\ndirectory.id={directory_id()}\n")


def directory_id() -> str:
    """Return a random id as Kafka writes them: real base64url of 16 bytes, without padding."""
    # Kafka refuses ids that begin with a dash, as they look like options.
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return text
