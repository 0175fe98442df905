"""Takes what was published lately, gives a short text of it that a cursor holds; says of what is read again whether it is known, never wrongly.

Of each record 9 bytes are kept: that two of ten thousand share them happens once in 10^14 times.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from hashlib import blake2b

_BYTES = 9
_CHARS = 12


def digest(name: str) -> bytes:
    """Give the digest of what names a record."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


class Known:
    """Digests of published records by their second, the newest ones, up to a number.

    Args:
        from_s: From this epoch second on it holds all that is to be known; of earlier ones it is told nothing.
        most: How many it holds; beyond that it forgets whole seconds, the oldest first, and `from_s` moves on.

    Attributes:
        from_s: From this epoch second on nothing is missing.
    """

    def __init__(self, from_s: int, most: int | None = None) -> None:
        self.from_s = from_s
        self._most = most
        self._seconds: dict[int, set[bytes]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for second in sorted(self._seconds):
            for each in sorted(self._seconds[second]):
                yield second, each

    def add(self, second: int, one: bytes) -> None:
        """Keep one more, unless it is older than all that is kept."""
        if second < self.from_s:
            return
        held = self._seconds.setdefault(second, set())
        self._count += one not in held
        held.add(one)
        while self._most is not None and self._count > self._most:
            oldest = min(self._seconds)
            self.forget_before(oldest + 1)

    def update(self, pairs: Iterable[tuple[int, bytes]]) -> None:
        """Keep several more."""
        for second, one in pairs:
            self.add(second, one)

    def forget_before(self, from_s: int) -> None:
        """Forget what is older."""
        if from_s <= self.from_s:
            return
        self.from_s = from_s
        for second in [each for each in self._seconds if each < from_s]:
            self._count -= len(self._seconds.pop(second))

    def digests(self) -> set[bytes]:
        """Give all digests, whatever their second."""
        return set().union(*self._seconds.values())


def written(pairs: Iterable[tuple[int, bytes]]) -> str:
    """Give digests by second as text: the second, a colon, and its digests, in order.

    >>> written([(7, b"abcdefghi"), (7, b"123456789"), (8, b"abcdefghi")])
    '7:MTIzNDU2Nzg5YWJjZGVmZ2hp 8:YWJjZGVmZ2hp'
    """
    seconds: dict[int, set[bytes]] = {}
    for second, one in pairs:
        seconds.setdefault(second, set()).add(one)
    return " ".join(
        f"{second}:{base64.urlsafe_b64encode(b''.join(sorted(seconds[second]))).decode()}" for second in sorted(seconds)
    )


def read(text: str) -> Iterator[tuple[int, bytes]]:
    """Give what `written` wrote.

    >>> list(read(written([(7, b"123456789")])))
    [(7, b'123456789')]
    """
    for part in text.split():
        second, _, digests = part.partition(":")
        for at in range(0, len(digests), _CHARS):
            yield int(second), base64.urlsafe_b64decode(digests[at : at + _CHARS])
