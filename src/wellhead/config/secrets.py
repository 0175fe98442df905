"""Takes an option's name and value, gives what may be shown of it and the literals to redact elsewhere; never a secret in clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

MASK: Final = "******"

# Replacing a very short literal in every log line would tear holes into innocent text and hide nothing that can be kept secret.
_SHORTEST_REDACTED_CHARS: Final = 4

_SECRET_WORDS: Final = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "key",
        "apikey",
        "credential",
        "authorization",
        "cookie",
        "bearer",
    }
)
_SECRET_ENDINGS: Final = ("user.info", "key.pem", "jaas.config", "oauthbearer.config", "connection.string")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER_INFO: Final = re.compile(r"(?<=://)([^/?#\s]+)(?=@)")


class Hidden(str):
    """A string that is used but never shown: a secret option's value, or whatever a provider gave.

    Attributes:
        reference: The text the operator wrote, such as `${env:WSS_TOKEN}`, which may be shown; None when a secret was written plainly.
    """

    __slots__ = ("reference",)
    reference: str | None

    def __new__(cls, value: str, reference: str | None = None) -> Self:
        made = super().__new__(cls, value)
        made.reference = reference
        return made

    def __repr__(self) -> str:
        return repr(self.reference or MASK)


def looks_secret(name: str) -> bool:
    """Tell whether an option of this name (dotted, snake, kebab or camel case) holds a secret."""
    words = [word for word in re.split(r"[._\-\s]+", _CAMEL.sub(".", name).lower()) if word]
    if not words:
        return False
    return (
        words[-1].removesuffix("s") in _SECRET_WORDS or words[-1] in _SECRET_WORDS or ".".join(words).endswith(_SECRET_ENDINGS)
    )


def is_secret_type(kind: type[Any]) -> bool:
    """Tell whether a type is pydantic's SecretStr, SecretBytes or Secret[...]."""
    return hasattr(kind, "get_secret_value")


def masked(name: str, value: Any) -> Any:
    """Give `value` as it may be shown: secrets as `******`, provider values as their reference, lists and mappings inside too."""
    if value is None or isinstance(value, bool):
        return value
    if looks_secret(name) or is_secret_type(type(value)):
        return MASK
    if isinstance(value, Hidden):
        return value.reference or MASK
    if isinstance(value, str):
        return _USER_INFO.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [masked("", inner) for inner in value]
    return value


def literals(name: str, value: Any) -> Iterator[str]:
    """Yield every secret text inside `value`, so that it can be redacted wherever it might surface."""
    if is_secret_type(type(value)):
        secret = value.get_secret_value()
        yield from literals("password", secret.decode(errors="replace") if isinstance(secret, bytes) else str(secret))
    elif isinstance(value, Hidden):
        yield str.__str__(value)
        yield from _url_secrets(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from literals(name if looks_secret(name) else str(key), inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from literals(name, inner)
    elif isinstance(value, str):
        if looks_secret(name):
            yield value
        yield from _url_secrets(value)


def _url_secrets(text: str) -> Iterator[str]:
    for found in _USER_INFO.findall(text):
        user, colon, password = found.partition(":")
        yield password if colon else user


def redactable(found: Iterable[str]) -> list[str]:
    """Give the literals worth redacting, each once, longest first so that none leaves a tail of another."""
    return sorted(
        {text for text in found if len(text.strip()) >= _SHORTEST_REDACTED_CHARS}, key=lambda text: (-len(text), text)
    )


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in `text`, longest first, with `******`."""
    for secret in redactable(secrets):
        text = text.replace(secret, MASK)
    return text
