"""Takes a plan, moves its cursors with their history and audit in one transaction each, never over a cursor that moved since.

Every stream's own transactional id is opened, which fences whoever runs it (I4), so that nothing moves between the look that counts and the
write. Only when all cursors stand where the plan found them is anything written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import offset_key
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.settings import admin_config, consumer_config, producer_config
from wellhead.kafka.topics import ensure, topic_id
from wellhead.recovery.aim import checked
from wellhead.recovery.errors import Refused
from wellhead.recovery.place import Place, place_of
from wellhead.recovery.plan import Change, Plan
from wellhead.recovery.stored import read_stored
from wellhead.storage.audit import audit_message
from wellhead.storage.history import history_message
from wellhead.storage.topics import audit_spec, history_spec, offsets_spec


@dataclass(frozen=True, slots=True)
class Overrides:
    """A connector's `producer.override.*` words."""

    producer_override: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Author:
    """Who applies a plan.

    Attributes:
        name: For history and audit.
        where: The tool or host it came from.
    """

    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan.

    Attributes:
        moved: The streams whose cursors were moved now.
        already: Those that this plan had moved before.
    """

    moved: tuple[str, ...]
    already: tuple[str, ...] = ()


def unaltered(plan: Plan, places: Sequence[Place]) -> None:
    """Make sure that a plan is what planning could have made of what is known of its connector; a person may have edited it.

    Raises:
        Refused: It would fence somebody else than who runs a stream.
        ConfigError: A cursor is none of its stream.
    """
    for change in plan.moving:
        place = place_of(places, plan.connector, change.partition)
        if place.transactional_id is not None and place.transactional_id != change.transactional_id:
            raise Refused(
                f"{plan.id}: the plan names {change.transactional_id!r} as who runs {change.name}, which is {place.transactional_id!r}; "
                "nothing was changed. Plan again, and do not edit the plan"
            )
        if place.cursor is not None and change.after is not None:
            checked(change.after, place.cursor, f"{plan.connector}, {change.name}")


def apply_plan(
    worker: WorkerSettings,
    plan: Plan,
    *,
    by: Author,
    now_ms: Callable[[], int],
    overrides: Overrides = Overrides(),
    unfenced: bool = False,
) -> Applied:
    """Carry out `plan`, straight against Kafka; blocking.

    Args:
        worker: Whose group and topics.
        plan: What is to be done.
        by: Who does it.
        now_ms: Gives epoch ms.
        overrides: The connector's producer settings.
        unfenced: Also move cursors of streams whose transactional id is not known: somebody made sure that nobody runs them.

    Returns:
        What was moved. Carrying out a plan twice does nothing the second time.

    Raises:
        Refused: A cursor moved since the plan was made, or a stream cannot be fenced; nothing was written.
        Fenced: A stream was started again meanwhile; those named were moved, the others not.
        TemporaryError: The broker cannot be reached; plan again to see what was moved.
        PermanentError: It refuses the rights.
    """
    unknown = [change.name for change in plan.moving if change.transactional_id is None]
    if unknown and not unfenced:
        raise Refused(
            f"{plan.connector}: who runs {', '.join(unknown)} is not known, so it cannot be fenced and might write its own cursor afterwards. "
            "Name the file that configures the connector (-c) and plan again; or stop it, and say so with --unfenced"
        )
    # Whoever runs a stream is not fenced for a plan that is overtaken already.
    if not plan.left(_where_they_stand(worker, plan)):
        return Applied((), tuple(change.name for change in plan.moving))
    ensure(admin_config(worker), [offsets_spec(worker), history_spec(worker), audit_spec(worker)])
    with ExitStack() as cleanup:
        accounts = [_Account(worker, plan, number, overrides) for number in range(len(plan.moving))]
        for account in accounts:
            cleanup.callback(account.close)
            account.open()
        left = plan.left([account.found for account in accounts])
        moved: list[str] = []
        for account in (account for account in accounts if account.change in left):
            try:
                account.write(by, now_ms())
            except (TemporaryError, PermanentError) as error:
                raise _partly(error, moved) from error
            moved.append(account.change.name)
    names = set(moved)
    return Applied(tuple(moved), tuple(change.name for change in plan.moving if change.name not in names))


def _where_they_stand(worker: WorkerSettings, plan: Plan) -> list[dict[str, Any] | None]:
    stored = {
        each.identity: each.cursor for each in read_stored(consumer_config(worker), worker.offset_storage_topic, plan.connector)
    }
    return [stored.get(offset_key(plan.connector, change.partition)) for change in plan.moving]


class _Account:
    """One cursor that is being moved."""

    def __init__(self, worker: WorkerSettings, plan: Plan, number: int, overrides: Overrides) -> None:
        change = plan.moving[number]
        self.change: Change = change
        self._plan = plan
        self._worker = worker
        own = f"{worker.group_id}-offsets-{plan.connector}-{number}"
        self._producer = TransactionalProducer(producer_config(worker, overrides, change.transactional_id or own))
        self._cursors = CursorStore(consumer_config(worker), worker.offset_storage_topic, plan.connector, change.partition)
        self.found: dict[str, Any] | None = None

    def open(self) -> None:
        """Fence the owner, then look where the cursor stands."""
        self._producer.open()  # I4: from here on the former owner's commits fail
        self.found = self._cursors.load()

    def write(self, by: Author, at_ms: int) -> None:
        self._producer.begin()
        for message in self._messages(by, at_ms):
            self._producer.send(message)
        self._producer.commit()

    def close(self) -> None:
        self._producer.close()

    def _messages(self, by: Author, at_ms: int) -> Iterator[Message]:
        change, plan = self.change, self._plan
        yield from self._cursors.messages(change.after, self._topic_id())
        yield history_message(
            self._worker.offset_history_topic,
            connector=plan.connector,
            partition=change.partition,
            before=change.before,
            after=change.after,
            at_ms=at_ms,
            by=by.name,
            why=change.why,
            plan_id=plan.id,
        )
        yield audit_message(
            self._worker.audit_topic,
            who=by.name,
            what=f"offsets.{change.why}",
            connector=plan.connector,
            before={"partition": change.partition, "offset": change.before},
            after={"partition": change.partition, "offset": change.after},
            at_ms=at_ms,
            where=by.where,
        )

    def _topic_id(self) -> str | None:
        """Give the id of the topic that the cursor will stand behind, where records are a state (I1)."""
        if self.change.after is None or self.change.cleanup != "compact" or self.change.topic is None:
            return self._cursors.topic_id if self.change.after is not None else None
        try:
            return topic_id(admin_config(self._worker), self.change.topic)
        except TemporaryError:
            return self._cursors.topic_id


def _partly(error: TemporaryError | PermanentError, moved: Sequence[str]) -> Exception:
    if not moved:
        return error
    return type(error)(f"{error}. Moved before that: {', '.join(moved)}; apply the same plan again for the rest")
