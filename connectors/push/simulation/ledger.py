"""Takes the rule and the time, gives what each channel holds now and wakes who waits for more; never says what was delivered."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from connectors.push.simulation.rule import Event, Rule, number_of
from connectors.push.simulation.settings import Settings

LONGEST_LOOK_SECS = 0.25
"""How seldom a channel that grows by itself is looked at; its time may be another one than that of the machine."""


class Forgotten(Exception):  # noqa: N818 - an answer, not a failure of the simulator's
    """The event to go on after is no longer held, or never was."""


class Ledger:
    """All channels; may be asked and told from any thread.

    Args:
        settings: The server's settings.
        rule: What the events are.
        start_ms: When the events held from before end.
        now_ms: The server's time.

    Attributes:
        rule: What the events are; replaced as long as nobody has asked.
    """

    def __init__(self, settings: Settings, rule: Rule, start_ms: int, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self.rule = rule
        self._start_ms = start_ms
        self._now_ms = now_ms
        self._published: Counter[str] = Counter()
        self._waiting: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The channels' names."""
        return self._settings.names

    def last(self, channel: str) -> int:
        """Give the number of a channel's newest event."""
        grown = int(self._settings.per_sec * max(0, self._now_ms() - self._start_ms) / 1_000)
        return self._settings.events + grown + self._published[channel]

    def first(self, channel: str) -> int:
        """Give the number of the oldest event that is still kept."""
        kept = self._settings.kept_events
        return 1 if kept is None else max(1, self.last(channel) - kept + 1)

    def event(self, channel: str, number: int) -> Event:
        """Give the event of a number."""
        return self.rule.event(channel, number)

    def after(self, channel: str, position: str) -> int:
        """Give the number after which a client goes on that names `position`, empty for none.

        Raises:
            Forgotten: There is no such event any more.
        """
        if not position:
            return self.first(channel) - 1 if self._settings.from_start else self.last(channel)
        number = number_of(channel, position)
        if number is None or not self.first(channel) - 1 <= number <= self.last(channel):
            raise Forgotten(position)
        following = number + 1
        # An id that was given twice means the later one.
        while following <= self.last(channel) and self.event(channel, following).id == position:
            number, following = following, following + 1
        return number

    def publish(self, count: int = 1, channel: str | None = None) -> None:
        """Add events to a channel, or to every one, and let them be sent at once."""
        names = self.names if channel is None else (channel,)
        with self._lock:
            for name in names:
                self._published[name] += count
            waiting = [each for name in names for each in self._waiting.get(name, ())]
        for loop, event in waiting:
            with suppress(RuntimeError):  # its server has ended meanwhile
                loop.call_soon_threadsafe(event.set)

    @contextmanager
    def watching(self, channel: str) -> Iterator[asyncio.Event]:
        """Give what is set when the channel gets events; clear it before looking."""
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        with self._lock:
            self._waiting.setdefault(channel, set()).add(entry)
        try:
            yield event
        finally:
            with self._lock:
                self._waiting[channel].discard(entry)

    async def more(self, event: asyncio.Event, channel: str, number: int, within_secs: float) -> bool:
        """Wait until a channel holds more than `number` events, at most so long; tell whether it does."""
        loop = asyncio.get_running_loop()
        until_secs = loop.time() + within_secs
        while self.last(channel) <= number:
            left_secs = until_secs - loop.time()
            if left_secs <= 0:
                return False
            look_secs = min(left_secs, LONGEST_LOOK_SECS) if self._settings.per_sec else left_secs
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), look_secs)
            event.clear()
        return True
