"""Takes the cursor and a page that was read, gives the cursor behind it, for each kind of reading; never asks the vendor anything.

What is active is read once, from the first `update_id` to the last. Since an indicator may become visible late, a run first looks back:
it reads again what came about shortly before the last look-back, and the runtime leaves out what the topic holds. What turned inactive
or false positive is read in rounds of its own, each a little back from where the one before the last ended; ending twice does no harm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from connectors.threatstream.marks import Mark, Marks
from connectors.threatstream.paging import Asked, Step

if TYPE_CHECKING:
    from connectors.threatstream.answer import Page
    from connectors.threatstream.decode import Decoded
    from connectors.threatstream.source import IndicatorCursor, ThreatStreamConfig

DAY_MS = 86_400_000
SKEW_MS = 300_000
"""How far the clocks of two workers, one after the other, may be apart."""
MARKS_PER_LOOKBACK = 4


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the stream it reads, with which options, and when it began (epoch ms)."""

    stream: str
    config: ThreatStreamConfig
    now_ms: int

    @property
    def lookback_ms(self) -> int:
        """How late an indicator may become visible, in ms."""
        return self.config.lookback_secs * 1000

    @property
    def oldest_ms(self) -> int | None:
        """Epoch ms before which an indicator changed last is too old; None where none is."""
        days = self.config.max_age_days
        return None if days is None else self.now_ms - days * DAY_MS


class Pass(ABC):
    """One kind of reading; `status` is the vendor's word for what it asks for."""

    status: str

    @abstractmethod
    def begin(self, cursor: IndicatorCursor, run: Run) -> IndicatorCursor | None:
        """Give the cursor to ask with in this run, None where nothing is due; begun already, it goes on."""

    @abstractmethod
    def asked(self, cursor: IndicatorCursor, run: Run) -> Asked:
        """Give what the next page is asked for."""

    @abstractmethod
    def after(self, cursor: IndicatorCursor, decoded: Decoded, then: Step, run: Run) -> IndicatorCursor:
        """Give the cursor behind a page."""

    @abstractmethod
    def decode(self, page: Page, asked: Asked) -> Decoded:
        """Decode a page of it."""


class ActivePass(Pass):
    """Reads what is active, the look-back first."""

    status = "active"

    def begin(self, cursor: IndicatorCursor, run: Run) -> IndicatorCursor:
        if cursor.lookback_id is None or cursor.lookback_began_ms is not None:
            return cursor
        return _changed(cursor, lookback_began_ms=run.now_ms)

    def asked(self, cursor: IndicatorCursor, run: Run) -> Asked:
        position = cursor.update_id if cursor.lookback_id is None else cursor.lookback_id
        recent_ms = run.now_ms - run.lookback_ms
        return Asked(run.stream, position, cursor.update_id, run.now_ms, run.oldest_ms, recent_ms)

    def after(self, cursor: IndicatorCursor, decoded: Decoded, then: Step, run: Run) -> IndicatorCursor:
        first_time = cursor.caught_up_ms is None
        if cursor.lookback_id is not None:
            cursor = self._looked_back(cursor, then)
        cursor = _changed(cursor, update_id=max(cursor.update_id, then.position))
        if first_time and decoded.table.num_rows and not decoded.recent:
            # What is so old has become visible by now: nobody need look back beyond it.
            cursor = _changed(cursor, marks=str(Marks().add(Mark(run.now_ms - run.lookback_ms, then.position))))
        return cursor if then.more or then.stuck else self._caught_up(cursor, run)

    def decode(self, page: Page, asked: Asked) -> Decoded:
        from connectors.threatstream.decode import decode  # noqa: PLC0415 - an idle worker should not hold pyarrow

        return decode(page, asked)

    def _looked_back(self, cursor: IndicatorCursor, then: Step) -> IndicatorCursor:
        """Move the look-back on; it ends where new things begin, or where the vendor leads nowhere."""
        if then.more and then.position < cursor.update_id:
            return _changed(cursor, lookback_id=then.position)
        done_ms = cursor.looked_back_ms if then.stuck else cursor.lookback_began_ms
        return _changed(cursor, lookback_id=None, lookback_from_ms=None, lookback_began_ms=None, looked_back_ms=done_ms)

    def _caught_up(self, cursor: IndicatorCursor, run: Run) -> IndicatorCursor:
        """Remember the moment, and let the next run look back where that is due."""
        before_ms, looked_back_ms = cursor.caught_up_ms, cursor.looked_back_ms
        # Where nothing stood in the topic when the reading began, nothing can have vanished.
        vanished = cursor.vanished or (not cursor.whole and cursor.stood_ms is not None)
        cursor = _changed(cursor, caught_up_ms=run.now_ms, whole=True, vanished=vanished)
        if not run.lookback_ms:
            return cursor
        marks = Marks(cursor.marks).add(
            Mark(run.now_ms, cursor.update_id), spacing_ms=run.lookback_ms // MARKS_PER_LOOKBACK
        )  # fmt: skip
        back_ms = 0 if looked_back_ms is None else looked_back_ms - run.lookback_ms
        marks = marks.since(back_ms)
        cursor = _changed(cursor, marks=str(marks))
        known = [moment for moment in (before_ms, looked_back_ms) if moment is not None]
        due = looked_back_ms is None or run.now_ms - min(known) >= run.config.lookback_interval_secs * 1000
        mark = marks.before(back_ms)
        if not due or mark is None:
            return cursor
        if mark.position >= cursor.update_id:
            return _changed(cursor, looked_back_ms=run.now_ms)
        return _changed(cursor, lookback_id=mark.position, lookback_from_ms=max(0, mark.time_ms - SKEW_MS))


