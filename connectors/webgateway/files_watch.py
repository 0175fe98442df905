"""Takes glob patterns and the places of what was read, gives which file on disk each place is in; never takes a file for new that holds what was read.

Every file is, in this order: one that is followed (same inode, same content); the rest of one that is gone from where it was, renamed,
copied before it was truncated, or compressed; a copy of one that is followed, which is left alone; or new.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from connectors.webgateway.files_followed import (
    Followed,
    MovedError,
    Opens,
    is_copy,
    is_left_behind,
    is_longer_original,
)
from connectors.webgateway.files_found import Found, beside, matching
from connectors.webgateway.files_opened import Heads, Opened
from connectors.webgateway.files_place import FEW_BYTES, Place
from connectors.webgateway.files_text import BrokenArchiveError, Stamp, Text

Tell = Callable[[str, str], None]
_TRIES = 3
_OPEN_FILES = 128


class Watch:
    """The files that are followed.

    Args:
        patterns: Which are to be read.
        places: How far they were read, as the cursor tells.
        max_files: How many are followed at most.
        forget_secs: How long a place is kept whose file is not found.
        tell: Hears of what a person should know, an event and a sentence.
        opens: Opens a file.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        places: Iterable[Place],
        *,
        max_files: int,
        forget_secs: float,
        tell: Tell,
        opens: Opens,
    ) -> None:
        self._patterns = patterns
        names = (pattern.rpartition("/")[2].partition("*")[0] for pattern in patterns)
        self._stems = tuple(name for name in names if name)
        self._max_files = max_files
        self._forget_secs = forget_secs
        self._tell = tell
        self._opens = opens
        self._told: set[tuple[str, object]] = set()
        self._copies: dict[Stamp, Followed] = {}
        self._strange: set[Stamp] = set()
        self._wanted: frozenset[int] = frozenset()
        self.followed = [Followed(place, opens=opens) for place in places]

    def close(self) -> None:
        """Close every file."""
        for each in self.followed:
            each.close()

    def places(self) -> list[Place]:
        """Give the places to keep; a file of which nothing was read needs none."""
        return [each.place for each in self.followed if each.place.offset]

    def scan(self, now_secs: int) -> None:
        """Look at the disk again."""
        for _ in range(_TRIES):
            if self._scanned():
                break
        self._forget(now_secs)

    def tell_once(self, event: str, about: object, message: str) -> None:
        """Tell something once for as long as this watch lasts."""
        if (event, about) not in self._told:
            self._told.add((event, about))
            self._tell(event, message)

    def _scanned(self) -> bool:
        """Say where each file is; False where the disk changed too much meanwhile to tell new files from copies."""
        lost: dict[int, bytes] = {}
        loose = self._bind(matching(self._patterns), lost)
        orphans = [each for each in self.followed if each.found is None]
        if orphans and loose:
            # A file that is renamed while a folder is listed may stand in neither place of the list.
            loose = self._bind(matching(self._patterns), lost)
            orphans = [each for each in self.followed if each.found is None]
        with Opened(self.tell_once, self._opens) as texts:
            if orphans:
                wanted = {found.stamp.same_file for found in loose}
                others = [found for found in self._bind(beside(self._patterns), lost) if found.stamp.same_file not in wanted]
                orphans = [each for each in self.followed if each.found is None]
                loose = self._adopted(orphans, loose, self._unknown(orphans, others), texts)
            return self._accepted(loose, lost, texts)

    # Files that are followed

    def _bind(self, founds: Sequence[Found], lost: dict[int, bytes]) -> list[Found]:
        """Tell by the inode where followed files are; gives the files that are not followed."""
        here: dict[int, list[Followed]] = {}
        for each in self.followed:
            here.setdefault(each.place.inode, []).append(each)
        taken: set[int] = set()
        loose = []
        for found in founds:
            rivals = [each for each in here.get(found.stamp.inode, ()) if id(each) not in taken]
            bound = next((each for each in rivals if self._binds(each, found)), None)
            if bound is None:
                loose.append(found)
                lost.update((found.stamp.inode, each.place.header) for each in rivals)
            else:
                taken.add(id(bound))
        for each in self.followed:
            if id(each) not in taken:
                self._unless_open(each)
        listed = {each.found.stamp.same_file for each in self.followed if each.found is not None}
        return [found for found in loose if found.stamp.same_file not in listed]

    def _binds(self, each: Followed, found: Found) -> bool:
        if each.found is not None and each.found.stamp.same_file != found.stamp.same_file:
            return False
        before = each.found
        each.found = found
        with suppress(MovedError, OSError, BrokenArchiveError):
            if each.holds():
                each.take(found)
                return True
        each.found = before
        return False

    def _unless_open(self, each: Followed) -> None:
        """Lose a file, unless it is still open and holds what it held: it may have been deleted or renamed, and is read to its end."""
        if each.text is not None and each.found is not None:
            with suppress(OSError, BrokenArchiveError):
                each.found = Found(each.found.path, each.text.stamp())
                if not each.holds():
                    told = f"{each.found.path} was truncated behind byte {each.place.offset:,}; its rotated copy is looked for."
                    self._tell("file_truncated", told)
                elif each.found.stamp.links or each.has_more():
                    return
        each.lose()

    # Files that hold what was read of one that is gone

    def _unknown(self, orphans: list[Followed], others: list[Found]) -> list[Found]:
        """Give the files beside that were not yet looked at for these places."""
        wanted = frozenset(id(each) for each in orphans)
        if wanted - self._wanted:
            self._strange.clear()
        self._wanted = wanted
        unknown = [found for found in others if found.stamp not in self._strange]
        self._strange = {found.stamp for found in others}
        return unknown

    def _adopted(self, orphans: list[Followed], loose: list[Found], others: list[Found], texts: Opened) -> list[Found]:
        """Give gone files the ones that hold their content; gives those left over."""
        left = list(loose)
        for each in sorted(orphans, key=lambda orphan: -orphan.place.offset):
            for found in (*left, *(one for one in others if each.place.is_telling or self._is_rotated(one, each.place))):
                if texts.asked(found, each, _reaches):
                    self._follow(each, found, texts)
                    left = [one for one in left if one is not found]
                    others = [one for one in others if one is not found]
                    break
        for each in orphans:
            for found in left if each.found is None else ():
                if texts.asked(found, each, is_left_behind):
                    # All that it holds was read; what it is a copy of may have held more, and may come back.
                    self._copies[found.stamp] = each
        return left

    def _is_rotated(self, found: Found, place: Place) -> bool:
        """Tell whether a name says that the file is one of ours rotated, where so little was read that the content alone cannot."""
        return place.offset > len(place.header) + FEW_BYTES and found.path.name.startswith(self._stems)

    def _follow(self, each: Followed, found: Found, texts: Opened) -> None:
        text = texts.given(found)
        done = each.place.done and text.archive
        each.take(found, text)
        each.place = replace(each.place, archive=text.archive, done=done)

    # Files that are new, or copies

    def _accepted(self, loose: Sequence[Found], lost: dict[int, bytes], texts: Opened) -> bool:
        """Follow what is new; False where a file changed on which it depends that it is."""
        new: list[Followed] = []
        try:
            self._add_new(new, loose, lost, texts)
            settled = not new or all(self._still_holds(each) for each in self.followed)
        except MovedError:
            settled = False
        if not settled:
            for each in new:
                each.close()
            return False
        room = max(0, self._max_files - len(self.followed)) + self._make_room(len(new))
        # The oldest come first; the one that is written must not be what is left out.
        over = max(0, len(new) - room)
        for each in new[:over]:
            each.close()
            self.tell_once(
                "too_many_files", "", f"More than {self._max_files} files match; raise `max_files` or narrow `paths`."
            )
        self.followed += new[over:]
        return True

    def _add_new(self, new: list[Followed], loose: Sequence[Found], lost: dict[int, bytes], texts: Opened) -> None:
        """Add to `new` what is no copy.

        Raises:
            MovedError: A file is no longer where it was found.
        """
        here = {found.stamp for found in loose}
        self._copies = {stamp: each for stamp, each in self._copies.items() if stamp in here}
        heads = Heads(each for each in self.followed if each.found is not None)
        for found in loose:
            text = None if self._known_copy(found) else texts.of(found)
            if text is None or not text.head() or self._is_copy(found, text, heads, texts):
                continue
            place = Place(found.stamp.inode, header=lost.get(found.stamp.inode, b""), archive=text.archive)
            new.append(Followed(place, found, texts.given(found), opens=self._opens))
            heads.add(new[-1])

    def _known_copy(self, found: Found) -> bool:
        original = self._copies.get(found.stamp)
        if original is None or not original.place.offset:
            return False
        return original.found is not None or original.place.offset > found.stamp.size

    def _is_copy(self, found: Found, text: Text, heads: Heads, texts: Opened) -> bool:
        for each in heads.like(text):
            try:
                if is_copy(text, each):
                    self._copies[found.stamp] = each
                    return True
                if is_longer_original(text, each):
                    self._follow(each, found, texts)
                    return True
            except (OSError, BrokenArchiveError):
                if each.place.is_telling and text.begins_as(each.place):
                    return True  # it may be a copy of what cannot be read now
        return False

    def _still_holds(self, each: Followed) -> bool:
        """Tell whether it has not been truncated since the disk was looked at: then what seems to be new may be its copy."""
        if each.found is None:
            return True
        try:
            each.look_again()
            return each.holds()
        except (OSError, BrokenArchiveError):
            return True  # nobody knows; copies of it are told by its place

    def _make_room(self, wanted: int) -> int:
        """Forget the files that are gone for longest where there is no room for new ones."""
        over = len(self.followed) + wanted - self._max_files
        gone = sorted((each for each in self.followed if each.found is None), key=lambda each: each.place.gone_secs)[
            : max(0, over)
        ]
        self.followed = [each for each in self.followed if each not in gone]
        return len(gone)

    def _forget(self, now_secs: int) -> None:
        kept = []
        copied = {id(each) for each in self._copies.values()}
        for each in self.followed:
            if each.found is None and not each.place.gone_secs:
                each.place = replace(each.place, gone_secs=now_secs)
            young = now_secs - each.place.gone_secs <= self._forget_secs
            if each.found is not None or (each.place.offset and (young or id(each) in copied)):
                kept.append(each)
        self.followed = kept
        seen = {id(each) for each in kept}
        self._copies = {stamp: each for stamp, each in self._copies.items() if id(each) in seen}
        self._close_most()

    def _close_most(self) -> None:
        """Keep open only what was written to last: what is deleted while it is open can be read to its end. Archives hold too much."""
        for each in self.followed:
            if each.place.archive and (each.place.done or not each.place.offset):
                each.close()
        opened = [each for each in self.followed if each.text is not None and each.found is not None]
        for each in sorted(opened, key=lambda one: -one.found.stamp.mtime_ns if one.found else 0)[_OPEN_FILES:]:
            each.close()


def _reaches(text: Text, followed: Followed) -> bool:
    return text.reaches(followed.place)
