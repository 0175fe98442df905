"""Takes the bytes of a text/event-stream in whatever pieces, gives its events as the WHATWG text has them; never holds more than one event may have."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BOM: Final = "\ufeff"
_MOST_RETRY_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event.

    Attributes:
        event: Its type; `message` where the server named none.
        data: Its data, lines joined by LF.
        id: The last event id after it; empty where there is none, or it was reset.
        has_id: Whether this event itself said so.
        cut: Whether it was larger than it may be; `data` is only its beginning.
    """

    event: str
    data: str
    id: str
    has_id: bool
    cut: bool = False


class EventParser:
    """Reads one connection's stream; what is not ended by a blank line when the connection ends is no event.

    Args:
        max_event_bytes: Most bytes of an event's data, and of a line; what is beyond is dropped, and the event marked as cut.
        last_event_id: What the connection was asked to go on from.

    Attributes:
        last_event_id: What to go on from after a new connection.
        retry_ms: How long the server asked to wait before a new connection; None where it did not.
    """

    def __init__(self, max_event_bytes: int, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self._max_bytes = max_event_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._started = False
        self._after_cr = False
        self._cut = False
        self._tail: list[str] = []
        self._tail_bytes = 0
        self._is_long = False
        self._id: str | None = None
        self._clear()

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Read the next bytes; give the events that they end."""
        text = self._decoder.decode(data)
        if not text:
            return []
        if not self._started:
            self._started = True
            text = text.removeprefix(_BOM)
        if self._after_cr:
            text = text.removeprefix("\n")  # the other half of a CRLF
            self._after_cr = False
        if not text:
            return []
        self._after_cr = text.endswith("\r")
        *lines, rest = _LINE_END.split(text)
        events = [event for line in lines if (event := self._line(*self._whole(line))) is not None]
        self._keep(rest)
        return events

    def _whole(self, end: str) -> tuple[str, bool]:
        """Give a line whose end this is, and whether it is only its beginning."""
        self._keep(end)
        line, is_long = "".join(self._tail), self._is_long
        self._tail.clear()
        self._tail_bytes, self._is_long = 0, False
        return line, is_long

    def _keep(self, piece: str) -> None:
        if not piece:
            return
        kept = _beginning(piece, self._max_bytes + _LONGEST_NAME - self._tail_bytes)
        self._is_long = self._is_long or len(kept) < len(piece)
        self._tail.append(kept)
        self._tail_bytes += _size(kept)

    def _line(self, line: str, is_long: bool) -> ServerSentEvent | None:  # noqa: FBT001 - the only caller is above
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        if colon:
            value = value.removeprefix(" ")
        if name == "data":
            self._add(value)
            self._cut = self._cut or is_long
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value and not is_long:  # half an id would be another one
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value[:_MOST_RETRY_DIGITS])
        return None

    def _add(self, value: str) -> None:
        joint = 1 if self._data else 0
        room = self._max_bytes - self._data_bytes - joint
        if self._cut or room < 0:
            self._cut = True
            return
        kept = _beginning(value, room)
        self._cut = len(kept) < len(value)
        self._data.append(kept)
        self._data_bytes += _size(kept) + joint

    def _dispatch(self) -> ServerSentEvent | None:
        has_id = self._id is not None
        if self._id is not None:
            self.last_event_id = self._id  # also where no event follows
        event = None
        if self._data:
            event = ServerSentEvent(self._event or "message", "\n".join(self._data), self.last_event_id, has_id, self._cut)
        self._clear()
        return event

    def _clear(self) -> None:
        self._id = None
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0
        self._cut = False


_LONGEST_NAME: Final = len("event: ")


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _beginning(text: str, max_bytes: int) -> str:
    """Give as much of a text as has no more than so many bytes."""
    if _size(text) <= max_bytes:
        return text
    return text.encode(errors="replace")[: max(0, max_bytes)].decode(errors="ignore")
