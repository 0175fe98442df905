"""Takes URLs, headers and text, gives them without what nobody else may read, never fails on odd input.

I6: everything this room logs or raises passes through here. The libraries below us log whole URLs and headers through
`logging`; importing this module closes those loggers below warning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote_plus

import httpx

MASK = "***"
MIN_SECRET_CHARS = 4  # masking every "a" of a one-letter secret would eat the message and still tell the letter

_SENSITIVE_NAME = re.compile(
    r"auth|cookie|token|secret|passw|key|credential|session|signature|^x-api|^location$",
    re.IGNORECASE,
)


class Redactor:
    """Masks URL user info, query values, sensitive headers and the given literal secrets.

    Args:
        secrets: Values that must not appear anywhere, however they got there; also masked where percent-encoded.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        longest_first = sorted({secret for secret in secrets if len(secret) >= MIN_SECRET_CHARS}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(_any_spelling, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Give `text` with every literal secret masked."""
        return self._secrets.sub(MASK, text) if self._secrets else text

    def url(self, url: httpx.URL | str) -> str:
        """Give scheme, host, path and the names of the query parameters; their values, user info and fragment go."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            return "(invalid URL)"
        names = "&".join(f"{quote_plus(name)}={MASK}" for name, _ in parsed.params.multi_items())
        return self.text(f"{parsed.scheme}://{place(parsed)}{'?' if names else ''}{names}")

    def headers(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
        """Give the headers, names in lower case, with the values of sensitive ones masked."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return {name.lower(): MASK if is_sensitive(name) else self.text(value) for name, value in pairs}


def _any_spelling(secret: str) -> str:
    # Each part of a URL escapes its own set of characters, so any character may stand for itself or be percent-encoded.
    # The longer spelling first: a "%" taken for itself would leave the "25" of its own encoding behind.
    return "".join(f"(?:(?i:{_percent_encoded(char)})|{re.escape(char)}{'|[+]' if char == ' ' else ''})" for char in secret)


def _percent_encoded(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def is_sensitive(header: str) -> bool:
    """Tell whether a header of this name carries credentials, or (Location) a URL that may."""
    return _SENSITIVE_NAME.search(header) is not None


def place(url: httpx.URL) -> str:
    """Give host, port and path of `url`: what an error may say about where it happened."""
    return f"{url.netloc.decode('ascii')}{url.raw_path.split(b'?')[0].decode('ascii')}"


def _warnings_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def silence_http_libraries() -> None:
    """Drop what httpx (whole URLs at info) and httpcore (headers at debug) log, whatever level they are set to later."""
    for name in ("httpx", "httpcore", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
        logger = logging.getLogger(name)
        if _warnings_only not in logger.filters:
            logger.addFilter(_warnings_only)


silence_http_libraries()
