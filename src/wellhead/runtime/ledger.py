"""Takes prepared batches and a cursor, gives one Kafka transaction that holds both or neither; never leaves one half-done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeVar

from wellhead.errors import TemporaryError, WellheadError
from wellhead.kafka.consumer import STALLED_SECS
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.errors import Fenced
from wellhead.kafka.messages import Headers, Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.runtime.callthread import CallThread
from wellhead.runtime.lease import FOREVER, Lease
from wellhead.runtime.letters import LetterBox
from wellhead.runtime.moves import Moved
from wellhead.runtime.prepare import Letter, Prepared
from wellhead.telemetry.stage import Stage

P = ParamSpec("P")
R = TypeVar("R")

# A new owner settles what we left open, so a transaction that stays open for longer is our own.
TAKEN_STALLED_SECS = 2.0


class Ledger:
    """One task's account in Kafka, driven from the event loop, kept on one thread of its own.

    `open` fences the former owner before it reads the cursor (I4), so what it gives is the truth. After any error the
    producer is closed, and the next `open` reads the cursor again: a commit whose end was not heard is settled that way.

    Where records are a state, the cursor is kept with the id of their topic: should that be deleted and made again, then the
    cursor promises what is no longer there (I1), and everything is read anew.

    Args:
        topic: The record topic.
        producer: Makes the producer.
        cursors: Where the cursor is kept.
        letters: Makes dead letters.
        thread: Where Kafka is called.
        topic_id: Looks up the record topic's id; None where a cursor does not depend on it.
        on_lost: Called when a cursor is found whose topic is gone.
        lease: What must hold at a commit.
        history: Makes the record of a cursor's move, which joins the transaction that moves it; None keeps no history.
        placed: Whether a group has placed the task here: a cursor that moved while the producer was closed was then altered by a
            person, not by another owner.
    """

    def __init__(
        self,
        *,
        topic: str,
        producer: Callable[[], TransactionalProducer],
        cursors: CursorStore,
        letters: LetterBox,
        thread: CallThread,
        topic_id: Callable[[], str] | None = None,
        on_lost: Callable[[], None] = lambda: None,
        lease: Lease = FOREVER,
        history: Callable[[Moved], Message] | None = None,
        placed: bool = False,
    ) -> None:
        self._history = history
        self._records = self._rejects = 0  # of the open transaction
        self._lease = lease
        self._placed = placed
        self._topic_id_of = topic_id
        self._on_lost = on_lost
        self._topic_id: str | None = None
        self._stored: dict[str, Any] | None = None
        self._run_open = False
        self._topic = topic
        self._new_producer = producer
        self._cursors = cursors
        self._letters = letters
        self._thread = thread
        self._producer: TransactionalProducer | None = None
        self._in_transaction = False
        self._cursor: dict[str, Any] | None = None
        self._asked: dict[str, Any] | None = None
        self._opened = False
        self._in_doubt = False  # whether a transaction of ours may still stand open

    @property
    def is_open(self) -> bool:
        """True from `open` until `close`, or the first error."""
        return self._producer is not None

    async def open(self, *, look_again: bool = False) -> dict[str, Any] | None:
        """Give the committed cursor, after fencing every former owner; None where there is none yet, or it was reset.

        Args:
            look_again: Read it from Kafka even where the producer has been open since: a person may have altered it. Should it have
                been another owner instead, then the write a run begins with fails before the vendor is asked (I4).

        Raises:
            TemporaryError: The broker cannot be reached.
            PermanentError: It refuses us.
        """
        if self._producer is None:
            self._cursor = await self._guarded(self._open)
        elif look_again:
            self._cursor = await self._guarded(self._load)
        return self._cursor

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The cursor as `open` gave it, or as it was committed since."""
        return self._cursor

    @property
    def at_rest(self) -> bool:
        """Whether the cursor as it stands is one that a run came to its end at: what is behind it was all there was."""
        return self._stored is not None and not self._run_open

    @property
    def interrupted(self) -> bool:
        """Whether the cursor that `open` gave was written in the middle of a run, which then ended nowhere."""
        return self._cursors.run_open

    async def write(self, batch: Prepared, headers: Headers) -> int:
        """Produce a batch's records, each with `headers`, its tombstones and its dead letters inside the open transaction.

        Gives how many records were too large for the topic and became dead letters here.
        """
        return await self._guarded(self._write, batch, headers)

    async def commit(
        self,
        cursor: dict[str, Any] | None,
        extra: Sequence[Message] = (),
        *,
        run_id: str = "",
        expired: bool = False,
        run_open: bool = True,
    ) -> None:
        """Commit what was written together with `cursor`, its history and `extra` messages: all or nothing (I1).

        Args:
            cursor: Where the cursor stands from now on; None moves none.
            extra: Such as the run's record.
            run_id: The run, for the history.
            expired: Whether the cursor goes back, as the vendor no longer honours the former one.
            run_open: Whether the run is to go on from here, should this process end.
        """
        await self._guarded(self._commit, cursor, extra, run_id, expired=expired, run_open=run_open)

    async def close(self) -> None:
        """Close the producer, aborting an open transaction; `open` may be called again."""
        await self._on_thread(self._drop)

    def shutdown(self) -> None:
        """End the thread, waiting for nothing; nothing may be called afterwards."""
        self._thread.shutdown()

    def interrupt(self) -> None:
        """Make a commit that waits for the broker give up within a second; its transaction is not committed."""
        producer = self._producer
        if producer is not None:
            producer.interrupt()

    async def on_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run other blocking Kafka work of this task, such as creating its topics, on the task's thread."""
        return await self._on_thread(work, *args, **kwargs)

    async def read_on_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run blocking work that takes as long as a topic is."""
        return await self._thread.run(lambda: work(*args, **kwargs), may_take_long=True)

    async def _on_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._thread.run(lambda: work(*args, **kwargs))

    async def _guarded(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await self._on_thread(work, *args, **kwargs)
        except (WellheadError, asyncio.CancelledError):
            await asyncio.shield(self._on_thread(self._drop))
            raise

    # Below runs on the ledger's thread.

    def _open(self) -> dict[str, Any] | None:
        if self._opened and not (self._placed and self._lease.valid()):
            self._refuse_if_taken()
        producer = self._new_producer()
        self._producer = producer
        producer.open()  # I4: fences the former owner, and settles what it left open, before the cursor is read
        cursor = self._load()
        self._opened, self._in_doubt = True, False
        return cursor

    def _load(self) -> dict[str, Any] | None:
        """Read the cursor; None where it stands behind records of a topic that is gone, whatever stands in its place by now."""
        if self._topic_id_of is not None:
            self._topic_id = self._topic_id_of()
        self._stored = self._cursors.load()
        self._run_open = self._cursors.run_open
        if self._stored is None or None in (self._topic_id, self._cursors.topic_id) or self._topic_id == self._cursors.topic_id:
            return self._stored
        self._on_lost()
        return None

    def _refuse_if_taken(self) -> None:
        """Raise Fenced where the cursor moved while this producer was closed: to open it again would fence the new owner (I4)."""
        try:
            found = self._cursors.load(stalled_secs=TAKEN_STALLED_SECS if self._in_doubt else STALLED_SECS)
        except TemporaryError:
            if self._in_doubt:
                return  # our own transaction may still stand open before the end; a new owner would have settled it
            raise
        if found is not None and found not in (self._stored, self._asked):
            raise Fenced(
                "another worker has taken over this task: its cursor was moved while this one was away. Stop the second process with the "
                "same group.id and connector; if it was altered by hand, start this process again to go on from it"
            )

    def _begin(self) -> TransactionalProducer:
        assert self._producer is not None, "open() comes first"
        if not self._in_transaction:
            self._producer.begin()
            self._in_transaction = True
            self._records = self._rejects = 0
        return self._producer

    def _write(self, batch: Prepared, headers: Headers) -> int:
        producer = self._begin()
        oversize: list[int] = []
        if batch.values:
            oversize = producer.produce(
                self._topic, batch.values, keys=batch.keys, timestamps_ms=batch.timestamps_ms, headers=headers or None
            )
        if batch.deletes:
            # Behind the records: what a batch both holds and deletes has ended.
            producer.produce(self._topic, [None] * len(batch.deletes), keys=batch.deletes, headers=headers or None)
        letters = [*batch.letters, *(_oversize_letter(batch.values[index]) for index in oversize)]
        for letter in letters:
            producer.send(self._letters.message(letter, batch.cursor, producer.limit_bytes(self._letters.topic)))
        self._records += len(batch.values) - len(oversize)
        self._rejects += len(letters)
        return len(oversize)

    def _commit(
        self, cursor: dict[str, Any] | None, extra: Sequence[Message], run_id: str, *, expired: bool, run_open: bool
    ) -> None:
        if not self._lease.valid():  # I4: not what keeps a loser from committing, which is the fence, but sooner
            raise TemporaryError(
                "this worker could not prove in time that it is alive, so others may have its tasks; nothing of this transaction is published"
            )
        producer = self._begin()
        if cursor is not None:
            self._asked = cursor
        closes = not run_open and self._run_open  # what stands says that the run goes on, and it does not
        stands = cursor if cursor is not None or not closes else self._stored
        if stands is not None:
            for message in self._cursors.messages(stands, self._topic_id, run_open=run_open):
                producer.send(message)  # I1: the cursor joins the records' transaction
        for message in (*self._told(cursor, run_id, expired=expired), *extra):
            producer.send(message)
        producer.commit()
        self._in_transaction = False
        if stands is not None:
            self._run_open = run_open
        if cursor is not None:
            self._cursor = self._stored = cursor

    def _told(self, cursor: dict[str, Any] | None, run_id: str, *, expired: bool) -> list[Message]:
        """Give the history's record of a move; a cursor that stays, and publishes nothing, moves not."""
        if self._history is None or cursor is None or (cursor == self._stored and not (self._records or self._rejects)):
            return []
        starts_over = expired or (self._cursor is None and self._stored is not None)
        why: Literal["replay", "commit"] = "replay" if starts_over else "commit"
        return [self._history(Moved(self._stored, cursor, why, run_id, self._records, self._rejects))]

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        self._in_doubt = self._in_doubt or self._in_transaction
        self._in_transaction = False
        if producer is not None:
            producer.close()


def _oversize_letter(value: bytes) -> Letter:
    return Letter(value, Stage.PRODUCE, f"the record has {len(value)} bytes, more than the topic takes (max.message.bytes)")
