"""Takes a function of what the config topic holds, gives its messages written in one transaction, never over a change it has not seen.

There is no leader. All workers write under one transactional id, so opening a producer fences whoever wrote before; the topic is read to
its end after that, so a commit that succeeds proves that nobody has changed anything in between. A worker that lost tries again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Protocol
from uuid import uuid4

from wellhead.clock import Clock, SystemClock
from wellhead.config.worker import WorkerSettings
from wellhead.errors import TemporaryError
from wellhead.kafka import settings as kafka_settings
from wellhead.kafka.errors import CommitUnknown, Fenced, ProducerLost
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.storage.configs import ConfigView
from wellhead.storage.configtopic import CHANGE, ConfigTopic

_GIVE_UP_SECS = 30.0
_SHORTEST_PAUSE_SECS = 0.02
_LONGEST_PAUSE_SECS = 1.0
_SETTLE_SECS = 1.0

Decide = Callable[[ConfigView], Sequence[Message]]


class Writes(Protocol):
    """What of a transactional producer a change needs."""

    @property
    def is_open(self) -> bool: ...
    def open(self) -> None: ...
    def begin(self) -> None: ...
    def send(self, message: Message) -> None: ...
    def commit(self) -> None: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...


class ConfigWriter:
    """Changes the config topic by compare-and-set; any thread may call it, one at a time goes through.

    Args:
        producer: Writes under the transactional id that all workers share; opened by the first change and kept.
        configs: What the topic holds.
        catch_up: Returns once all that is committed in the config topic is in `configs`, given the longest wait in seconds.
        topic: The config topic.
        settle_secs: How long to wait for a change to come by itself before asking for it.
        clock: Bounds the tries.
        random: Where the length of pauses comes from, so that workers that fence each other do not do so in step.
        pause: Waits so many seconds.
    """

    def __init__(
        self,
        producer: Writes,
        configs: ConfigTopic,
        catch_up: Callable[[float], None],
        *,
        topic: str,
        settle_secs: float = _SETTLE_SECS,
        clock: Clock | None = None,
        random: Random | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._producer = producer
        self._configs = configs
        self._catch_up = catch_up
        self._topic = topic
        self._settle_secs = settle_secs
        self._clock: Clock = SystemClock() if clock is None else clock
        self._random = Random() if random is None else random  # noqa: S311 - no secret
        self._pause = pause
        self._lock = threading.Lock()
        self._closing = False

    def change(self, decide: Decide, *, secs: float = _GIVE_UP_SECS) -> ConfigView:
        """Write what `decide` makes of the newest view, all or nothing, and give a view that includes it; blocking.

        Args:
            decide: A pure function, called again when another worker's change came first. It may refuse by raising: that passes through,
                and nothing is written. No messages mean that nothing is to be changed. They may go to other topics, too.
            secs: How long to try.

        Raises:
            TemporaryError: The broker cannot be reached, or other workers keep coming first. Unless it says otherwise nothing was changed.
            PermanentError: The broker refuses us.
        """
        deadline_secs = self._clock.monotonic_secs() + secs
        if not self._lock.acquire(timeout=secs):
            raise TemporaryError(
                f"another change of the config topic has been under way here for {secs:g} s; nothing was changed. Try again"
            )
        try:
            if self._closing:  # whoever waited until now would open the producer again, and hold up the end
                raise TemporaryError("this worker is stopping; nothing was changed. Ask another one")
            return self._try_until(deadline_secs, decide, secs)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the producer; a change under way gives up within a second or so."""
        self._closing = True
        self._producer.interrupt()
        with self._lock:
            self._producer.close()

    def _try_until(self, deadline_secs: float, decide: Decide, secs: float) -> ConfigView:
        change, tries, in_doubt = uuid4().bytes, 0, False
        while True:
            try:
                self._make_ready(deadline_secs)
            except TemporaryError as error:
                raise (_unknown(error) if in_doubt else error) from error
            if self._configs.holds(change):
                return self._configs.view  # a former try's commit, which nobody answered
            messages = decide(self._configs.view)
            if not messages:
                return self._configs.view
            try:
                self._write(messages, change)
            except (Fenced, ProducerLost) as error:
                self._producer.close()
                tries, in_doubt = tries + 1, isinstance(error, CommitUnknown)
                if self._closing or self._clock.monotonic_secs() >= deadline_secs:
                    raise _given_up(error, tries, secs) from error
                self._pause(
                    self._random.uniform(_SHORTEST_PAUSE_SECS, min(_LONGEST_PAUSE_SECS, _SHORTEST_PAUSE_SECS * 2**tries))
                )
            else:
                return self._read_back(change, deadline_secs)

    def _make_ready(self, deadline_secs: float) -> None:
        if not self._producer.is_open:
            self._producer.open()  # fences every other writer, and settles what it left open, before the topic is read
        self._catch_up(self._left_secs(deadline_secs))

    def _write(self, messages: Sequence[Message], change: bytes) -> None:
        self._producer.begin()
        last = max((number for number, message in enumerate(messages) if message.topic == self._topic), default=-1)
        for number, message in enumerate(messages):
            marked = ((CHANGE, change),) if number == last else ()  # whoever has read the last one has read them all
            self._producer.send(replace(message, headers=(*message.headers, *marked)))
        self._producer.commit()

    def _read_back(self, change: bytes, deadline_secs: float) -> ConfigView:
        if self._configs.holds(change, self._settle_secs):
            return self._configs.view
        try:
            self._catch_up(self._left_secs(deadline_secs))
        except TemporaryError as error:
            raise TemporaryError(
                f"the change is written and will take effect, but this worker has not seen it yet: {error}"
            ) from error
        return self._configs.view

    def _left_secs(self, deadline_secs: float) -> float:
        # What has begun may end: a try that starts late still gets a moment.
        return max(1.0, deadline_secs - self._clock.monotonic_secs())


def _given_up(error: Exception, tries: int, secs: float) -> TemporaryError:
    if isinstance(error, Fenced):
        return TemporaryError(
            f"other workers changed the config topic first, {tries} times in {secs:g} s; nothing was changed here. Try again, and send "
            "bursts of changes to one worker only"
        )
    if isinstance(error, CommitUnknown):
        return _unknown(error)
    return TemporaryError(f"the change could not be written in {tries} tries within {secs:g} s, nothing was changed: {error}")


def _unknown(error: Exception) -> TemporaryError:
    return TemporaryError(f"it is not known whether the change was written: {error}. Look at the connector before trying again")


def shared_producer(worker: WorkerSettings, *, step: Callable[[str], None] = lambda _name: None) -> TransactionalProducer:
    """Give the producer whose transactional id all workers of a group share, as Connect's leader names it."""
    return TransactionalProducer(kafka_settings.producer_config(worker, None, f"connect-cluster-{worker.group_id}"), step=step)
