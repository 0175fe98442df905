"""Takes the environment, gives the cache folder and locks on files in it, never leaves a lock behind a dead process."""

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for downloads and archives: `WELLHEAD_CACHE`, else the user's cache folder."""
    if chosen := environ.get("WELLHEAD_CACHE"):
        return Path(chosen).expanduser().absolute()
    if base := environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser().absolute() / "wellhead"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wellhead"
    return Path.home() / ".cache" / "wellhead"


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, waiting for other processes; the kernel frees it if we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class HeldLock:
    """An exclusive lock on a file, kept until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> bool:
        """Try once; return False when another holder (any process) has it."""
        if self._fd is None:
            return False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Free the lock; safe to call twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def try_lock(path: Path) -> HeldLock | None:
    """Lock `path` without waiting; None when someone else holds it."""
    lock = HeldLock(path)
    if lock.acquire():
        return lock
    lock.release()
    return None
