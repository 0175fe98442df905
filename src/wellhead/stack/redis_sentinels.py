"""Takes options, gives a Redis master, its replica and three Sentinels on loopback, never one whose replica has not yet its copy."""

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wellhead.stack.awaiting import wait_until
from wellhead.stack.data_dir import DataDir
from wellhead.stack.errors import StackError
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.process import ServerProcess
from wellhead.stack.redis import RedisOptions, RedisServer, connection, quoted, redis_program
from wellhead.stack.standalone import StandaloneServer

SENTINELS = 3
QUORUM = 2
SET_SECS = 60.0


@dataclass(frozen=True)
class SentinelOptions:
    """How the set runs.

    Attributes:
        name: What the Sentinels call the master.
        down_after_ms: How long a master may be silent before the Sentinels elect another.
        password: What clients must give the master and the replica; None lets everyone in.
        sentinel_password: What clients must give the Sentinels; None lets everyone in.
    """

    name: str = "mymaster"
    down_after_ms: int = 3000
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)


class RedisSentinels:
    """One master, one replica and three Sentinels; a `with` block starts them, and closes them at its end.

    Not safe for use from several threads at once.

    Args:
        options: How to run them.
    """

    def __init__(self, options: SentinelOptions | None = None) -> None:
        self.options = options or SentinelOptions()
        self._data = DataDir(None)
        self.folder = self._data.path
        self.servers: tuple[RedisServer, ...] = ()
        self.sentinels: tuple[_Sentinel, ...] = ()

    @property
    def url(self) -> str:
        """Where the Sentinels are, the master's name and database, without passwords."""
        addresses = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{addresses}/{self.options.name}/0"

    @property
    def master(self) -> RedisServer:
        """The server the Sentinels name as master now; it may be dead, when they do not know yet.

        Raises:
            StackError: no Sentinel answers.
        """
        port = self._master_port()
        return next(server for server in self.servers if server.port == port)

    @property
    def replica(self) -> RedisServer:
        """The other one."""
        port = self._master_port()
        return next(server for server in self.servers if server.port != port)

    @property
    def master_pid(self) -> int | None:
        """The pid of `master`; None while it is down."""
        return self.master.pid

    def start(self) -> None:
        """Start all five; returns once the replica has its copy and every Sentinel knows the whole set.

        Raises:
            StartError: one exited or was not ready in time.
        """
        first = RedisServer(self.folder / "redis-1", self._server_options(None), name="redis-1")
        self.servers = (first,)
        first.start()
        second = RedisServer(self.folder / "redis-2", self._server_options(first.port), name="redis-2")
        self.servers = (first, second)
        second.start()
        wait_until(lambda: self._is_copied(second), SET_SECS, f"{second.name} to have its copy", second.log_path)
        for number in range(1, SENTINELS + 1):
            sentinel = _Sentinel(self.folder / f"sentinel-{number}", f"sentinel-{number}", first.port, self.options)
            self.sentinels = (*self.sentinels, sentinel)
            sentinel.start()
        self.wait_whole()

    def wait_whole(self, timeout_secs: float = SET_SECS) -> None:
        """Return once there is a master, a replica with its copy, and three Sentinels that know of each other.

        Raises:
            StartError: this is not so in time.
        """
        wait_until(self._is_whole, timeout_secs, "the Sentinel set to be whole", self.sentinels[0].log_path)

    def kill_master(self) -> RedisServer:
        """SIGKILL the present master; returns it once it is gone, which is before the Sentinels elect another."""
        master = self.master
        master.kill()
        return master

    def wait_failover(self, old: RedisServer, timeout_secs: float = SET_SECS) -> RedisServer:
        """Return the master that every Sentinel names instead of `old`.

        Raises:
            StartError: they name none in time.
        """
        wait_until(
            lambda: self._moved_from(old), timeout_secs, "the Sentinels to elect another master", self.sentinels[0].log_path
        )
        return self.master

    def close(self) -> None:
        """Stop all, free their ports, delete their folder; safe to call twice."""
        for server in (*self.sentinels, *self.servers):
            server.kill()
            server.close()
        self._data.close()

    def _server_options(self, master_port: int | None) -> RedisOptions:
        settings: dict[str, str | int] = {"replicaof": f"{LOOPBACK} {master_port}"} if master_port else {}
        if self.options.password:
            # Either may become the other's replica.
            settings["masterauth"] = quoted(self.options.password)
        return RedisOptions(password=self.options.password, settings=settings)

    def _is_copied(self, replica: RedisServer) -> bool:
        with connection(replica.port, self.options.password) as client:
            return bool(client.info("replication").get("master_link_status") == "up")

    def _is_whole(self) -> bool:
        seen = [self._seen_by(sentinel) for sentinel in self.sentinels]
        agreed = len({state["port"] for state in seen}) == 1
        known = all(state["num-slaves"] == len(self.servers) - 1 for state in seen)
        met = all(state["num-other-sentinels"] == len(self.sentinels) - 1 for state in seen)
        return agreed and known and met and self._is_copied(self.replica)

    def _moved_from(self, old: RedisServer) -> bool:
        ports = {self._seen_by(sentinel)["port"] for sentinel in self.sentinels if sentinel.pid}
        if len(ports) != 1 or old.port in ports:
            return False
        with connection(ports.pop(), self.options.password) as client:
            return bool(client.info("replication")["role"] == "master")

    def _master_port(self) -> int:
        failures = []
        for sentinel in self.sentinels:
            try:
                return int(self._seen_by(sentinel)["port"])
            except Exception as error:  # noqa: BLE001 - the next one may know
                failures.append(f"{sentinel.name}: {error}")
        raise StackError(f"no Sentinel names a master of {self.options.name}: {'; '.join(failures) or 'not started'}")

    def _seen_by(self, sentinel: "_Sentinel") -> dict[str, Any]:
        with connection(sentinel.port, self.options.sentinel_password) as client:
            return dict(client.sentinel_master(self.options.name))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Sentinel(StandaloneServer):
    """One Sentinel; it writes what it learns into its own configuration file."""

    def __init__(self, folder: Path, name: str, master_port: int, options: SentinelOptions) -> None:
        self._master_port = master_port
        self._options = options
        super().__init__(name, folder)

    def _process(self, ports: list[int]) -> ServerProcess:
        config = self.folder / "sentinel.conf"
        config.touch(mode=0o600)
        config.write_text(sentinel_conf(ports[0], self.folder, self._master_port, self._options))
        argv = [str(redis_program()), str(config), "--sentinel"]
        return ServerProcess(self.name, argv, self.folder, lambda log: "+monitor master" in log)


def sentinel_conf(port: int, folder: Path, master_port: int, options: SentinelOptions) -> str:
    """Render a Sentinel's configuration file."""
    name = options.name
    lines = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"dir {quoted(str(folder))}",
        f"sentinel monitor {name} {LOOPBACK} {master_port} {QUORUM}",
        f"sentinel down-after-milliseconds {name} {options.down_after_ms}",
        f"sentinel failover-timeout {name} {3 * options.down_after_ms}",
        f"sentinel parallel-syncs {name} 1",
        *([f"sentinel auth-pass {name} {quoted(options.password)}"] if options.password else []),
        *([f"requirepass {quoted(options.sentinel_password)}"] if options.sentinel_password else []),
    ]
    return "".join(f"{line}\n" for line in lines)
