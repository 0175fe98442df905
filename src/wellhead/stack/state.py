"""Takes the cache folder, gives what the background stack said about itself, never believes a state whose owner is dead."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wellhead.stack.cache import try_lock
from wellhead.stack.stack import Stack


@dataclass(frozen=True)
class ServerState:
    """One server of a background stack."""

    name: str
    pid: int
    address: str
    log: str


@dataclass(frozen=True)
class StackState:
    """A background stack; `pid` is its supervisor's."""

    pid: int
    brokers: int
    bootstrap_servers: str
    registry_url: str | None
    data_dir: str
    kept: bool
    servers: tuple[ServerState, ...]
    beside: dict[str, str] = field(default_factory=dict)
    """Addresses of the servers beside the brokers, by the names they were asked for with."""

    @classmethod
    def of(cls, stack: Stack, pid: int) -> "StackState":
        """Describe a running stack."""
        beside = {name: server.url for name, server in stack.beside.items()}
        registry = [stack.registry.url] if stack.registry else []
        addresses = [*stack.bootstrap_servers.split(","), *registry, *beside.values()]
        return cls(
            pid=pid,
            brokers=len(stack.kafka.addresses),
            bootstrap_servers=stack.bootstrap_servers,
            registry_url=stack.registry.url if stack.registry else None,
            data_dir=str(stack.data_dir),
            kept=stack.keeps_data,
            servers=tuple(
                ServerState(process.name, process.pid or 0, address, str(process.log_path))
                for process, address in zip(stack.processes, addresses, strict=True)
            ),
            beside=beside,
        )


class StateFile:
    """Where the one background stack of a cache folder leaves its state.

    The supervisor holds a lock beside it for its whole life, so a dead supervisor cannot look alive.
    """

    def __init__(self, cache: Path) -> None:
        self.folder = cache / "state"
        self.lock_path = self.folder / "stack.lock"
        self.log_path = self.folder / "supervisor.log"
        self._path = self.folder / "stack.json"

    def write(self, state: StackState) -> None:
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(asdict(state)))
        part.replace(self._path)

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def owned(self) -> bool:
        """Tell whether a supervisor lives, also one that is still starting."""
        lock = try_lock(self.lock_path)
        if lock is None:
            return True
        lock.release()
        return False

    def read(self) -> StackState | None:
        """Return the state of the stack that is up; None when none is."""
        if not self._path.exists() or not self.owned():
            return None
        found = json.loads(self._path.read_text())
        servers = tuple(ServerState(**server) for server in found.pop("servers"))
        return StackState(**found, servers=servers)
