"""Takes the numbers of indicators, gives their values as text, some under several numbers; never one that exists outside of examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from wellhead.testing.dice import Bits, Ints, below, throw

_BLOCK = 20
_BLOCKS_BACK = 50
_WORDS = "amber basil cedar delta ember fjord grove haven iris jade koala lotus maple north olive pearl quartz river sable tulip".split()  # noqa: SIM905


def value_numbers(numbers: Ints, duplicates: float, salt: int, own_from: int) -> Ints:
    """Give the number each indicator's value is made of: its own, or another's; from `own_from` on always its own."""
    blocks, places = np.divmod(numbers, _BLOCK)
    own = max(1, round(_BLOCK * (1 - duplicates)))
    dice = throw(numbers, salt)
    back = np.minimum(below(dice, _BLOCKS_BACK), blocks)
    others = (blocks - back) * _BLOCK + below(dice, own, 16)
    return np.asarray(np.where((places < own) | (numbers >= own_from), numbers, others), np.int64)


def write(form: str, numbers: Ints, salt: int) -> list[bytes]:
    """Write the values of these value numbers, as they stand in JSON."""
    if form in _HEX_DIGITS:
        return _hex(numbers, salt, _HEX_DIGITS[form])
    one = FORMS[form]
    return [one(number, bits).encode() for number, bits in zip(numbers.tolist(), throw(numbers, salt).tolist(), strict=True)]


def _ipv4(number: int, bits: int) -> str:  # noqa: ARG001 - one signature for all forms
    # The reserved block 240.0.0.0/4 is nobody's, and large enough; an odd factor meets each address of it once.
    low = (number * 0x9E3779B1 + 0x2545F49) & 0xFFFFFFF
    return f"{240 + (low >> 24)}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"


def _ipv6(number: int, bits: int) -> str:
    a, b, c, d = (bits >> shift & 0xFFFF | 1 for shift in (0, 16, 32, 48))
    return f"2001:db8:{a:x}:{b:x}:{c:x}:{d:x}:{number >> 16:x}:{number & 0xFFFF:x}"


def _host(number: int, bits: int) -> str:
    return f"{_WORDS[bits % 20]}-{_WORDS[bits >> 8 & 15]}{number}"


def _domain(number: int, bits: int) -> str:
    if bits >> 20 & 31 == 0:
        return f"xn--bcher-{number}-kva.example"
    return f"{_host(number, bits)}.{('example', 'test', 'invalid', 'sub.example')[bits >> 16 & 3]}"


def _url(number: int, bits: int) -> str:
    path = ("", "/login.php?id=%d", "/a,b/c;d=%d", '/q?x=\\"%d\\"', "/käfer/%d", "/%%7Euser/%d#top")[
        bits >> 24 & 3 if bits & 1 else bits % 6
    ]
    return f"http{'s' if bits >> 30 & 1 else ''}://{_host(number, bits)}.example{path % (bits >> 40) if path else '/'}"


def _email(number: int, bits: int) -> str:
    return f"{_WORDS[bits % 20]}.{number}@{_WORDS[bits >> 8 & 15]}.example"


def _hex(numbers: Ints, salt: int, digits: int) -> list[bytes]:
    parts: list[Bits] = [throw(numbers, salt + part) for part in range(-(-digits // 16))]
    form = "%016x" * len(parts)
    return [(form % row)[:digits].encode() for row in zip(*(part.tolist() for part in parts), strict=True)]


_HEX_DIGITS: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
FORMS: Mapping[str, Callable[[int, int], str]] = {"ipv4": _ipv4, "ipv6": _ipv6, "domain": _domain, "url": _url, "email": _email}
