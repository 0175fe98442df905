"""Takes findings, gives the destinations a gateway is to let past, and keeps them in a file; never one that is allowed to be looked at only."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from confluent_kafka import Message

from wellhead.clock import Clock
from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.families import family_of
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.known import Known
from wellhead.consumers.floods.limits import matches
from wellhead.errors import PermanentError
from wellhead.kafka.settings import consumer_config
from wellhead.storage.tail import TopicTail
from wellhead.telemetry.floods import BypassTally
from wellhead.telemetry.logs import get_logger

LOOK_SECS = 1.0
# A gateway takes a line of this file for its policy: nothing but a name, a family of names, or an address may become one.
_ENTRY = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|[0-9a-f]*:[0-9a-f:.]+")
_LEFT_SECS = 60.0


@dataclass(frozen=True, slots=True)
class Bypass:
    """What belongs into a bypass file.

    Attributes:
        entries: The entries in order, each with the findings that suggest it.
        kept_out: Entries that findings suggest and `bypass.allow` keeps out, likewise.
    """

    entries: Mapping[str, Sequence[Finding]]
    kept_out: Mapping[str, Sequence[Finding]]

    def text(self, name: str) -> str:
        """Give the file's text: equal entries make an equal text."""
        head = (
            f"# Destinations to let past, one a line: written by 'wellhead floods run' for the watch {name!r}.",
            "# It is replaced whenever a finding opens or closes: do not edit it. What must never stand here belongs into bypass.allow.",
            "# Why an entry stands here: wellhead floods explain",
        )
        return "\n".join([*head, *self.entries, ""])


def bypass_of(findings: Iterable[Finding], *, allow: Sequence[str], grace_secs: float, now_ms: int) -> Bypass:
    """Give what belongs into the file.

    Args:
        findings: Those open, and those lately closed.
        allow: What must never be an entry, nor be covered by one.
        grace_secs: How long an entry stays after its finding has closed.
        now_ms: The time.
    """
    entries: dict[str, list[Finding]] = {}
    kept_out: dict[str, list[Finding]] = {}
    for finding in findings:
        entry = finding.suggestion.entry
        if finding.suggestion.action != "bypass" or entry is None or not is_entry(entry):
            continue
        if finding.kind == "closed" and now_ms - finding.time_ms > grace_secs * 1000:
            continue
        into = kept_out if any(touches(each, known) for each in allow for known in (entry, *finding.members)) else entries
        into.setdefault(entry, []).append(finding)
    return Bypass(dict(sorted(entries.items())), dict(sorted(kept_out.items())))


def is_entry(text: str) -> bool:
    """Tell whether a text may be a line of the file: one family, not all of a country or of the world."""
    if not _ENTRY.fullmatch(text):
        return False
    return not text.startswith("*.") or family_of(text[2:]).name.startswith("*.")


def touches(allowed: str, entry: str) -> bool:
    """Tell whether an entry would let past what is allowed to be looked at only: it is that, below it, or above it."""
    return matches(allowed, entry) or matches(entry, allowed) or _is_below(entry, allowed) or _is_below(allowed, entry)


def _is_below(inner: str, outer: str) -> bool:
    inner, outer = inner.removeprefix("*."), outer.removeprefix("*.")
    return inner == outer or inner.endswith(f".{outer}")


class BypassFile:
    """A file that is replaced as a whole, or stays as it is.

    Args:
        path: Where it is; its folder must exist.

    Raises (on `put`): PermanentError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, text: str) -> bool:
        """Have the file hold a text; True where it did not already."""
        try:
            if self._held() == text:
                return False
            mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o644
            self._replace(text, mode)
        except OSError as error:
            raise PermanentError(
                f"bypass.file {self._path}: cannot be written ({error.strerror or error}). Make its folder, and let this process write into it; "
                "what the gateway reads stays as it was"
            ) from error
        return True

    def _replace(self, text: str, mode: int) -> None:
        # A name nobody else has: in containers that share the folder every process has the same pid.
        handle, fresh = tempfile.mkstemp(prefix=f".{self._path.name}.", suffix=".new", dir=self._path.parent, text=True)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(self._path)
        except BaseException:
            with suppress(OSError):
                Path(fresh).unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the new name outlives a power cut
        finally:
            os.close(folder)

    def tidy(self) -> None:
        """Remove what a process that was killed while writing has left beside it."""
        for left in self._path.parent.glob(f".{self._path.name}.*.new"):
            with suppress(OSError):
                if left.stat().st_mtime < time() - _LEFT_SECS:
                    left.unlink()

    def _held(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None


class BypassKeeper:
    """Keeps the bypass file of one watch as the state topic says, whichever process watches which gateway.

    Args:
        settings: The watch's.
        worker: Where Kafka is.
        clock: The time.
        stop: Ends it within a second.
        tally: Hears what is done.
    """

    def __init__(
        self, settings: FloodsSettings, worker: WorkerSettings, clock: Clock, stop: threading.Event, tally: BypassTally
    ) -> None:
        assert settings.bypass.file is not None
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._tally = tally
        self._log = get_logger("floods").bind(floods=settings.name)
        self._file = BypassFile(settings.bypass.file)
        self._lock = threading.Lock()
        self._view = Known()
        config = consumer_config(worker, client_id=f"{worker.group_id}-bypass")
        self._tail = TopicTail(config, {settings.state_topic: self._take}, clock=clock)

    def run(self) -> None:
        """Keep it until `stop` is set.

        Raises:
            TemporaryError: Kafka could not be reached at the start, or the state topic does not exist yet.
            PermanentError: Kafka refuses us, or the file cannot be written.
        """
        self._file.tidy()
        self._tail.start()
        # A part of the topic must not take out entries: nothing is written before all of it is known.
        self._tail.caught_up(self._settings.state_topic)
        while not self._stop.is_set():
            if self._tail.failure is not None:
                raise self._tail.failure
            self.keep()
            self._tally.state("running")
            self._stop.wait(LOOK_SECS)
        self._tail.caught_up(self._settings.state_topic, LOOK_SECS, behind_open=False)
        self.keep()

    def keep(self) -> None:
        """Have the file hold what belongs into it now."""
        words = self._settings.bypass
        with self._lock:
            findings = list(self._view.findings())
        made = bypass_of(findings, allow=words.allow, grace_secs=words.grace_secs, now_ms=self._clock.now_ms())
        changed = self._file.put(made.text(self._settings.name))
        self._tally.written(len(made.entries), len(made.kept_out), changed=changed)
        if changed:
            self._log.info("bypass_written", file=str(words.file), entries=list(made.entries)[:50])

    def close(self) -> None:
        """End the connection."""
        self._tail.close()

    def _take(self, messages: list[Message]) -> None:
        with self._lock:
            self._view.take(messages)
