"""Takes a finished lookup file, gives a copy of it in a folder, replaced in one step; never writes outside that folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

from pydantic import BaseModel, Field

from wellhead.api import Config
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.targets import BlockingClock, LookupFile, LookupTarget

_CHUNK_BYTES: Final = 1 << 20
_MS_PER_SEC: Final = 1_000
_LEFT_AFTER_MS: Final = 3_600_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})


class DirectoryConfig(Config):
    """Options of the folder."""

    path: Path = Field(description="Folder the files are put into; made when it is missing. Nothing else in it is touched.")
    mode: str = Field("0644", pattern=r"^0[0-7]{3}$", description="Permissions of the files, in octal.")
    max_bytes: int | None = Field(None, ge=1, description="Largest file that is put there, in bytes; unset = no limit.")


class DirectoryTarget(LookupTarget[DirectoryConfig]):
    """A folder: local, or a mounted share that many read from.

    A file is copied beside its place under a hidden name, checked against its checksum, forced to disk and then renamed, so
    that a reader, or a machine that stops in between, finds the old file or the new one.
    """

    name = "directory"
    title = "A folder on this machine"
    config: ClassVar[type[BaseModel]] = DirectoryConfig

    def __init__(self, options: DirectoryConfig, clock: BlockingClock) -> None:
        super().__init__(options, clock)
        self.max_bytes = options.max_bytes

    def size_of(self, name: str) -> int | None:
        self.require_plain(name)
        path = self.options.path / name
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refusal(error, f"cannot look at {path}") from error
        if not stat.S_ISREG(found.st_mode):
            raise PermanentError(f"directory: {path} is not a regular file; remove it, or give the lookup another folder")
        return found.st_size

    def put(self, file: LookupFile) -> None:
        self.require_plain(file.name)
        self.require_fit(file)
        folder = self.options.path
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._sweep(file.name)
            self._replace(file, folder)
        except OSError as error:
            raise _refusal(error, f"cannot put {file.name} ({file.nbytes:,} bytes) into {folder}", folder) from error

    def _replace(self, file: LookupFile, folder: Path) -> None:
        handle, hidden = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "wb") as copy:
                _copy(file, copy)
                os.fchmod(copy.fileno(), int(self.options.mode, 8))
                copy.flush()
                os.fsync(copy.fileno())
            Path(hidden).replace(folder / file.name)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(hidden).unlink(missing_ok=True)
            raise
        _sync(folder)

    def _sweep(self, name: str) -> None:
        """Remove what a process that was killed in the middle of a copy has left; a young one may still be written."""
        for left in self.options.path.glob(f".{name}.*.part"):
            if self.clock.now_ms() - left.stat().st_mtime * _MS_PER_SEC > _LEFT_AFTER_MS:
                left.unlink(missing_ok=True)


def _copy(file: LookupFile, copy: BinaryIO) -> None:
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise TemporaryError(
            f"directory: {file.path} is not what its manifest says (another checksum); nothing was replaced, the next run builds it anew"
        )


def _sync(folder: Path) -> None:
    # The rename itself is only safe from a power cut once the folder is on disk.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(error: OSError, doing: str, folder: Path | None = None) -> WellheadError:
    told = ": ".join(filter(None, [error.strerror or type(error).__name__, str(error.filename or "")]))
    if error.errno in _FULL:
        return TemporaryError(
            f"directory: {doing}: {told}{_room(folder)}. The former file stays in place; make room, or set directory.path to another disk"
        )
    if error.errno in _FORBIDDEN:
        return PermanentError(
            f"directory: {doing}: {told}. Give the user of this process (uid {os.geteuid()}) the right to write there, or set "
            "directory.path to another folder"
        )
    return TemporaryError(f"directory: {doing}: {told}. The former file stays in place; it is tried again at the next run")


def _room(folder: Path | None) -> str:
    if folder is None:
        return ""
    try:
        return f" ({shutil.disk_usage(folder).free:,} bytes are free)"
    except OSError:
        return ""
