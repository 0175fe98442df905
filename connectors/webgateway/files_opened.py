"""Takes files that were found, gives them open for as long as they are looked at, and by how they begin; never leaves one open that was not given away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from connectors.webgateway.files_followed import Followed, MovedError, Opens, open_found
from connectors.webgateway.files_found import Found
from connectors.webgateway.files_place import comment_bytes
from connectors.webgateway.files_text import BrokenArchiveError, Text

TellOnce = Callable[[str, object, str], None]
_KEY_BYTES = 64


class Opened:
    """The files that were opened to look at them; closed behind it, but for those given away."""

    def __init__(self, tell_once: TellOnce, opens: Opens) -> None:
        self._tell_once = tell_once
        self._opens = opens
        self._texts: dict[tuple[int, int], Text | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        for text in self._texts.values():
            if text is not None:
                text.close()

    def of(self, found: Found) -> Text | None:
        """Give it open; None where it cannot be read now."""
        key = found.stamp.same_file
        if key not in self._texts:
            self._texts[key] = self._open(found)
        return self._texts[key]

    def given(self, found: Found) -> Text:
        """Give it away open."""
        text = self.of(found)
        assert text is not None
        self._texts[found.stamp.same_file] = None
        return text

    def asked(self, found: Found, each: Followed, question: Callable[[Text, Followed], bool]) -> bool:
        """Ask a file; one that cannot be read says no."""
        text = self.of(found)
        try:
            return text is not None and question(text, each)
        except OSError as error:
            self._tell_once("file_unreadable", found.path, f"{found.path} cannot be read: {error.strerror}.")
            return False

    def _open(self, found: Found) -> Text | None:
        try:
            return open_found(found, self._opens)
        except MovedError:
            return None
        except BrokenArchiveError as error:
            self._tell_once("file_unreadable", found.path, f"{error}.")
        except OSError as error:
            told = f"{found.path} cannot be read: {error.strerror}. Let the worker's user read it, or leave it out of `paths`."
            self._tell_once("file_unreadable", found.path, told)
        return None


class Heads:
    """Files by how they begin."""

    def __init__(self, followed: Iterable[Followed]) -> None:
        self._all: list[tuple[bytes, Followed]] = []
        self._by_key: dict[bytes, list[Followed]] = {}
        self._short: list[tuple[bytes, Followed]] = []
        self._unreadable: list[Followed] = []
        for each in followed:
            self.add(each)

    def add(self, each: Followed) -> None:
        """Take one more.

        Raises:
            MovedError: It is no longer where it was found.
        """
        try:
            head = each.first_bytes()
        except (OSError, BrokenArchiveError):
            self._unreadable.append(each)
            return
        self._all.append((head, each))
        if (key := _key(head)) is None:
            self._short.append((head, each))
        else:
            self._by_key.setdefault(key, []).append(each)

    def like(self, text: Text) -> list[Followed]:
        """Give those that may begin alike, and those that cannot be asked."""
        head = text.head()
        short = [each for begun, each in self._short if head.startswith(begun)]
        if (key := _key(head)) is not None:
            return [*self._by_key.get(key, ()), *short, *self._unreadable]
        return [*(each for begun, each in self._all if begun.startswith(head)), *short, *self._unreadable]


def _key(head: bytes) -> bytes | None:
    """Give the first bytes behind a header, which many logs share; None where there are too few."""
    at = comment_bytes(head)
    return head[at : at + _KEY_BYTES] if len(head) >= at + _KEY_BYTES else None
