"""Takes a downloaded body, gives the members of its ZIP in order as streams of text; never trusts a name or a length.

A member that is neither gzip nor a plain log is named as unknown. A ZIP or gzip stream that ends early, or whose checksum is
wrong, is a `BrokenArchiveError`.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from isal import igzip, isal_zlib

from connectors.wss.lines import Readable
from connectors.wss.position import BrokenArchiveError
from wellhead import TemporaryError

HOUR_MS = 3_600_000
_InflateError = cast("type[Exception]", isal_zlib.error)
DAMAGE = (EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error, _InflateError)
_STAMP = re.compile(r"_(\d{14})(?!\d)")
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive.

    Attributes:
        name: Its name as the vendor gave it.
        mark: What the ZIP's directory says of it, enough to tell it from another.
        hour_ms: The hour its name is stamped with, None when it has no readable stamp.
        readable: Whether it holds log lines as far as its name tells.
    """

    name: str
    mark: bytes
    hour_ms: int | None
    readable: bool


class Archive:
    """An open ZIP with a trailer behind it; close it with `close`."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise unreadable(error) from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise BrokenArchiveError(f"the archive of {path.stat().st_size:,} bytes is no readable ZIP: {error}") from None
        self._infos = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        self.members = tuple(_member(info) for info in self._infos)

    def open(self, index: int) -> Readable:
        """Open a member for reading its text; gzip members that follow each other in one file are one text."""
        with broken(self.members[index].name):
            raw = self._zip.open(self._infos[index])
            if not self.members[index].name.lower().endswith(".gz"):
                return raw
            return cast("Readable", igzip.IGzipFile(fileobj=raw))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._zip.close()


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Turn what reading a damaged member raises into `BrokenArchiveError`."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(error) from error
        raise BrokenArchiveError(
            f"archive member {name} cannot be read to its end: {str(error) or type(error).__name__}"
        ) from error


def unreadable(error: OSError) -> TemporaryError:
    """Give what it means that this machine, not the vendor, fails to read the spooled archive."""
    return TemporaryError(
        f"the spooled archive cannot be read: {error.strerror}. Check the disk of spool.dir and the limit of open files; it is asked for again"
    )


def _member(info: zipfile.ZipInfo) -> Member:
    readable = info.filename.lower().endswith((".gz", ".log")) and not info.flag_bits & _ENCRYPTED
    mark = f"{info.filename}\0{info.file_size}\0{info.CRC}\0".encode()
    return Member(info.filename, mark, _hour_ms(info.filename), readable)


def _hour_ms(name: str) -> int | None:
    stamps = _STAMP.findall(name.rsplit("/", 1)[-1])
    if not stamps:
        return None
    try:
        stamp = datetime.strptime(stamps[-1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(stamp.timestamp()) * 1000 // HOUR_MS * HOUR_MS
