"""Takes the moves a cursor made, gives where it stood before the last one that was no ordinary commit; never looks further back."""

from __future__ import annotations

from collections.abc import Sequence

from wellhead.recovery.errors import Refused
from wellhead.recovery.way import CursorFields, Step


def before_last_intervention(steps: Sequence[Step], *, whose: str) -> CursorFields:
    """Give the cursor that was replaced by the last reset, alter, import or undo of `steps`, oldest first; None where there was none.

    Undoing an undo brings back what it took away.

    Raises:
        Refused: Nothing was done that could be undone.
    """
    for step in reversed(steps):
        if step.is_intervention:
            return step.before
    raise Refused(
        f"{whose}: the history knows of no reset, alter, import or undo, so there is nothing to undo. "
        "'wellhead offsets log' shows what it knows; 'wellhead offsets plan --to-datetime' goes back behind ordinary commits"
    )


def undoable(steps: Sequence[Step]) -> bool:
    """Tell whether there is something to undo."""
    return any(step.is_intervention for step in steps)
