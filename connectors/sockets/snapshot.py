"""Takes the options, gives the connections there are now by the schema's columns, and when; compares nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.sockets import files
from connectors.sockets.options import SocketsConfig
from wellhead import PermanentError, Reject, in_thread

if TYPE_CHECKING:  # an idle worker should not hold polars for this
    import polars as pl

_TABLES = ("tcp", "tcp6")
_OWN = Path("/proc")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen.

    Attributes:
        frame: One row a connection.
        rejects: Lines that are none.
        recorded_ms: When it was recorded, epoch ms; None if it was taken now.
    """

    frame: pl.DataFrame
    rejects: list[Reject]
    recorded_ms: int | None = None


async def from_kernel(config: SocketsConfig) -> Snapshot:
    """Ask the kernel.

    Raises:
        OSError: It does not answer.
    """
    from connectors.sockets import netlink  # noqa: PLC0415

    seen = await in_thread(netlink.sockets)
    return await in_thread(_arranged, seen, [], config, Path(config.proc_root), None)


async def from_files(config: SocketsConfig, sequence: int) -> Snapshot | None:
    """Read the files under `proc_root`; None if they are those of a recording, which has ended.

    Raises:
        PermanentError: There are none.
        TemporaryError: They cannot be read now.
    """
    root = config.root(sequence)
    tables, texts = _tables_of(root), []
    for table in _TABLES:
        path = tables / table
        try:
            texts.append(await files.read(path))
        except FileNotFoundError as error:
            if table != _TABLES[0]:  # a kernel without IPv6
                continue
            if config.recorded and sequence > 1:
                return None
            raise PermanentError(f"{path} does not exist. Set proc_root to the /proc of a Linux machine") from error
    recorded_ms = round((tables / _TABLES[0]).stat().st_mtime * 1_000) if config.recorded else None
    return await in_thread(_read, texts, config, root, recorded_ms)


def _tables_of(root: Path) -> Path:
    """Give the folder of the tables: of another machine's /proc that of its first process, for `net` leads to the reader's own network."""
    net = root / "net"
    return root / "1" / "net" if net.is_symlink() and root != _OWN else net


def _read(texts: list[bytes], config: SocketsConfig, root: Path, recorded_ms: int | None) -> Snapshot:
    import polars as pl  # noqa: PLC0415

    from connectors.sockets.proc import decode  # noqa: PLC0415

    decoded = [decode(text) for text in texts]
    rejects = [reject for _, torn in decoded for reject in torn]
    return _arranged(pl.concat([frame for frame, _ in decoded]), rejects, config, root, recorded_ms)


def _arranged(
    seen: pl.DataFrame, rejects: list[Reject], config: SocketsConfig, root: Path, recorded_ms: int | None
) -> Snapshot:  # fmt: skip
    """Give what the options select, with direction, name and process."""
    from connectors.sockets.arrange import arranged  # noqa: PLC0415

    return Snapshot(arranged(seen, config, root), rejects, recorded_ms)
