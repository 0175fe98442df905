"""Takes a target author's options and blocking methods, gives lookup files a place to be delivered to; never builds or reads a topic.

A target is a `LookupTarget` class named by an entry point of the group `wellhead.targets`: where finished CSV files go so
that people and queries can look things up in them. Its methods block and are called from one thread at a time, never from
an event loop. What they raise says what happens next: `TemporaryError` is tried again (after `after_secs`),
`PermanentError` stops that delivery until a person changes something. The position of a delivery advances only after
`put` or `patch` returned.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel

from wellhead.clock import SystemClock
from wellhead.errors import PermanentError, TemporaryError

_FIRST_WAIT_SECS: Final = 1.0
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")

OptionsT = TypeVar("OptionsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LookupFile:
    """A finished CSV file on this machine's disk, which nobody writes any more.

    Attributes:
        name: What it is called at the target, such as `anomali_threatstream_ip.csv`: letters, digits, `-`, `_` and `.`.
        path: Where it is now. UTF-8, no byte-order mark, a header row, the same number of columns in every row.
        rows: How many rows it has, the header not counted.
        nbytes: Its size in bytes.
        sha256: The hex digest of its bytes.
        key_columns: The header names that together name one row.
    """

    name: str
    path: Path
    rows: int
    nbytes: int
    sha256: str
    key_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Rows added or changed since the last delivery of a file; never removed ones, which only a whole file can tell.

    Attributes:
        path: A CSV with the same header as the file, holding those rows only.
        rows: How many rows it has, the header not counted; at least 1.
        key_columns: The header names that together name one row.
    """

    path: Path
    rows: int
    key_columns: tuple[str, ...]


