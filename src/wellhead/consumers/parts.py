"""Gives what a part of a service is: whom it reads for, what it reports, how it is made; and the process around it; never runs one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.supervise import Runs
from wellhead.telemetry.parts import PartTally

SettingsT = TypeVar("SettingsT")


class Reader(Protocol):
    """Which consumer group a part is, and what it reads."""

    @property
    def name(self) -> str:
        """What people call the part, such as `wallarm/group`."""
        ...

    @property
    def group(self) -> str:
        """The consumer group; empty for a part that is in none."""
        ...

    @property
    def topic(self) -> str:
        """The topic."""
        ...

    @property
    def start(self) -> str:
        """Where a new group begins, earliest or latest."""
        ...

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The names of the parts that write what it reads: a pass of it is done only after theirs."""
        ...

    @property
    def needs_topic(self) -> bool:
        """Whether a topic that does not exist is a fault; else there is just nothing to read."""
        ...


class Part(Protocol):
    """One part: what it reads, what it reports, and how it is made anew for each run."""

    @property
    def reader(self) -> Reader:
        """What it reads."""
        ...

    @property
    def tally(self) -> PartTally:
        """What it reports."""
        ...

    @property
    def make(self) -> Callable[[], AbstractContextManager[Runs]]:
        """Makes it, and closes what was opened for it."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader as a plain value."""

    name: str
    group: str
    topic: str
    start: str = "earliest"
    waits_for: tuple[str, ...] = ()
    needs_topic: bool = True


@dataclass(frozen=True)  # slots and type parameters do not go together in Python 3.11
class Surroundings(Generic[SettingsT]):
    """What every part of an entry is given.

    Attributes:
        settings: The entry it is of.
        worker: The process's settings.
        clock: The time.
        stop: Set when the process is to end.
    """

    settings: SettingsT
    worker: WorkerSettings
    clock: Clock
    stop: threading.Event
