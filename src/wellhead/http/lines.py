"""Takes bytes in whatever pieces, gives whole lines; never one whose end has not come, nor more of one than it may have."""

from __future__ import annotations


class CutLine(bytes):
    """The beginning of a line that is longer than it may be."""

    __slots__ = ()


class LineParser:
    """Lines that end with LF, or CR and LF, which are not part of them.

    Args:
        max_line_bytes: Most bytes of a line; of a longer one only the beginning is given, as a `CutLine`.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self._max_bytes = max_line_bytes
        self._tail = bytearray()
        self._is_cut = False

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the line whose end has not come."""
        return len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Read the next bytes; give the lines that they end, empty ones too."""
        first, *others = data.split(b"\n")
        self._keep(first)
        if not others:
            return []
        lines = [self._ended()]
        rest = others.pop()
        lines += [self._fit(line.removesuffix(b"\r")) for line in others]
        self._keep(rest)
        return lines

    def _keep(self, piece: bytes) -> None:
        room = self._max_bytes + 1 - len(self._tail)  # one more, for the CR that is not part of it
        self._is_cut = self._is_cut or len(piece) > room
        self._tail += piece[: max(0, room)]

    def _ended(self) -> bytes:
        line = bytes(self._tail)
        cut = self._is_cut
        self._tail.clear()
        self._is_cut = False
        return CutLine(line[: self._max_bytes]) if cut else self._fit(line.removesuffix(b"\r"))

    def _fit(self, line: bytes) -> bytes:
        return CutLine(line[: self._max_bytes]) if len(line) > self._max_bytes else line
