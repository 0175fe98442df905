"""Takes options, gives a Redis Cluster of masters on loopback, never one with a slot that nobody serves."""

from types import TracebackType
from typing import Self

from wellhead.stack.awaiting import wait_until
from wellhead.stack.data_dir import DataDir
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.redis import RedisOptions, RedisServer, connection, quoted

SLOTS = 16_384
# Redis before 7 knows no other place for the port on which the nodes talk.
BUS_DISTANCE = 10_000
NODE_TIMEOUT_MS = 5000
FORM_SECS = 60.0


class RedisCluster:
    """Masters without replicas; a `with` block starts them, and closes them at its end.

    While one is down the cluster serves nobody. Not safe for use from several threads at once.

    Args:
        masters: How many.
        password: What clients must give; None lets everyone in.
    """

    def __init__(self, *, masters: int = 3, password: str | None = None) -> None:
        self._data = DataDir(None)
        self.folder = self._data.path
        self._masters = masters
        self._password = password
        self.servers: tuple[RedisServer, ...] = ()

    @property
    def url(self) -> str:
        """Where the nodes are, without a password."""
        return "redis+cluster://" + ",".join(f"{LOOPBACK}:{server.port}" for server in self.servers)

    def start(self) -> None:
        """Start the nodes, and return once every one says that all slots are served.

        Raises:
            StartError: one exited, or they did not form a cluster in time.
        """
        for number in range(1, self._masters + 1):
            server = _Node(self.folder / f"redis-{number}", self._options(), name=f"redis-{number}")
            self.servers = (*self.servers, server)
            server.start()
        self._form()
        self.wait_whole()

    def wait_whole(self, timeout_secs: float = FORM_SECS) -> None:
        """Return once every node knows every other and all slots are served.

        Raises:
            StartError: this is not so in time.
        """
        wait_until(self._is_whole, timeout_secs, "the Redis Cluster to be whole", self.servers[0].log_path)

    def kill(self, number: int) -> None:
        """SIGKILL a node, numbered from 1; returns once it is gone."""
        self.servers[number - 1].kill()

    def restart(self, number: int) -> None:
        """Start a node again on its data; returns once the cluster is whole.

        Raises:
            StartError: this is not so in time.
        """
        self.servers[number - 1].restart()
        self.wait_whole()

    def close(self) -> None:
        """Stop all, free their ports, delete their folder; safe to call twice."""
        for server in self.servers:
            server.close()
        self._data.close()

    def _options(self) -> RedisOptions:
        settings: dict[str, str | int] = {
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            "cluster-announce-ip": LOOPBACK,
        }
        if self._password:
            settings["masterauth"] = quoted(self._password)
        return RedisOptions(password=self._password, settings=settings)

    def _form(self) -> None:
        first = self.servers[0]
        for index, server in enumerate(self.servers):
            with connection(server.port, self._password) as node:
                share = range(SLOTS * index // self._masters, SLOTS * (index + 1) // self._masters)
                # Distinct epochs, or the nodes settle among themselves who of equals is right.
                node.execute_command("CLUSTER SET-CONFIG-EPOCH", index + 1)
                node.execute_command("CLUSTER ADDSLOTS", *share)
                if server is not first:
                    node.execute_command("CLUSTER MEET", LOOPBACK, first.port)

    def _is_whole(self) -> bool:
        return all(self._sees_all(server) for server in self.servers)

    def _sees_all(self, server: RedisServer) -> bool:
        with connection(server.port, self._password) as node:
            seen = node.execute_command("CLUSTER INFO")
        return bool(
            seen["cluster_state"] == "ok"
            and int(seen["cluster_slots_ok"]) == SLOTS
            and int(seen["cluster_known_nodes"]) == self._masters
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Node(RedisServer):
    """A node keeps a second port, for the others."""

    def _take(self, preferred: list[int]) -> list[int]:
        return self._lease.take_apart(BUS_DISTANCE, preferred[0] if preferred else None)
