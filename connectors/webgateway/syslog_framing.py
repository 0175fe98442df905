"""Takes the bytes of a syslog connection in any pieces, gives its messages; never holds more than one of them, nor more of it than is allowed.

RFC 6587 has two ways to tell messages apart, and a sender may use either: octet counting (`11 <34>1 hello`), and a line feed behind each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNT = re.compile(rb"([1-9][0-9]{0,8}) ")
_MAYBE_COUNT = re.compile(rb"[1-9][0-9]{0,8}")
_BETWEEN = b"\r\n\0"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came.

    Attributes:
        raw: Its bytes.
        flaw: Why it is not whole; empty where it is.
    """

    raw: bytes
    flaw: str = ""


class Framing:
    """The messages of one connection.

    Args:
        max_bytes: The longest message; of a longer one only so much is kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._left = 0
        self._is_counted = self._passing = False

    def feed(self, received: bytes) -> list[Frame]:
        """Give the messages that end within `received`."""
        self._held += received
        frames: list[Frame] = []
        while self._step(frames):
            pass
        return frames

    def end(self) -> list[Frame]:
        """Give what is left when the sender has closed the connection: a last line needs no line feed, a counted message its length."""
        held, self._held = bytes(self._held), bytearray()
        if self._passing or not held:
            return []
        if self._is_counted:
            return [Frame(held, f"the connection ended {self._left - len(held):,} bytes before the message did")]
        line = held.rstrip(_BETWEEN)
        return [Frame(line)] if line else []

    def cut(self) -> list[Frame]:
        """Give the beginning of a message of which no more can come, because the connection is closed from this end."""
        held, self._held = bytes(self._held), bytearray()
        if self._passing or not held:
            return []
        return [Frame(held, "only its beginning came: its connection was closed, as its stream stopped")]

    def _step(self, frames: list[Frame]) -> bool:
        """Take one step; False where more bytes are needed first."""
        if self._passing:
            return self._pass_over()
        if self._is_counted:
            return self._counted(frames)
        begun = self._held.lstrip(_BETWEEN)
        del self._held[: len(self._held) - len(begun)]
        if not self._held or _MAYBE_COUNT.fullmatch(self._held):
            return False
        if count := _COUNT.match(self._held):
            self._is_counted, self._left = True, int(count[1])
            del self._held[: count.end()]
            return True
        return self._line(frames)

    def _counted(self, frames: list[Frame]) -> bool:
        if self._left > self._max_bytes:
            if len(self._held) < self._max_bytes:
                return False
            frames.append(self._too_long(bytes(self._held[: self._max_bytes])))
            self._passing = True
            return True
        if len(self._held) < self._left:
            return False
        frames.append(Frame(bytes(self._held[: self._left])))
        del self._held[: self._left]
        self._is_counted = False
        return True

    def _line(self, frames: list[Frame]) -> bool:
        end = self._held.find(b"\n")
        if end < 0 and len(self._held) <= self._max_bytes:
            return False
        if end < 0 or end > self._max_bytes:
            frames.append(self._too_long(bytes(self._held[: self._max_bytes])))
            self._passing = True
            return True
        frames.append(Frame(bytes(self._held[:end]).rstrip(_BETWEEN)))
        del self._held[: end + 1]
        return True

    def _pass_over(self) -> bool:
        """Drop the rest of a message that is too long."""
        if self._is_counted:
            dropped = min(self._left, len(self._held))
            self._left -= dropped
            over = not self._left
        else:
            end = self._held.find(b"\n") + 1
            dropped, over = end or len(self._held), end > 0
        del self._held[:dropped]
        if over:
            self._passing = self._is_counted = False
        return over

    def _too_long(self, begun: bytes) -> Frame:
        told = (
            f"the message is longer than {self._max_bytes:,} bytes (option `syslog_line_max_bytes`); only its beginning is kept"
        )
        return Frame(begun, told)
