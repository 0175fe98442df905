"""Takes a place and where its file is now, gives it open and the questions about its content; never moves the place by itself.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.webgateway.files_found import Found
from connectors.webgateway.files_place import FEW_BYTES, TAIL_BYTES, Place, digest, first_lines
from connectors.webgateway.files_text import Stamp, Text, open_text

Opens = Callable[[Path], Text]


class MovedError(Exception):
    """Under that path stands another file by now."""


@dataclass(slots=True, eq=False)
class Followed:
    """A file that is being read, or was.

    Attributes:
        place: How far.
        found: Where it is; None while it is not found.
        text: It, open; None where it is not open.
        verified: The stamp with which it was last seen to hold what was read of it.
        exhausted: The stamp with which nothing more could be read of it.
        begun: Whether the beginning of a line stands behind the place.
        head: The first bytes of its text, as far as they were looked at.
        opens: Opens a file.
    """

    place: Place
    found: Found | None = None
    text: Text | None = None
    verified: Stamp | None = None
    exhausted: Stamp | None = None
    begun: bool = False
    head: bytes = b""
    opens: Opens = open_text

    def opened(self) -> Text:
        """Give it open.

        Raises:
            MovedError: It is no longer where it was found.
            OSError: It may not be read.
        """
        assert self.found is not None
        if self.text is None:
            text = open_found(self.found, self.opens)
            self.text = text
        return self.text

    def take(self, found: Found, text: Text | None = None) -> None:
        """Follow it where it is now; `text` is it, open."""
        if text is not None and text is not self.text:
            self.close()
            self.text = text
        if self.found is None or self.found.stamp.same_file != found.stamp.same_file:
            self.verified = self.exhausted = None
            self.head = b""
        self.found = found
        self.place = replace(self.place, inode=found.stamp.inode, gone_secs=0)

    def close(self) -> None:
        """Close it; it is opened again when need be."""
        if self.text is not None:
            self.text.close()
            self.text = None

    def lose(self) -> None:
        """Forget where it is, but not how it began: what was copied of it is known by that."""
        self.close()
        self.found = self.verified = self.exhausted = None

    def look_again(self) -> None:
        """Ask the file system about it now.

        Raises:
            MovedError: It is no longer where it was found.
            OSError: It may not be read.
        """
        assert self.found is not None
        self.found = Found(self.found.path, self.opened().stamp())

    def first_bytes(self) -> bytes:
        """Give the first bytes of its text.

        Raises:
            MovedError: It is no longer where it was found.
            OSError: It may not be read.
        """
        read = self.place.head_bytes
        # Of what nothing was read when it was looked at, nobody heard that it was replaced.
        if len(self.head) < self.place.reach or not read or digest(self.head[:read]) != self.place.head:
            self.head = self.opened().head()
        return self.head

    def has_more(self) -> bool:
        """Tell whether something stands behind the place, be it the beginning of a line."""
        if self.found is None or self.place.done:
            return False
        return self.place.archive or self.found.stamp.size > self.place.offset

    def holds(self) -> bool:
        """Tell whether the file still holds what was read of it.

        Raises:
            MovedError: It is no longer where it was found.
            OSError: It may not be read.
        """
        assert self.found is not None
        if self.verified == self.found.stamp:
            return True
        text = self.opened()
        stamp = text.stamp()
        if text.archive is not self.place.archive and self.place.offset:
            return False
        # An archive is whole or it is another: its end would have to be unpacked for nothing.
        same = text.begins_as(self.place) if text.archive else text.reaches(self.place)
        if same:
            self.verified = stamp
        return same


def open_found(found: Found, opens: Opens) -> Text:
    """Open what was found.

    Raises:
        MovedError: It is no longer there.
        OSError: It may not be read.
        BrokenArchiveError: It cannot be read by us.
    """
    try:
        text = opens(found.path)
    except FileNotFoundError:
        raise MovedError(found.path) from None
    if text.stamp().same_file != found.stamp.same_file:
        text.close()
        raise MovedError(found.path)
    return text


def is_copy(copy: Text, followed: Followed) -> bool:
    """Tell whether a file holds nothing but the beginning of one that is followed, as far as both are written."""
    return _is_beginning(copy, followed.opened(), followed.first_bytes())


def is_longer_original(text: Text, followed: Followed) -> bool:
    """Tell whether a file holds all that a followed one does, and more: then that one is the copy."""
    place, copy = followed.place, followed.opened()
    if text.archive:
        return False
    if not place.offset:
        return _is_beginning(copy, text, text.head())
    if not place.is_telling or not text.reaches(place):
        return False
    if copy.archive:
        return True
    size = copy.stamp().size
    before = max(0, size - TAIL_BYTES)
    return text.stamp().size > size >= place.reach and text.read(before, size - before) == copy.read(before, size - before)


def is_left_behind(copy: Text, followed: Followed) -> bool:
    """Tell whether a file holds nothing but what was read of a log that is gone from where it was: a copy that was made before the end."""
    place, head, begun = followed.place, followed.head, copy.head()
    if not begun or not copy.is_shorter(place):
        return False
    if place.is_telling and len(begun) >= place.reach:
        return copy.begins_as(place)
    if not head:  # after a restart
        return place.first != "" and first_lines(begun) == place.first
    alike = min(len(head), len(begun))
    enough = alike == len(begun) or alike > len(place.header) + FEW_BYTES
    return enough and head[:alike] == begun[:alike]


def _is_beginning(copy: Text, original: Text, original_head: bytes) -> bool:
    head = copy.head()
    if not head or original_head[: len(head)] != head:
        return False
    if copy.archive or original.archive:
        return True  # that much alike is the same log; how long they are would take unpacking
    size = copy.stamp().size
    if original.stamp().size < size:
        return False
    before = max(0, size - TAIL_BYTES)
    return copy.read(before, TAIL_BYTES)[: size - before] == original.read(before, size - before)
