"""Gives what every way of receiving hands on: events, what could not be read, and where the stream stands; knows no protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wellhead import Reject

MESSAGE = "message"
UNWANTED = "event_not_wanted"
DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One event as it was sent.

    Attributes:
        data: Its data.
        event: What the server calls its kind.
        id: The id it bore itself; None where it bore none.
        value: Its data read as JSON, where that was needed to receive it.
    """

    data: str
    event: str = MESSAGE
    id: str | None = None
    value: Any = None


@dataclass(slots=True)
class Arrived:
    """What one look at the connection gave.

    Attributes:
        events: Those that are wanted, in order.
        rejects: What was meant to be an event and cannot be read.
        unwanted: How many were of a kind that is not wanted.
        position: What to ask from next; empty where the server named nothing.
        retry_ms: How long the server wants us to wait before the next connection; None where it did not say.
        nbytes: About how much memory it takes.
        after_gap: Whether what came before it may have been missed.
    """

    events: list[PushEvent] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unwanted: int = 0
    position: str = ""
    retry_ms: int | None = None
    nbytes: int = 0
    after_gap: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.events or self.rejects or self.unwanted)


class EndedError(Exception):
    """The server says that no more will come; stays inside this connector."""


class Receive(Protocol):
    """One way of receiving: opens a connection that goes on from a position, gives what arrives, and ends when the server ends it.

    The first of what it gives says that the connection is open, and may hold nothing. Its connection lives as long as the generator.
    """

    def __call__(self, door: Any, position: str) -> AsyncGenerator[Arrived]: ...


def value_at(value: Any, path: str) -> Any:
    """Give what stands under a dotted path of a JSON value; None where nothing does.

    >>> value_at({"meta": {"id": 7}}, "meta.id")
    7
    """
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def text_at(value: Any, path: str | None) -> str | None:
    """Give what stands under a dotted path as text, a number as JSON writes it; None for nothing, a list or an object."""
    found = None if path is None else value_at(value, path)
    match found:
        case str():
            return found
        case bool():
            return "true" if found else "false"
        case int() | float():
            return repr(found)
        case _:
            return None


Wants = Callable[[str], bool]
