"""Takes batches off the shelf, brings each into the store or its refused documents to the dead letters; never gives one up while it may still pass."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from wellhead.clock import Clock
from wellhead.consumers.attacks.store.batch import Batch
from wellhead.consumers.attacks.store.documents import Document
from wellhead.consumers.attacks.store.letters import Letters
from wellhead.consumers.attacks.store.shelf import Shelf
from wellhead.consumers.attacks.store.sizing import BulkSize
from wellhead.consumers.attacks.store.templates import KINDS, put_templates
from wellhead.errors import TemporaryError
from wellhead.search.actions import Action, BulkAnswer, Refused
from wellhead.search.store import SearchStore
from wellhead.telemetry.attacks import StoreTally
from wellhead.telemetry.logs import get_logger

LINGER_SECS: Final = 0.01
_WAIT_SECS: Final = 0.5
_FIRST_PAUSE_SECS: Final = 0.1
_LONGEST_PAUSE_SECS: Final = 5.0

GivenT = TypeVar("GivenT")


class Stopped(Exception):  # noqa: N818 - says what happened
    """The process stops; what is under way is left to the next start."""


class Delivery:
    """The storing half of a writer, for a thread of its own.

    Args:
        store: The store.
        shelf: Where batches come from.
        letters: Where refused documents go.
        size: How much the store is given at once.
        tally: What is counted.
        clock: Measures how long the store was away.
        stop: Ends every wait.
    """

    def __init__(
        self,
        store: SearchStore,
        shelf: Shelf,
        letters: Letters,
        size: BulkSize,
        *,
        tally: StoreTally,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._letters = letters
        self._size = size
        self._tally = tally
        self._clock = clock
        self._stop = stop
        self._log = get_logger("attacks")
        self._prepared = False
        self._away_secs: float | None = None
        self._pause_secs = _FIRST_PAUSE_SECS

    def run(self) -> None:
        """Store until `stop`.

        Raises:
            PermanentError: The store or Kafka refuses us until a person changes something.
        """
        try:
            self._persist(self._prepare)
            while not self._stop.is_set():
                batch = self._shelf.take(self._size, _WAIT_SECS, LINGER_SECS)
                if batch is not None:
                    self.deliver(batch)
                    self._shelf.stored(batch)
        except Stopped:
            return

    def deliver(self, batch: Batch) -> None:
        """Bring a batch where it belongs, however long it takes.

        Raises:
            Stopped: The process stops; what is stored is stored, and the rest comes again.
            PermanentError: See `run`.
        """
        self._bury([(document, "UnreadableDocument", document.problem) for document in batch.unreadable])
        if batch.superseded:
            self._tally.stale(batch.superseded)
        waiting = batch.actions()
        messages = [document.message for document in batch.documents.values()]
        with self._tally.onward.stage("store", self._tally.onward.parents(messages), documents=len(messages)):
            self._store_all(batch, waiting)

    def _store_all(self, batch: Batch, waiting: list[Action]) -> None:
        while waiting:
            count = self._size.cut(waiting)
            sent, rest = waiting[:count], waiting[count:]
            answer = self._persist(lambda sent=sent: self._bulk(sent))  # type: ignore[misc]
            self._count(batch, sent, answer)
            self._bury([self._refusal(batch, refused) for refused in answer.refused])
            waiting = [*answer.busy, *rest]
            self._adapt(answer)

    def _prepare(self) -> None:
        if not self._prepared:
            put_templates(self._store)
            self._prepared = True

    def _bulk(self, actions: list[Action]) -> BulkAnswer:
        self._prepare()
        return self._store.bulk(actions)

    def _persist(self, attempt: Callable[[], GivenT]) -> GivenT:
        """Try again until it is done; what stands on the shelf waits meanwhile."""
        while True:
            try:
                given = attempt()
            except TemporaryError as error:
                self._is_away(str(error))
                self._pause(error.after_secs)
            else:
                self._is_back()
                return given

    def _is_away(self, reason: str) -> None:
        self._tally.state("waiting", reason)
        # Whatever comes back may be another store, or one that was emptied: without templates it would guess the types of fields.
        self._prepared = False
        if self._away_secs is None:
            self._away_secs = self._clock.monotonic_secs()
            self._log.warning("store_away", attacks=self._tally.entry, store=self._tally.store, reason=reason)

    def _is_back(self) -> None:
        if self._away_secs is not None:
            secs = round(self._clock.monotonic_secs() - self._away_secs, 3)
            self._log.info("store_back", attacks=self._tally.entry, store=self._tally.store, away_secs=secs)
            self._away_secs, self._pause_secs = None, _FIRST_PAUSE_SECS
        self._tally.state("running")

    def _adapt(self, answer: BulkAnswer) -> None:
        if not answer.busy and not answer.too_large:
            self._size.went_well()
            self._pause_secs = _FIRST_PAUSE_SECS
            return
        self._size.too_much()
        if answer.busy:
            self._tally.retried(len(answer.busy))
            self._tally.state("waiting", f"{self._store.where} is busy: {len(answer.busy)} documents are sent again")
            self._pause(None)

    def _pause(self, after_secs: float | None) -> None:
        secs, self._pause_secs = self._pause_secs, min(2 * self._pause_secs, _LONGEST_PAUSE_SECS)
        if self._stop.wait(max(secs, after_secs or 0.0)):
            raise Stopped

    def _count(self, batch: Batch, sent: list[Action], answer: BulkAnswer) -> None:
        self._tally.bulk(answer.secs)
        self._tally.stale(answer.stale)
        others = (*answer.busy, *answer.known, *(refused.action for refused in answer.refused))
        left_out = {(each.index, each.id) for each in others}
        written = [batch.documents[place] for each in sent if (place := (each.index, each.id)) not in left_out]
        for kind in KINDS:
            of_kind = [document for document in written if document.kind == kind]
            hit_ms = [document.hit_ms for document in of_kind if document.hit_ms is not None]
            self._tally.written(kind, len(of_kind), hit_ms)

    def _refusal(self, batch: Batch, refused: Refused) -> tuple[Document, str, str]:
        document = batch.documents[refused.action.index, refused.action.id]
        kind = refused.reason.partition(":")[0]
        return document, kind, f"{self._store.where}, index {refused.action.index!r}: {refused.status}, {refused.reason}"

    def _bury(self, refused: list[tuple[Document, str, str]]) -> None:
        if refused:
            self._persist(lambda: self._letters.bury(refused))
            self._tally.refused(len(refused))
