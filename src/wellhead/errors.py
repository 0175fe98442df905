"""Takes a cause, gives an error whose type names the recovery, never a bare Exception.

The tree, by what happens next::

    WellheadError
    ├── ConfigError        the operator mends a file; every problem is listed with its path
    ├── TemporaryError     the runtime tries again, after `after_secs` when the vendor said so
    ├── PermanentError     the task fails and says what a person must change
    └── CursorExpired      the task starts again at `restart` and de-duplicates

A message says what happened, where, and the next step. It never holds a secret or a response body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellhead.api import Cursor


class WellheadError(Exception):
    """Root of everything Wellhead raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration: the dotted `path` to it and a one-line `message`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigError(WellheadError):
    """A configuration cannot be used; lists every problem, one line each, without the values."""

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{subject}: {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class TemporaryError(WellheadError):
    """The same call may succeed later.

    Args:
        message: What failed, where, and what is being waited for.
        after_secs: The earliest sensible retry, in seconds, when the other side named one; None lets the runtime back off.
    """

    def __init__(self, message: str, *, after_secs: float | None = None) -> None:
        super().__init__(message)
        self.after_secs = after_secs


class PermanentError(WellheadError):
    """The same call will fail again until a person changes something; the message names that change."""


class CursorExpired(WellheadError):  # noqa: N818 - the name says the event, as the author's contract has it
    """The vendor no longer honours the cursor.

    Args:
        message: What the vendor answered and what will be read again.
        restart: The last safe point. Its `replay_from_ms` tells the runtime from when on records must be de-duplicated.
    """

    def __init__(self, message: str, *, restart: Cursor) -> None:
        super().__init__(message)
        self.restart = restart
