"""Takes response headers, gives what the vendor asks of our pace (Retry-After, quota left), None where it is silent or garbled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_REMAINING_NAME = re.compile(r"^(x-)?(api-)?rate-?limit-(\w+-)*remaining(-\w+)*$|^x-(quota|api-?calls?)-remaining$")
_WORDS = re.compile(r"[-_]")
_WINDOW_WORD = re.compile(r"(?:per)?(?:([0-9]*)(second|sec|minute|min|hour|hr)s?|([0-9]+)([smh]))")
_WORD_SECS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LONGER_THAN_A_DAY = {"week", "weekly", "month", "monthly", "year", "yearly"}
_INTEGER = re.compile(r"\s*([0-9]+)\s*(?:,.*|;.*)?$")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_LEFT = re.compile(r"(?:^|[;,\s])(?:remaining|r)\s*=\s*([0-9]+)", re.IGNORECASE)
_RENEWS = re.compile(r"(?:^|[;,\s])(?:reset|t)\s*=\s*([0-9]+)", re.IGNORECASE)

# A reset is written as seconds from now, epoch seconds or epoch milliseconds; its size tells which.
_LONGEST_WINDOW_SECS = 32 * 86_400
_FIRST_EPOCH_SECS = 1_000_000_000
_FIRST_EPOCH_MS = 100_000_000_000


@dataclass(frozen=True, slots=True)
class QuotaHint:
    """What the vendor says of its quota.

    Attributes:
        remaining: Calls left.
        renews_in_secs: Seconds until there are new ones, at the latest; None when the vendor does not say.
    """

    remaining: int
    renews_in_secs: float | None = None


def retry_after_secs(value: str | None, *, now_ms: int) -> float | None:
    """Give the seconds to wait that a Retry-After value asks for, written as seconds or as an HTTP date.

    Args:
        value: The header's value (or a trailer's), or None.
        now_ms: Wall-clock epoch milliseconds, from which a date is counted.

    Returns:
        Seconds, 0 for a date gone by; None when there is no value or nobody can read it.
    """
    text = (value or "").strip()
    try:
        return max(0.0, float(text)) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else max(0.0, _date_ms(text) - now_ms) / 1000
    except (ValueError, OverflowError):
        return None


def _date_ms(text: str) -> float:
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def quota_hint(headers: Mapping[str, str], *, now_ms: int) -> QuotaHint | None:
    """Give the scarcest quota that any rate-limit header names, and when it renews; None when none does.

    Args:
        headers: The answer's.
        now_ms: Wall-clock epoch milliseconds; the answer's own Date goes before it, so that clocks need not agree.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    hints = [*_plain(lower, _vendors_now_ms(lower, now_ms)), *_structured(lower.get("ratelimit", ""))]
    return min(hints, key=lambda hint: (hint.remaining, -(hint.renews_in_secs or 0)), default=None)


def _plain(headers: Mapping[str, str], now_ms: float) -> Iterator[QuotaHint]:
    """Yield a hint for each `...-remaining` header, with the `...-reset` of the same name, else the window that it names."""
    for name, value in headers.items():
        if _REMAINING_NAME.match(name) and (match := _INTEGER.match(value)):
            words = _WORDS.split(name)
            renews_in_secs = _reset_secs(headers.get(name.replace("remaining", "reset")), now_ms)
            if renews_in_secs is None:
                if not _LONGER_THAN_A_DAY.isdisjoint(words):
                    continue  # what is left of a month tells nothing of today
                renews_in_secs = _window_secs(words)
            yield QuotaHint(int(match[1]), renews_in_secs)


def _window_secs(words: list[str]) -> float | None:
    """Give the length of the window that a header's name tells: `minute`, `15min`, `per-hour`."""
    for word in words:
        if match := _WINDOW_WORD.fullmatch(word):
            return int(match[1] or match[3] or 1) * _WORD_SECS[(match[2] or match[4])[0]]
    return None


def _structured(text: str) -> Iterator[QuotaHint]:
    """Yield a hint for each quota of a `RateLimit` header: `"day";r=900;t=3600, ...`, or the older `remaining=9, reset=30`."""
    for quota in [text] if "=" in text.split(",", 1)[0].split(";", 1)[0] else text.split(","):
        if left := _LEFT.search(quota):
            renews = _RENEWS.search(quota)
            yield QuotaHint(int(left[1]), _reset_secs(renews[1], 0.0) if renews else None)


def _reset_secs(value: str | None, now_ms: float) -> float | None:
    text = re.split("[,;]", value or "", maxsplit=1)[0].strip()
    try:
        secs = (
            _until_secs(float(text), now_ms) if _NUMBER.fullmatch(text) else (_date_ms((value or "").strip()) - now_ms) / 1000
        )
    except (ValueError, OverflowError):
        return None
    return max(0.0, secs) if secs <= _LONGEST_WINDOW_SECS else None


def _until_secs(number: float, now_ms: float) -> float:
    if number < _FIRST_EPOCH_SECS:
        return number
    return (number if number >= _FIRST_EPOCH_MS else number * 1000) / 1000 - now_ms / 1000


def _vendors_now_ms(headers: Mapping[str, str], now_ms: int) -> float:
    try:
        return _date_ms(headers["date"])
    except (KeyError, ValueError, OverflowError):
        return now_ms