class BlockingClock(Protocol):
    """What a target asks of time."""

    def now_ms(self) -> int:
        """Wall-clock epoch milliseconds, UTC."""
        ...

    def monotonic_secs(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        ...

    def wait(self, secs: float) -> None:
        """Block the calling thread for `secs` seconds of this clock's time.

        Raises:
            TemporaryError: The process is stopping and the wait was cut short.
        """
        ...


class ThreadClock(SystemClock):
    """The machine's own time for code that blocks.

    Args:
        stopping: Once it is set every wait ends at once with an error; None waits to the end.
    """

    def __init__(self, stopping: threading.Event | None = None) -> None:
        self._stopping = stopping or threading.Event()

    def wait(self, secs: float) -> None:
        if self._stopping.wait(max(0.0, secs)):
            raise TemporaryError("stopping: the delivery is left for the next run")


class LookupTarget(ABC, Generic[OptionsT]):
    """Delivers lookup files to one place.

    `self.options` is the validated model, `self.clock` the time. Say what the target is with the class attributes.

    Attributes:
        name: The target's name, equal to its entry point (and its folder under `connectors/`).
        title: The system in a few words.
        config: The model of its options: a `wellhead.Config`, each option with a description, secrets as `SecretStr`.
        max_bytes: The largest file it takes, in bytes; None when it has no limit of its own. An instance may set its own.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    config: ClassVar[type[BaseModel]]
    max_bytes: int | None = None

    def __init__(self, options: OptionsT, clock: BlockingClock) -> None:
        self.options = options
        self.clock = clock

    @abstractmethod
    def size_of(self, name: str) -> int | None:
        """Give the size in bytes of the file called `name` as the target holds it now; None when it is missing there.

        After a `patch` the target arranges rows its own way, so this size then says nothing about the local file.

        Raises:
            TemporaryError: The target cannot say now; never take that for "missing".
            PermanentError: It refuses to say. A repository that does not exist may look like a missing file; `put` says so.
        """

    @abstractmethod
    def put(self, file: LookupFile) -> None:
        """Deliver the whole file, in place of one of that name, and return once the target is known to hold all its bytes.

        Readers there see the old file or the new one, never a part. Delivering the same file again is harmless.

        Raises:
            TemporaryError: Worth another try; the target holds the old file or the new one.
            PermanentError: It is larger than `max_bytes` (told before a byte is sent), its name is not plain, or the target
                refuses it; names what a person must change.
        """

    def patch(self, name: str, changes: RowChanges) -> bool:  # noqa: ARG002 - for targets that can
        """Add or replace single rows of the file called `name`; False (the default) when this target cannot: put the file.

        Also False when the file is missing there. Applying the same changes again is harmless.

        Raises:
            TemporaryError: Worth another try; some of the rows may have been taken already.
            PermanentError: The target refuses them.
        """
        return False

    def close(self) -> None:
        """Let go of connections; the target is not used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def require_plain(self, name: str) -> None:
        """Refuse a file name that could mean another place.

        Raises:
            PermanentError: It is not 1 to 200 letters, digits, `-`, `_` and `.`, or it starts with a dot.
        """
        if not PLAIN_NAME.fullmatch(name):
            raise PermanentError(
                f"{self.name}: {name!r} cannot be a lookup file's name: use up to 200 letters, digits, '-', '_' and '.', "
                "not starting with a dot"
            )

    def require_fit(self, file: LookupFile) -> None:
        """Refuse a file that is larger than the target takes.

        Raises:
            PermanentError: `file.nbytes` is above `max_bytes`.
        """
        if self.max_bytes is not None and file.nbytes > self.max_bytes:
            raise PermanentError(
                f"{self.name}: {file.name} has {file.nbytes:,} bytes ({file.rows:,} rows), and at most {self.max_bytes:,} are "
                "taken. Nothing was sent. Keep fewer rows or columns in its mapping, or split it over several files"
            )


Check = Literal["size", "content", "none"]
"""What is compared after an upload: the size the target tells, the downloaded bytes, or nothing."""


class CheckedTarget(LookupTarget[OptionsT]):
    """A target that takes a file over a network, so that only asking it tells what it holds."""

    @abstractmethod
    def digest_of(self, name: str) -> str | None:
        """Download the file called `name` to its end and give its SHA-256 in hex; None when it is missing there.

        Raises:
            TemporaryError: The download was cut, or cannot be had now.
            PermanentError: It is refused.
        """

    def holds(self, file: LookupFile) -> bool:
        """Tell whether the target has exactly these bytes; False also when that cannot be found out."""
        try:
            return self.digest_of(file.name) == file.sha256
        except (TemporaryError, PermanentError):
            return False

    def confirm(self, file: LookupFile, check: Check, within_secs: float) -> None:
        """Return once the target is seen to hold an uploaded file, which may take a while to show there.

        Args:
            file: The file.
            check: What is compared.
            within_secs: Seconds after which to give up.

        Raises:
            TemporaryError: It still does not, or still cannot be asked.
            PermanentError: Asking is refused.
        """
        until_secs = self.clock.monotonic_secs() + within_secs
        wait_secs = _FIRST_WAIT_SECS
        while check != "none" and (seen := self._difference(file, check)) is not None:
            if self.clock.monotonic_secs() + wait_secs > until_secs:
                raise TemporaryError(
                    f"{self.name}: {file.name} was uploaded, but after {within_secs:g} s {seen}. It is uploaded again at the next try; "
                    f"if it goes on, raise {self.name}.verify_secs"
                )
            self.clock.wait(wait_secs)
            wait_secs *= 2

    def _difference(self, file: LookupFile, check: Check) -> str | None:
        """Tell in words how the file there differs, or why nobody can say; None when it does not."""
        try:
            return self._compared(file, check)
        except TemporaryError as error:
            return f"it could not be looked at ({error})"

    def _compared(self, file: LookupFile, check: Check) -> str | None:
        size = self.size_of(file.name)
        if size is None:
            return "it is not there"
        if size != file.nbytes:
            return f"{size:,} of its {file.nbytes:,} bytes are there"
        if check == "content" and self.digest_of(file.name) != file.sha256:
            return "other bytes are there"
        return None


AnyTarget = LookupTarget[Any]
"""A target whose options are not known here."""