class EndedPass(Pass):
    """Reads what is no longer active, for one reason.

    Args:
        status: The vendor's word for the reason.
        following: The pass that follows in a round; empty for the last one.
    """

    first: ClassVar[str] = "inactive"

    def __init__(self, status: Literal["inactive", "falsepos"], following: Literal["", "falsepos"]) -> None:
        self.status = status
        self._following = following

    def begin(self, cursor: IndicatorCursor, run: Run) -> IndicatorCursor | None:
        if not run.config.deletions_enabled or not cursor.whole:
            return None
        if cursor.ending:
            return cursor if cursor.ending == self.status else None
        over = cursor.ended_ms is None or run.now_ms - cursor.ended_ms >= run.config.deletions_interval_secs * 1000
        if self.status != self.first or not over:
            return None
        back_ms = 0 if cursor.ended_ms is None else cursor.ended_ms - run.lookback_ms
        marks = {name: Marks(text).before(back_ms) for name, text in self._marks(cursor).items()}
        positions = {f"{name}_id": 0 if mark is None else mark.position for name, mark in marks.items()}
        return _changed(cursor, ending=self.first, ended_ms=run.now_ms, **positions)

    def asked(self, cursor: IndicatorCursor, run: Run) -> Asked:
        position: int = getattr(cursor, f"{self.status}_id")
        # The first round needs nothing from before the reading began: what was over by then has not been published.
        since_ms = cursor.began_ms - max(run.lookback_ms, SKEW_MS) if position == 0 else None
        return Asked(run.stream, position, position, run.now_ms, None, recent_ms=run.now_ms, since_ms=since_ms)

    def after(self, cursor: IndicatorCursor, decoded: Decoded, then: Step, run: Run) -> IndicatorCursor:  # noqa: ARG002 - only the place counts here
        cursor = _changed(cursor, **{f"{self.status}_id": then.position})
        if then.more:
            return cursor
        marks = Marks(self._marks(cursor)[self.status] or str(Mark(0, 0)))
        if not then.stuck:
            marks = marks.add(Mark(run.now_ms, then.position), spacing_ms=run.lookback_ms // MARKS_PER_LOOKBACK)
        marks = marks.since((run.now_ms if cursor.ended_ms is None else cursor.ended_ms) - run.lookback_ms)
        return _changed(cursor, ending=self._following, **{f"{self.status}_marks": str(marks)})

    def decode(self, page: Page, asked: Asked) -> Decoded:
        from connectors.threatstream.decode import decode_ended  # noqa: PLC0415 - an idle worker should not hold pyarrow

        return decode_ended(page, asked)

    def _marks(self, cursor: IndicatorCursor) -> Mapping[str, str]:
        return {"inactive": cursor.inactive_marks, "falsepos": cursor.falsepos_marks}


ACTIVE = ActivePass()
ENDED = (EndedPass("inactive", "falsepos"), EndedPass("falsepos", ""))


def past(cursor: IndicatorCursor, now_ms: int) -> IndicatorCursor:
    """Give the cursor without moments ahead of now, as a clock that ran ahead leaves them: they would put off what is due by them.

    What is due by a moment becomes long ago, so that it comes at once and looks back as far as it can; what is counted from one
    becomes now. The truth lies between: every moment of a cursor has been.
    """
    long_ago = ("swept_ms", "looked_back_ms", "lookback_began_ms", "ended_ms")
    now = ("began_ms", "caught_up_ms", "lookback_from_ms")
    changes: dict[str, Any] = {}
    for name in (*long_ago, *now):
        moment = getattr(cursor, name)
        if moment is not None and moment > now_ms:
            changes[name] = now_ms if name in now else 0
    for name in ("marks", "inactive_marks", "falsepos_marks"):
        text = str(Marks(getattr(cursor, name)).until(now_ms))
        if text != getattr(cursor, name):
            changes[name] = text
    return _changed(cursor, **changes) if changes else cursor


def _changed(cursor: IndicatorCursor, **changes: Any) -> IndicatorCursor:
    return cursor.model_copy(update=changes)
