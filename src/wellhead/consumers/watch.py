"""Takes the parts of a process, measures how far each is behind and says in the log what changed; tells when one pass is done, never more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from wellhead.clock import Clock
from wellhead.consumers.lag import Place
from wellhead.consumers.parts import Part, Reader
from wellhead.errors import PermanentError, TemporaryError
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.parts import State


class Probe(Protocol):
    """What looks up where a group stands; `LagProbe` unless a test gives its own."""

    def places(self, group: str, topic: str, *, start: str = "earliest") -> dict[int, Place] | None:
        """Give its place in each partition; None where there is no such topic."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class Watch:
    """Looks at every part again and again, in a thread of its own.

    It asks Kafka, not the parts: what a part cannot say because it stands still is told all the same.

    Args:
        parts: The parts.
        probe: Looks up where their groups stand.
        clock: The time that waiting is counted by.
        log: Under which name changes are logged.
        redact: Takes every secret out of a text.
        finished: Called in a pass that is to end, with whether everything is done; None where the parts go on for ever.

    Attributes:
        trouble: Why the lag could not be measured the last time; empty where it could.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        probe: Probe,
        clock: Clock,
        *,
        log: str,
        redact: Callable[[str], str] = str,
        finished: Callable[[bool], None] | None = None,
    ) -> None:
        self.trouble = ""
        self._parts = parts
        self._probe = probe
        self._clock = clock
        self._redact = redact
        self._finished = finished
        self._targets: dict[str, Mapping[int, int]] = {}
        self._done: set[str] = set()
        self._told: dict[str, State] = {}
        self._log = get_logger(log)

    def run(self, stop: threading.Event, every_secs: float) -> None:
        """Look every so many seconds until `stop` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(every_secs)
        self._probe.close()

    def look(self) -> None:
        """Look once."""
        self._say_changes()
        try:
            for part in self._parts:
                self._measure(part)
        except (TemporaryError, PermanentError) as error:
            # Kafka is away: asking for the next part would only wait for the same answer.
            self.trouble = self._redact(str(error))
            if isinstance(error, PermanentError) and self._finished is not None:
                self._give_up(self.trouble)
        else:
            self.trouble = ""
            self._finish()

    def _measure(self, part: Part) -> None:
        reader = part.reader
        if not reader.group:
            # It reads everything each time and commits nothing: there is nothing to be behind of.
            part.tally.lag({})
            self._done.add(reader.name)
            return
        places = self._probe.places(reader.group, reader.topic, start=reader.start)
        now_ms = self._clock.now_ms()
        part.tally.lag({number: place.lag(now_ms) for number, place in (places or {}).items()})
        if self._finished is not None and reader.name not in self._done and self._is_due(reader):
            self._note(reader, places)

    def _is_due(self, reader: Reader) -> bool:
        """Whether its pass can be judged: what it has to read is known once those of this process that write it are done."""
        return self._done.issuperset(part.reader.name for part in self._parts if part.reader.name in reader.waits_for)

    def _note(self, reader: Reader, places: Mapping[int, Place] | None) -> None:
        if places is None and reader.needs_topic:
            self._give_up(f"topic {reader.topic!r} does not exist. Start the connector that writes it, or correct the name")
            return
        found = places or {}
        targets = self._targets.setdefault(reader.name, {number: place.high for number, place in found.items()})
        if all(number in found and found[number].has_done(target) for number, target in targets.items()):
            self._done.add(reader.name)

    def _finish(self) -> None:
        if self._finished is None:
            return
        failed = [part.reader.name for part in self._parts if part.tally.now[0] == "failed"]
        if failed:
            self._give_up(f"{', '.join(failed)} cannot go on")
        elif self._done.issuperset(part.reader.name for part in self._parts):
            self._finished(True)

    def _give_up(self, why: str) -> None:
        if self._finished is not None:
            self._log.error("pass given up", reason=self._redact(why))
            self._finished(False)

    def _say_changes(self) -> None:
        """Log what each part has come to since the last look; a change that came and went between is no news."""
        for part in self._parts:
            state, _, message = part.tally.now
            name = part.reader.name
            if state == self._told.get(name):
                continue
            say = {"failed": self._log.error, "waiting": self._log.warning}.get(state, self._log.info)
            say("part is", part=name, state=state, **({"message": message} if message else {}))
            self._told[name] = state
