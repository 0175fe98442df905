"""Takes anything about to be written for people, gives the same without secrets, never fails and never keeps what it saw.

Invariant I6 is kept in depth: authors hold secrets as `SecretStr`, errors leave values out, and what slips through both
is caught here, by the literal secrets of the configuration and by the look of keys, headers and URLs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
MIN_SECRET_CHARS: Final = 4  # shorter ones stand in every other word; keys and patterns must catch them
_MIN_ENCODED_CHARS: Final = 8
_MAX_DEPTH: Final = 12

# What secrets are called.
_CALLED: Final = (
    r"pass(?:word|wd|phrase)|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|ssl[_.-]key"
    r"|authorization|cookie|credential|signature|bearer"
)
_SECRET_KEY: Final = re.compile(_CALLED, re.IGNORECASE)
_PATTERNS: Final = (
    (re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)[^\r\n'\"]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"\b([Bb]earer|[Bb]asic)\s+(?=\S*[\d=])[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"://[^/\s@'\"]{0,256}:[^/\s@'\"]{0,256}@"), f"://{HIDDEN}@"),
    (
        re.compile(rf"(?i)((?:(?:{_CALLED})[\w.-]{{0,40}}|[?&](?:key|sig|auth|code|pwd))['\"]?\s{{0,3}}=\s{{0,3}})(\"[^\"]*\"|'[^']*'|[^\s&'\",;]+)"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"(?i)((?:{_CALLED})[\w.-]{{0,40}}['\"]\s{{0,3}}:\s{{0,3}})(\"[^\"]*\"|'[^']*')"), rf"\1'{HIDDEN}'"),
)  # fmt: skip


class Redactor:
    """Hides registered secrets, in the spellings they travel in, and everything that looks like one; for any thread.

    Args:
        secrets: The literal secrets of the configuration. More may be added as providers give them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self._forms: set[str] = set()
        self._literal: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these from now on, too; those shorter than four characters cannot be told from words and are left out."""
        with self._lock:
            for secret in secrets:
                self._forms.update(_forms(secret))
            if self._forms:
                longest_first = sorted(self._forms, key=len, reverse=True)
                self._literal = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """Give `text` without secrets."""
        if self._literal is not None:
            text = self._literal.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def value(self, value: Any) -> Any:
        """Give a copy of `value`, at any depth, as plain JSON types without secrets."""
        return self._value(value, _MAX_DEPTH)

    def fields(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        """Give a copy of a mapping as plain JSON types; the value of a key that names a secret is hidden whatever it is."""
        return self._fields(fields, _MAX_DEPTH)

    def _fields(self, fields: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        return {
            self.text(_str(key)): HIDDEN
            if _SECRET_KEY.search(_str(key)) and not isinstance(value, bool | None)
            else self._value(value, depth)
            for key, value in fields.items()
        }

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth == 0:
            return "…"
        if isinstance(value, Mapping):
            return self._fields(value, depth - 1)
        if isinstance(value, list | tuple | AbstractSet):
            return [self._value(entry, depth - 1) for entry in value]
        return self.text(_str(value))


def _str(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "backslashreplace")
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log line must not fail because of what it shows
        return f"<{type(value).__name__}>"


def _forms(secret: str) -> Iterator[str]:
    """Give the spellings a secret travels in: as it is, line by line, in URLs, in JSON, in Python's repr, in base64."""
    for part in {secret, secret.strip(), *(line for line in secret.splitlines() if len(line) >= 2 * _MIN_ENCODED_CHARS)}:
        if len(part) >= MIN_SECRET_CHARS:
            yield part
            yield from (quote(part), quote(part, safe=""), quote_plus(part), json.dumps(part)[1:-1], repr(part)[1:-1])
            yield from _base64_forms(part.encode())


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Give what of the secret's base64 does not depend on its neighbours, as in `Basic base64(user:secret)`."""
    for before in range(3):
        end = (before + len(secret)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(bytes(before) + secret).decode()[(before * 8 + 5) // 6 : end]
            if len(form) >= _MIN_ENCODED_CHARS:
                yield form
