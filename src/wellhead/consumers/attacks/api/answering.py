"""Takes a question and the settings as they are now, gives the answer of the store whose turn it is; never lets the other one delay it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from wellhead.clock import Clock
from wellhead.consumers.attacks.api.backend import Backend
from wellhead.consumers.attacks.api.choice import stores_for
from wellhead.consumers.attacks.api.mirror import Mirror, Question
from wellhead.consumers.attacks.api.switches import Switches
from wellhead.errors import PermanentError, WellheadError
from wellhead.rest.contract import ApiError
from wellhead.telemetry.attackreads import ReadTally


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered, and by whom.

    Attributes:
        content: The answer; None where there is no such thing.
        store: The store that gave it.
        instead_of: The store that should have, where it could not.
        other: The store to be asked too, once the answer is sent.
    """

    content: dict[str, Any] | None
    store: str
    instead_of: str | None = None
    other: str | None = None


class Answering:
    """Answers questions from one store or the other; for the event loop.

    Args:
        backends: The stores by name.
        switches: Say which of them answers.
        mirror: Asks the other one too.
        tally: Counts answers.
        clock: Measures them.
        random: Picks what is mirrored.
    """

    def __init__(
        self,
        *,
        backends: Mapping[str, Backend],
        switches: Switches,
        mirror: Mirror,
        tally: ReadTally,
        clock: Clock,
        random: Random,
    ) -> None:
        self.switches = switches
        self.backends = dict(backends)
        self._mirror = mirror
        self._tally = tally
        self._clock = clock
        self._random = random

    async def answer(self, question: Question) -> Answered:
        """Answer a question.

        Raises:
            ApiError: It cannot be answered by any store.
            TemporaryError: The store is away, and the other may not stand in or is away too.
            PermanentError: The store refuses us, likewise.
        """
        began_secs = self._clock.monotonic_secs()
        status, store = 503, ""
        try:
            found = await self._ask(question)
            status, store = 404 if found.content is None else 200, found.store
        except ApiError as error:
            status = error.status
            raise
        except PermanentError:
            status = 502
            raise
        finally:
            self._tally.answered(question.endpoint, store, status, self._clock.monotonic_secs() - began_secs)
        return found

    def after(self, question: Question, answered: Answered) -> None:
        """Have the other store asked too, where it was picked; call it once the answer is sent."""
        if answered.other is not None:
            now = self.switches.current
            pair = (self.backends[answered.store], self.backends[answered.other])
            self._mirror.offer(question, answered.content, pair, now.timeout_secs, now.mirror_recheck_secs)

    async def _ask(self, question: Question) -> Answered:
        now = self.switches.current
        chosen, other = stores_for(question.key, now, self.switches.first)
        stand_in = other if now.fallback else None
        # Nobody waits for a store that is known to be down, as long as another may answer; probes find out when it is back.
        if stand_in is None or self.backends[chosen].is_up is not False:
            try:
                content = await self.backends[chosen].ask(question.ask, now.timeout_secs)
            except WellheadError:
                if stand_in is None:
                    raise
            else:
                picked = other is not None and self._random.random() * 100 < now.mirror_percent
                return Answered(content, chosen, other=other if picked else None)
        assert stand_in is not None
        self._tally.fell_back(question.endpoint, chosen)
        return Answered(await self.backends[stand_in].ask(question.ask, now.timeout_secs), stand_in, instead_of=chosen)
