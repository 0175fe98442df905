"""Takes the files of users and tokens, gives who they name; reads them again when they change, never shows a line of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from wellhead.clock import Clock
from wellhead.errors import PermanentError
from wellhead.rest.contract import Role
from wellhead.telemetry.logs import get_logger

T = TypeVar("T")

LOOK_SECS: Final = 1.0
_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
ROLES: Final = {role.word: role for role in Role}


@dataclass(frozen=True, slots=True)
class User:
    """A user of basic authentication: `hash` is bcrypt's."""

    name: str
    hash: bytes
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token: `digest` is its SHA-256."""

    name: str
    digest: bytes
    role: Role


def parse_users(text: str) -> dict[str, User]:
    """Read `user:bcrypt-hash:role` lines.

    Raises:
        ValueError: A line is something else; says which, not what stands there.
    """
    users: dict[str, User] = {}
    for number, (name, secret, role) in _lines(text, "user:bcrypt-hash:role"):
        if not _BCRYPT.fullmatch(secret):
            raise ValueError(f"line {number}: the second part is no bcrypt hash ($2b$...)")
        if name in users:
            raise ValueError(f"line {number}: the user stands in the file twice")
        users[name] = User(name, secret.encode(), role)
    return users


def parse_tokens(text: str) -> list[Token]:
    """Read `name:sha256-hex:role` lines.

    Raises:
        ValueError: A line is something else; says which, not what stands there.
    """
    tokens: list[Token] = []
    for number, (name, secret, role) in _lines(text, "name:sha256-hex:role"):
        if not _SHA256.fullmatch(secret):
            raise ValueError(f"line {number}: the second part is no SHA-256 in hex (64 digits)")
        tokens.append(Token(name, bytes.fromhex(secret), role))
    return tokens


def _lines(text: str, form: str) -> Iterator[tuple[int, tuple[str, str, Role]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        secret, colon, role = rest.rpartition(":")
        if not name or not colon:
            raise ValueError(f"line {number}: must be {form}")
        if role not in ROLES:
            raise ValueError(f"line {number}: the role must be {', '.join(ROLES)}")
        yield number, (name, secret, ROLES[role])


class Reread(Generic[T]):
    """What a file says, read again when it has changed; a change that cannot be read leaves what was, and is logged once.

    Args:
        path: The file.
        word: The option that names it, for messages.
        parse: Gives its meaning, or raises ValueError.
        clock: Says when to look again; a look at the file costs at most one `stat` in `LOOK_SECS`.

    Attributes:
        content: What it said when last read.
        version: Counts the readings.

    Raises:
        PermanentError: The file cannot be read at first.
    """

    def __init__(self, path: Path, word: str, parse: Callable[[str], T], clock: Clock) -> None:
        self._path = path
        self._word = word
        self._parse = parse
        self._clock = clock
        self._stamp = _stamp(path)
        self._looked_secs = clock.monotonic_secs()
        self.content = self._read()
        self.version = 1

    def refresh(self) -> None:
        """Read the file again if it has changed."""
        if self._clock.monotonic_secs() - self._looked_secs < LOOK_SECS:
            return
        self._looked_secs = self._clock.monotonic_secs()
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.content = self._read()
        except PermanentError as error:
            get_logger("rest").error(
                "a file of accounts cannot be read; what it said before still holds", option=self._word, reason=str(error)
            )
        else:
            self.version += 1

    def _read(self) -> T:
        try:
            return self._parse(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PermanentError(f"{self._path} cannot be read: {(error.strerror or 'unknown error').lower()}") from None
        except UnicodeDecodeError:
            raise PermanentError(f"{self._path} is not UTF-8 text") from None
        except ValueError as error:
            raise PermanentError(f"{self._path}, {error}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
