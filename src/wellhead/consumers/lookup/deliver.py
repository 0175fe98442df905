"""Takes a file on disk and a target, gives the target the file or its changed rows, and keeps what the target said yes to.

What was delivered is a note in the state. It is marked as under way before the target is asked and moves only after the target's
yes, so a crash or an error in between means the whole file again: delivering twice is harmless, believing too early is not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from wellhead.clock import Clock
from wellhead.consumers.lookup.difference import difference
from wellhead.consumers.lookup.durable import disk_trouble, temporary
from wellhead.consumers.lookup.split import part_name
from wellhead.errors import WellheadError
from wellhead.targets import AnyTarget, LookupFile, LookupTarget

Step = Callable[[str], None]
How = Literal["nothing", "whole", "rows"]


class Notes(Protocol):
    """Where deliveries are remembered: the state."""

    def note(self, name: str) -> dict[str, Any] | None: ...
    def write_note(self, name: str, value: dict[str, Any] | None) -> None: ...


class Delivered(BaseModel):
    """What a target last said yes to.

    Attributes:
        rows: Rows of the file.
        nbytes: Its bytes.
        sha256: Its digest.
        at_ms: When.
        under_way: Whether a later delivery has begun and not ended: what the target holds is then not known.
        there_bytes: The size it has at the target, as seen then or at the first look after; None until then.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    rows: int
    nbytes: int
    sha256: str
    at_ms: int
    under_way: bool = False
    there_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file: how it was delivered, why, how many rows went out, and how long the target took."""

    how: How
    why: str
    rows: int
    secs: float


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at the target before a delivery: the size there (None = missing), what was delivered last, and how long the look took."""

    there_bytes: int | None
    last: Delivered | None
    secs: float = 0.0

    def reason(self, file: LookupFile) -> str | None:
        """Tell why the target must get something; None when it has the file already."""
        last = self.last
        if self.there_bytes is None:
            return "missing at the target" if last is not None else "never delivered"
        if last is None:
            return "never delivered by this lookup"
        if last.under_way:
            return "the last delivery did not end"
        if last.there_bytes is not None and last.there_bytes != self.there_bytes:
            return "another size at the target: somebody else changed it"
        return None if last.sha256 == file.sha256 else "changed"


class Delivery:
    """Delivers the files of one lookup to one target.

    Args:
        target: Where to.
        notes: What was delivered; changed only after the target's yes.
        folder: Where copies of what was delivered are kept, to tell changed rows by.
        clock: Dates deliveries and times the target's calls.
        delta_ratio: Share of a file's rows above which all of it is sent; None sends whole files only.
        step: Called at the named points where a crash must do no harm.
    """

    def __init__(
        self, target: AnyTarget, notes: Notes, folder: Path, *, clock: Clock, delta_ratio: float | None, step: Step
    ) -> None:
        self._target = target
        self._notes = notes
        self._folder = folder
        self._clock = clock
        # A target that has no `patch` of its own cannot take rows: no copies need be kept for it.
        can_patch = type(target).patch is not LookupTarget.patch
        self._delta_ratio = delta_ratio if can_patch else None
        self._step = step

    def last(self, name: str) -> Delivered | None:
        """Give what was delivered of a file, None where nothing was."""
        note = self._notes.note(_note(name))
        return None if note is None else Delivered.model_validate(note)

    def parts(self, file: str) -> int:
        """Give in how many parts a file was ever delivered: what was in the last of them must leave the target with its rows."""
        number = 1
        while self.last(part_name(file, number + 1)) is not None:
            number += 1
        return number

    def look(self, name: str) -> Found:
        """Ask the target what it holds.

        Raises:
            TemporaryError: It cannot say now.
            PermanentError: It refuses to.
        """
        began_secs = self._clock.monotonic_secs()
        there_bytes = self._target.size_of(name)
        found = Found(there_bytes, self.last(name), self._clock.monotonic_secs() - began_secs)
        last = found.last
        if last is not None and last.there_bytes is None and found.there_bytes is not None and not last.under_way:
            self._keep(name, last.model_copy(update={"there_bytes": found.there_bytes}))
        return found

    def deliver(self, file: LookupFile, found: Found) -> Outcome:
        """Give the target `file`, unless it has it.

        Raises:
            TemporaryError: The target takes nothing now; the next run tries again.
            PermanentError: It refuses the file, or the rights are missing.
        """
        why = found.reason(file)
        if why is None:
            return Outcome("nothing", "it is there", 0, 0.0)
        if found.last is not None:
            self._keep(file.name, found.last.model_copy(update={"under_way": True}))
            self._step("delivery_begun")
        began_secs = self._clock.monotonic_secs()
        sent = self._send_rows(file, found.last) if why == "changed" and found.last is not None else None
        how: How = "rows"
        if sent is None:
            self._target.put(file)
            how, sent = "whole", file.rows
        secs = self._clock.monotonic_secs() - began_secs
        self._step("target_said_yes")
        there_bytes = self._seen(file) if how == "whole" else None
        now_ms = self._clock.now_ms()
        self._keep(
            file.name,
            Delivered(rows=file.rows, nbytes=file.nbytes, sha256=file.sha256, at_ms=now_ms, there_bytes=there_bytes),
        )
        self._step("delivery_noted")
        self._keep_copy(file)
        self._step("copy_kept")
        return Outcome(how, why, sent, secs)

    def _seen(self, file: LookupFile) -> int | None:
        """Give the size a file that was just put has at the target, if it shows there as it is; else the next look tells."""
        try:
            size = self._target.size_of(file.name)
        except WellheadError:
            return None
        return size if size == file.nbytes else None

    def _send_rows(self, file: LookupFile, last: Delivered) -> int | None:
        """Send changed rows and give how many; None where the whole file must go."""
        former = self._copy_of(file.name, last.sha256)
        if self._delta_ratio is None or not former.is_file():
            return None
        into = temporary(self._folder, f"{file.name}.rows")
        try:
            with disk_trouble(f"write {into}"):
                changes = difference(
                    former, file.path, key=file.key_columns, into=into, at_most=int(last.rows * self._delta_ratio)
                )
            if changes is None or not self._target.patch(file.name, changes):
                return None
            return changes.rows
        finally:
            into.unlink(missing_ok=True)

    def _keep_copy(self, file: LookupFile) -> None:
        """Keep what was delivered, as a second name of the same bytes where the disk allows it.

        Without a copy the next delivery is whole; that is no reason to doubt this one.
        """
        if self._delta_ratio is None:
            return
        copy, half = self._copy_of(file.name, file.sha256), temporary(self._folder, file.name)
        for other in self._folder.glob(f"{file.name}.*.sent"):
            if other != copy:
                with suppress(OSError):
                    other.unlink()
        try:
            half.unlink(missing_ok=True)
            try:
                os.link(file.path, half)
            except OSError:
                shutil.copyfile(file.path, half)
            half.replace(copy)
        except OSError:
            with suppress(OSError):
                half.unlink()

    def _copy_of(self, name: str, sha256: str) -> Path:
        return self._folder / f"{name}.{sha256[:16]}.sent"

    def _keep(self, name: str, delivered: Delivered) -> None:
        self._notes.write_note(_note(name), delivered.model_dump())


def _note(name: str) -> str:
    return f"delivered:{name}"
