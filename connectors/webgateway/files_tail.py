"""Takes patterns and a cursor's places, gives what the log files have had written since, a bounded number of bytes at a time; reads no byte twice.

Blocking: every call belongs in a thread; calls from several wait for one another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.webgateway.files_followed import Followed, MovedError, Opens
from connectors.webgateway.files_place import Place
from connectors.webgateway.files_reading import ChangedError, Piece, next_piece, skip_to_end
from connectors.webgateway.files_text import BrokenArchiveError, open_text
from connectors.webgateway.files_watch import Tell, Watch


@dataclass(frozen=True, slots=True)
class Limits:
    """How files are read.

    Attributes:
        chunk_bytes: Text taken at a time.
        max_files: How many files are followed.
        forget_secs: How long a file that is gone is remembered.
        last_line_secs: After how long without a change a last line without an end is one.
    """

    chunk_bytes: int
    max_files: int
    forget_secs: float
    last_line_secs: float


class Tail:
    """The log files that patterns match, from their places on.

    Args:
        patterns: Globs.
        places: Where reading stands.
        limits: How they are read.
        tell: Hears of what a person should know, an event and a sentence.
        now_ms: The time.
        opens: Opens a file.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        places: Sequence[Place],
        limits: Limits,
        tell: Tell,
        now_ms: Callable[[], int],
        *,
        opens: Opens = open_text,
    ) -> None:
        self._lock = threading.Lock()
        self._limits = limits
        self._now_ms = now_ms
        self._watch = Watch(
            patterns, places, max_files=limits.max_files, forget_secs=limits.forget_secs, tell=tell, opens=opens
        )
        self._due: deque[Followed] = deque()
        self._archives: deque[Followed] = deque()
        self.unsettled = False
        """Whether a file changed while it was read, so that the disk has to be looked at again."""

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            self._watch.close()

    def places(self) -> list[Place]:
        """Give where reading stands."""
        with self._lock:
            return self._watch.places()

    def scan(self) -> None:
        """Look which files there are, and which have something to read."""
        with self._lock:
            self._watch.scan(self._now_ms() // 1000)
            self.unsettled = False
            due = [each for each in self._watch.followed if self._has_more(each)]
            due.sort(key=lambda each: each.found.stamp.mtime_ns if each.found else 0)
            self._due = deque(each for each in due if not each.place.archive)
            # One is unpacked at a time, since each holds much; one that was begun goes on, since it would have to begin anew.
            self._archives = deque(sorted((each for each in due if each.place.archive), key=lambda each: each.text is None))
            self._next_archive()
            if not self._watch.followed:
                self._watch.tell_once("no_files", "", "No file matches `paths`; waiting for one.")

    def skip_to_end(self) -> None:
        """Take all that the files hold now as read."""
        with self._lock:
            for each in self._watch.followed:
                try:
                    skip_to_end(each, self._limits.chunk_bytes)
                except (MovedError, OSError, BrokenArchiveError):
                    continue  # it is looked at again by the next scan, and read from its beginning
            self._due.clear()
            self._archives.clear()

    def read(self) -> list[Piece]:
        """Give what is to be read, of as many files as it takes to fill a chunk; empty when nothing is left."""
        pieces: list[Piece] = []
        room = self._limits.chunk_bytes
        with self._lock:
            while room > 0 and self._due:
                each = self._due.popleft()
                piece = self._next(each)
                if piece is not None:
                    pieces.append(piece)
                    room -= piece.nbytes
                if piece is not None and not each.place.done:
                    self._due.append(each)
                elif each.place.archive:
                    if each.place.done:
                        each.close()
                    self._next_archive()
        return pieces

    def _next_archive(self) -> None:
        if self._archives:
            self._due.append(self._archives.popleft())

    def _next(self, each: Followed) -> Piece | None:
        try:
            return next_piece(each, self._limits.chunk_bytes, final=self._is_final(each))
        except (ChangedError, MovedError, BrokenArchiveError):
            self.unsettled = True
        except OSError as error:
            path = each.found.path if each.found else ""
            self._watch.tell_once("file_unreadable", path, f"{path} cannot be read: {error.strerror}.")
        return None

    def _has_more(self, each: Followed) -> bool:
        if each.found is None or not each.has_more():
            return False
        return each.exhausted != each.found.stamp or (each.begun and self._is_final(each))

    def _is_final(self, each: Followed) -> bool:
        if each.found is None:
            return False
        unchanged_secs = self._now_ms() / 1000 - each.found.stamp.mtime_ns / 1e9
        return unchanged_secs >= self._limits.last_line_secs
