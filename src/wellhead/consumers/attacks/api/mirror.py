"""Takes questions that were answered, asks the other store too and counts where it differs; never slows or fails an answer, never shows a document."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wellhead.clock import Clock
from wellhead.consumers.attacks.api.backend import Ask, Backend
from wellhead.consumers.attacks.api.comparison import Difference, differences, lasting
from wellhead.errors import WellheadError
from wellhead.rest.contract import ApiError
from wellhead.telemetry.attackreads import ReadTally
from wellhead.telemetry.logs import get_logger

MOST_AT_ONCE: Final = 32
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a store.

    Attributes:
        endpoint: Which question, for metrics.
        key: What the choice of its store is sticky by.
        ask: Asks it.
        by_id: Whether its pages are in the order of ids alone.
    """

    endpoint: str
    key: str
    ask: Ask[dict[str, Any] | None]
    by_id: bool = False


class Mirror:
    """Asks the other store what the first has answered; for the event loop.

    Args:
        tally: Counts what came of it.
        clock: Waits before the second look.
    """

    def __init__(self, tally: ReadTally, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    def offer(
        self, question: Question, answer: Any, pair: tuple[Backend, Backend], timeout_secs: float, recheck_secs: float
    ) -> None:
        """Take up a question unless too many are under way; returns at once.

        Args:
            question: What was asked.
            answer: What the first store answered.
            pair: The store that answered, and the other.
            timeout_secs: Longest wait for one answer.
            recheck_secs: Wait before the second look.
        """
        if len(self._running) >= MOST_AT_ONCE:
            self._tally.mirrored(question.endpoint, "dropped")
            return
        task = asyncio.create_task(self._compare(question, answer, pair, timeout_secs, recheck_secs), name="mirror")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settled(self) -> None:
        """Return once nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Drop what is under way."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _compare(
        self, question: Question, answer: Any, pair: tuple[Backend, Backend], timeout_secs: float, recheck_secs: float
    ) -> None:
        ours, theirs = pair
        try:
            other = await theirs.ask(question.ask, timeout_secs, mirrored=True)
            found = differences(answer, other, by_id=question.by_id)
            if not found:
                self._tally.mirrored(question.endpoint, "same")
                return
            await self._clock.sleep(recheck_secs)
            # The other first: what reaches both stores in between is then at most missing where it was looked for earlier.
            other = await theirs.ask(question.ask, timeout_secs, mirrored=True)
            answer = await ours.ask(question.ask, timeout_secs, mirrored=True)
        except (WellheadError, ApiError):
            self._tally.mirrored(question.endpoint, "failed")
            return
        self._tell(question, lasting(found, differences(answer, other, by_id=question.by_id)), pair)

    def _tell(self, question: Question, found: Sequence[Difference], pair: tuple[Backend, Backend]) -> None:
        self._tally.mirrored(question.endpoint, "different" if found else "late")
        for kind in dict.fromkeys(each.kind for each in found):
            self._tally.disagreed(question.endpoint, kind)
            of_kind = [each for each in found if each.kind == kind]
            get_logger("attacks.api").warning(
                "two stores answer differently",
                endpoint=question.endpoint,
                kind=kind,
                answered=pair[0].name,
                other=pair[1].name,
                count=len(of_kind),
                subjects=[each.subject for each in of_kind[:SHOWN]],
                fields=sorted({name for each in of_kind for name in each.fields}),
            )
