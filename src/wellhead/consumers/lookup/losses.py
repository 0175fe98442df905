"""Takes a file's size beside the one delivered last, tells whether the topic has lost its records, and has them read again; never delivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.deliver import Found, Notes
from wellhead.consumers.lookup.guards import Size
from wellhead.consumers.lookup.manifest import Manifest
from wellhead.consumers.lookup.mappings import LoadedMapping
from wellhead.consumers.lookup.reset import NO_STREAM, Reset
from wellhead.consumers.lookup.write import Moment, header_bytes
from wellhead.errors import WellheadError

REFILLED = 0.95
"""Share of the former file from which on it counts as back while everything is read again: what is missing then may have ended."""
REFILL_MS = 24 * 3600 * 1000
"""So long the stricter share holds; a vendor that really ended more would keep the file back for ever."""
ASK_AGAIN_MS = 3 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why records may have been lost, and whether the topic was deleted and made again, so that it fills from its beginning."""

    why: str
    remade: bool


class Losses:
    """Minds what the topic of one lookup has lost.

    Args:
        settings: The lookup's.
        notes: The state's.
        reset: Resets cursors.
    """

    def __init__(self, settings: LookupSettings, notes: Notes, reset: Reset) -> None:
        self._settings = settings
        self._notes = notes
        self._reset = reset
        self.resets: list[str] = []

    def mind(
        self, loaded: LoadedMapping, manifest: Manifest, found: dict[str, Found], at: Moment, doubt: Doubt | None
    ) -> str | None:
        """Tell what is lost of a file and what is done about it; None where nothing is, or it has come back.

        Args:
            loaded: The mapping.
            manifest: The file as it is now.
            found: What the target holds of it.
            at: The state's place in the topic, and the time.
            doubt: None where the state went on, and what is gone has ended.
        """
        name = f"lost:{manifest.file}"
        note = self._notes.note(name)
        if note is None:
            former = former_size(found)
            if doubt is None or former is None or not _existed(manifest, found):
                return None
            if self._is_enough(manifest, former, strict=doubt.remade):
                return None
            note = {"why": doubt.why, "remade": doubt.remade, "since_ms": at.now_ms, "former": [former.nbytes, former.rows]}
            note |= {"cursors": None, "asked_ms": None, "times": 0}
            self._notes.write_note(name, note)
        # A clock that was ahead when the note was made must not hold the file back for as long.
        refilling = 0 <= at.now_ms - note["since_ms"] < REFILL_MS
        if self._is_enough(manifest, Size(*note["former"]), strict=refilling):
            self._notes.write_note(name, None)
            return None
        return self._told(loaded, manifest, note, at, refilling=refilling)

    def forget(self, file: str) -> None:
        """Take a file for what it is: a person said so."""
        if self._notes.note(f"lost:{file}") is not None:
            self._notes.write_note(f"lost:{file}", None)

    def _is_enough(self, manifest: Manifest, former: Size, *, strict: bool) -> bool:
        least = self._settings.guard_min_size_ratio
        ratio = Size(manifest.bytes, manifest.rows).ratio_to(former)
        if not manifest.records:
            return False
        return not least or ratio is None or ratio >= (max(least, REFILLED) if strict else least)

    def _told(self, loaded: LoadedMapping, manifest: Manifest, note: dict[str, Any], at: Moment, *, refilling: bool) -> str:
        former = Size(*note["former"])
        held = (
            "holds none of its records any more"
            if not manifest.records
            else f"has only {manifest.rows:,} rows for it ({former} before)"
        )
        told = f"{loaded.mapping.file} is held back: the topic {held} ({note['why']}); {self._ask(loaded, note, at)}"
        if refilling or not manifest.records:
            return told
        return f"{told}. If the vendor really ended so many, deliver it with: wellhead lookup run --once --force"

    def _ask(self, loaded: LoadedMapping, note: dict[str, Any], at: Moment) -> str:
        """Ask for the reset that was not asked for yet, or that a run under way has overwritten; say what was asked and how often."""
        streams, connector = loaded.mapping.streams, self._settings.source_connector
        if connector is None or not streams:
            which = "set source.connector" if connector is None else f"name its streams in {loaded.name}"
            return f"{which} to have the cursors reset, or reset them by hand: a null under their keys in the offsets topic"
        if note["asked_ms"] is None or not 0 <= at.now_ms - note["asked_ms"] < ASK_AGAIN_MS:
            former = dict.fromkeys([*streams, NO_STREAM]) if note["cursors"] is None else note["cursors"]
            try:
                reset = self._reset(former, at.source.topic_id if note["remade"] else None)
            except WellheadError as error:
                return f"the cursors of {connector} could not be reset, the next run tries again: {error}"
            self.resets += [stream for stream in reset if stream != NO_STREAM]
            note |= {"cursors": (note["cursors"] or {}) | reset, "asked_ms": at.now_ms, "times": note["times"] + bool(reset)}
            self._notes.write_note(f"lost:{loaded.mapping.file}", note)
        asked = ", ".join(stream for stream in note["cursors"] if stream != NO_STREAM)
        if not asked:
            return f"{connector} has no former cursor for {', '.join(streams)}, so it reads from the start: see that it runs"
        if note["times"] > 1:
            return (
                f"the cursor of {connector} for {asked} was reset {note['times']} times, as the old one came back: see its log"
            )
        return f"the cursor of {connector} for {asked} was reset, once: its next run reads everything again. See that it runs"


def former_size(found: dict[str, Found]) -> Size | None:
    """Give the size of what was delivered last; what the target says where this lookup has delivered nothing."""
    lasts = [each.last for each in found.values() if each.last is not None]
    if lasts:
        return Size(sum(last.nbytes for last in lasts), sum(last.rows for last in lasts))
    there = sum(each.there_bytes or 0 for each in found.values())
    return Size(there, None) if there else None


def _existed(manifest: Manifest, found: dict[str, Found]) -> bool:
    """Tell whether there once was a file with rows."""
    empty_bytes = header_bytes(manifest)
    return any(
        each.last.rows > 0 if each.last is not None else (each.there_bytes or 0) > empty_bytes for each in found.values()
    )
