"""Takes the moves a cursor made, gives what lies between any two places on its way; never guesses where they do not reach.

Cursors are opaque: one is told from another by equality only. So the way is a line of steps, each from one cursor to the next with what it
published, and a place is found on it or is not.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

CursorFields: TypeAlias = dict[str, Any] | None
"""A cursor as it is stored; None stands before everything."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a cursor.

    Attributes:
        before: Where it stood.
        after: Where it stands then.
        at_ms: When, epoch ms.
        run_id: The run that made it, "" where none did.
        records: What was published by it.
        rejects: What was dead-lettered by it.
        is_commit: It was made by reading on; else the cursor was set.
        is_intervention: A person or a tool set it.
    """

    before: CursorFields
    after: CursorFields
    at_ms: int
    run_id: str = ""
    records: int = 0
    rejects: int = 0
    is_commit: bool = True
    is_intervention: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two places on a way.

    Attributes:
        direction: `back`: these steps come again; `forward`: they are passed over; `none`: it is the same place.
        steps: In order; the last may be a part of a step that is no longer told apart.
    """

    direction: Literal["back", "forward", "none"]
    steps: Sequence[Step]


class Way:
    """The way a stream has come: what lies behind its cursor, and ahead of it what it has read before it was set back."""

    def __init__(self) -> None:
        self._behind = _Steps()
        self._ahead = _Steps()
        self._where: CursorFields = None
        self._is_placed = False

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Way:
        """Give the way that `steps`, oldest first, have made."""
        way = cls()
        for step in steps:
            way._take(step)
        return way

    @property
    def since_ms(self) -> int | None:
        """When its first known step was made, None without one."""
        return min((step.at_ms for line in (self._behind, self._ahead) for step in line.first(None)), default=None)

    def stands_at(self, cursor: CursorFields) -> bool:
        """Tell whether the way ends at `cursor`; if not, somebody moved it without leaving a trace."""
        return self._is_placed and self._where == cursor

    def between(self, target: CursorFields) -> Between | None:
        """Give what lies between the end of the way and `target`; None where `target` is not on it."""
        if not self._is_placed:
            return None
        if target == self._where:
            return Between("none", ())
        at = self._behind.find(target)
        if at is not None:
            return Between("back", self._behind.from_(at))
        at = self._ahead.find(target)
        return Between("forward", self._ahead.first(at)) if at else None

    def _take(self, step: Step) -> None:
        if not self._is_placed:
            self._where, self._is_placed = step.before, True
        if step.before != self._where:
            self._jump(step.before)  # moved without a trace
        if not step.is_commit:
            self._jump(step.after)
            return
        self._behind.append(step)
        self._where = step.after
        at = self._ahead.find(step.after)
        if at is None:
            # What is read again falls into other pieces than at first: until they meet, what is left ahead is what was not yet read again.
            self._ahead.read_again(step)
        else:
            self._ahead.drop_first(at)

    def _jump(self, target: CursorFields) -> None:
        back, forth = self._behind.find(target), self._ahead.find(target)
        if back is not None:
            self._ahead = _Steps([*self._behind.from_(back), *self._ahead.first(None)])
            self._behind.cut(back)
        elif forth:
            for step in self._ahead.first(forth):
                self._behind.append(step)
            self._ahead.drop_first(forth)
        elif target != self._where:
            self._behind, self._ahead = _Steps(), _Steps()
        self._where = target


class _Steps:
    """Steps in order, found by where they lead; those at the beginning can be dropped, or count as read again in part."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps: list[Step] = []
        self._leading_to: dict[Hashable, list[int]] = {}
        self._dropped = 0
        self._records = self._rejects = 0
        for step in steps:
            self.append(step)

    def append(self, step: Step) -> None:
        self._leading_to.setdefault(_key(step.after), []).append(len(self._steps))
        self._steps.append(step)

    def find(self, target: CursorFields) -> int | None:
        """Give how many steps lead to `target`, the last time it was passed; None where it is not among them."""
        found = self._leading_to.get(_key(target))
        if found and found[-1] >= self._dropped:
            return found[-1] + 1 - self._dropped
        left = self._steps[self._dropped : self._dropped + 1]
        return 0 if left and left[0].before == target else None

    def first(self, count: int | None) -> list[Step]:
        """Give the first `count` steps, or all, without what was read again."""
        end = len(self._steps) if count is None else self._dropped + count
        records, rejects, left = self._records, self._rejects, list[Step]()
        for step in self._steps[self._dropped : end]:
            left.append(
                replace(step, records=max(0, step.records - records), rejects=max(0, step.rejects - rejects))
                if records or rejects
                else step
            )
            records, rejects = max(0, records - step.records), max(0, rejects - step.rejects)
        return left

    def from_(self, at: int) -> list[Step]:
        return self._steps[self._dropped + at :]

    def cut(self, at: int) -> None:
        """Leave only the first `at` steps."""
        while len(self._steps) > self._dropped + at:
            self._leading_to[_key(self._steps.pop().after)].pop()

    def drop_first(self, count: int) -> None:
        if count:
            self._dropped += count
            self._records = self._rejects = 0

    def read_again(self, step: Step) -> None:
        """Count what `step` published as read again, from the first step on; drop those that it covers whole."""
        self._records += step.records
        self._rejects += step.rejects
        while self._dropped < len(self._steps) and (self._records or self._rejects):
            first = self._steps[self._dropped]
            if first.records > self._records or first.rejects > self._rejects:
                return
            self._records -= first.records
            self._rejects -= first.rejects
            self._dropped += 1


def cursor_at(steps: Sequence[Step], at_ms: int) -> tuple[CursorFields, int] | None:
    """Give the cursor as it stood at `at_ms`, and since when (epoch ms); None where the steps, oldest first, do not reach back to it.

    Before the very first step of a stream there is no cursor: (None, 0).
    """
    if not steps:
        return None
    made = [step for step in steps if step.at_ms <= at_ms]
    if made:
        return made[-1].after, made[-1].at_ms
    return (None, 0) if steps[0].before is None else None


def _key(cursor: CursorFields) -> Hashable:
    if cursor is None:
        return None
    try:
        return frozenset(cursor.items())
    except TypeError:  # ours are flat; somebody else's need not be
        return json.dumps(cursor, sort_keys=True)
