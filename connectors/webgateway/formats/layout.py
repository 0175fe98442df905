"""Takes the names of a line's fields, gives what each of them fills; never relies on a position that no header names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Quoting = Literal["none", "backslash", "doubled"]
"""How a quote stands within quotes: there are no quotes, as `\\"`, as two quotes."""

REQUEST, URL, CLF_TIME, EPOCH, DATE, CLOCK, RESULT, PEER, OUTCOME = (
    "@request", "url", "@clf_time", "@epoch", "@date", "@clock", "@result", "@peer", "@outcome",
)  # fmt: skip
"""What more than one column is made of: a request line, a URL, times, and values of squid that hold two."""
TIMES = frozenset({CLF_TIME, EPOCH, DATE})
NUMBERS = {
    "status": 31, "url_port": 31, "bytes_to_client": 63, "bytes_from_client": 63, "duration_ms": 63,
}  # fmt: skip
"""Columns that hold numbers, with the bits of their size."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a line.

    Attributes:
        name: Its name, as the header spells it.
        target: The column it fills, or one of the words above; None for a field the schema does not know.
        quoted: Whether it stands in quotes.
    """

    name: str
    target: str | None
    quoted: bool = False


@dataclass(frozen=True)
class Layout:
    """What stands where in a line of so many fields."""

    slots: tuple[Slot, ...]

    @property
    def width(self) -> int:
        return len(self.slots)

    @cached_property
    def filled(self) -> frozenset[str]:
        """The columns that a field fills by itself; these win over what could be told from a URL."""
        return frozenset(slot.target for slot in self.slots if slot.target and not slot.target.startswith("@"))

    @cached_property
    def timed(self) -> bool:
        """Whether it tells a time."""
        targets = {slot.target for slot in self.slots}
        return bool(targets & {CLF_TIME, EPOCH}) or {DATE, CLOCK} <= targets


@dataclass(frozen=True)
class Dialect:
    """How lines of one format are cut into fields.

    Attributes:
        context: What `open_format` needs to read a line of it again: its header line, or its name.
        quoting: How its quotes work.
        layouts: Its layouts; which one a line has is told by how many fields it has.
        folds_backslashes: Whether two backslashes stand for one.
        padded: Whether more than one space may stand between two fields.
    """

    context: bytes
    quoting: Quoting
    layouts: tuple[Layout, ...]
    folds_backslashes: bool = False
    padded: bool = False

    @cached_property
    def by_width(self) -> Mapping[int, Layout]:
        return {layout.width: layout for layout in self.layouts}

    @cached_property
    def widest(self) -> Layout:
        return max(self.layouts, key=lambda layout: layout.width)

    @cached_property
    def bracketed(self) -> frozenset[int]:
        """The fields that hold a space without quotes, since they stand in brackets."""
        return frozenset(at for at, slot in enumerate(self.widest.slots) if slot.target == CLF_TIME and not slot.quoted)


def layout_of(fields: Iterable[tuple[str, bool]], targets: Mapping[str, str]) -> Layout:
    """Give the layout of named fields; of two that would fill one column the first does.

    Args:
        fields: Name of each field, and whether it stands in quotes.
        targets: What a name fills, by its lower-case spelling.
    """
    slots: list[Slot] = []
    taken: set[str] = set()
    names: Counter[str] = Counter()
    for name, quoted in fields:
        names[name] += 1
        target = targets.get(name.lower())
        if target is not None and (target in taken or (target in TIMES and taken & TIMES)):
            target = None
        if target is not None:
            taken.add(target)
        slots.append(Slot(name if names[name] == 1 else f"{name}#{names[name]}", target, quoted))
    return Layout(tuple(slots))
