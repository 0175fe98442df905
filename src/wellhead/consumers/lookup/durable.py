"""Takes a finished temporary file, gives it its name in one step that survives a power cut; never leaves half a file under a name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wellhead.errors import PermanentError, TemporaryError, WellheadError

_MARK = ".lookup-"
_SUFFIX = ".tmp"
_CHUNK_BYTES = 1024 * 1024


def temporary(folder: Path, name: str) -> Path:
    """Give where to write what will be called `name`: hidden, in the same folder, so that a rename suffices."""
    return folder / f"{_MARK}{name}{_SUFFIX}"


def publish(written: Path, path: Path) -> None:
    """Give a finished temporary file its name: its bytes are on disk before, the name is after."""
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.replace(path)
    sync_folder(path.parent)


def publish_text(path: Path, text: str) -> None:
    """Write a small text file, all of it or nothing."""
    written = temporary(path.parent, path.name)
    written.write_text(text, encoding="utf-8")
    publish(written, path)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> list[str]:
    """Remove what a crash left of files being written; give their names."""
    left = sorted(folder.glob(f"{_MARK}*{_SUFFIX}"))
    for path in left:
        path.unlink(missing_ok=True)
    return [path.name for path in left]


def sha256_of(path: Path) -> str:
    """Give the hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def size_of(path: Path) -> int | None:
    """Give a file's size in bytes, None where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


@contextmanager
def disk_trouble(doing: str) -> Iterator[None]:
    """Tell what the disk refuses as the error whose type is the recovery.

    Raises:
        TemporaryError: The disk is full or failing; the next run tries again.
        PermanentError: The rights are missing.
    """
    try:
        yield
    except PermissionError as error:
        raise _told(PermanentError, doing, error, "give this process's user the right to write there") from error
    except OSError as error:
        raise _told(TemporaryError, doing, error, "what stood there before still stands; make room or mend the disk") from error


def _told(kind: type[WellheadError], doing: str, error: OSError, way_on: str) -> WellheadError:
    what = f"{error.strerror or type(error).__name__}{f' ({error.filename})' if error.filename else ''}"
    return kind(f"cannot {doing}: {what}; {way_on}")
