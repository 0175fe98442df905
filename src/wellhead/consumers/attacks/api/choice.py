"""Takes a share in percent and who asks, gives which of two stores answers; never moves anybody back while the share grows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wellhead.config.attacks import ServeSettings

_SPAN = 2.0**64


def place_of(key: str) -> float:
    """Give a key's own place between 0 and 100, the same on every process and machine; places are spread evenly."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / _SPAN * 100


def is_shifted(key: str, percent: float) -> bool:
    """Tell whether a share takes a key along: whoever is taken by a share is taken by every larger one."""
    return place_of(key) < percent


def key_of(clients: Sequence[int], caller: str, wish: str) -> str:
    """Give what a question is sticky by: its client where it names one, else who asks for what."""
    return f"client {clients[0]}" if len(set(clients)) == 1 else f"{caller} {wish}"


def stores_for(key: str, settings: ServeSettings, first: str) -> tuple[str, str | None]:
    """Give the store that answers, and the other one where there is one.

    Args:
        key: What the question is sticky by.
        settings: The shares as they are now.
        first: The store that answers whom no share takes along.
    """
    other = settings.mirror_to
    if other is None:
        return first, None
    return (other, first) if is_shifted(key, settings.shift_percent) else (first, other)
