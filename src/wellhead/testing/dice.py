"""Takes numbers and a salt, gives 64 bits of chance for each, always the same for the same two; never keeps any."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]
Mask = NDArray[np.bool_]


def salt_of(*words: object) -> int:
    """Give the salt that some words stand for."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:8], "big")


def throw(numbers: Ints, salt: int) -> Bits:
    """Throw 64 bits for each number (splitmix64)."""
    with np.errstate(over="ignore"):
        bits = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(bits ^ (bits >> np.uint64(31)), np.uint64)


def below(bits: Bits, sides: int, shift: int = 0) -> Ints:
    """Give a number below `sides` from the bits above `shift`."""
    return np.asarray((bits >> np.uint64(shift)) % np.uint64(max(1, sides)), np.int64)


def share(bits: Bits, ratio: float, shift: int = 0) -> Mask:
    """Tell which of the throws fall into a share of all."""
    return np.asarray(below(bits, 65_536, shift) < round(ratio * 65_536), np.bool_)
