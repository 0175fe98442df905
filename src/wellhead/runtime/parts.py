"""Takes one stream of a connector, gives its task with everything it needs; opens nothing until it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wellhead.api import SourceTask, TaskContext
from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.config.deployment import LoadedConnector
from wellhead.errors import TemporaryError
from wellhead.http import CallRecord, HttpClient, sweep
from wellhead.kafka import settings as kafka_settings
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.errors import where
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.topics import topic_id
from wellhead.runtime.backfill import HEADER, Backfill, begin
from wellhead.runtime.callthread import CallThread
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.kept import KeptTask
from wellhead.runtime.lane import LaneSupervisor
from wellhead.runtime.ledger import Ledger
from wellhead.runtime.letters import LetterBox
from wellhead.runtime.moves import history_of
from wellhead.runtime.pastcalls import PastCalls, past_calls
from wellhead.runtime.prepare import Preparer
from wellhead.runtime.quota import ConnectorQuota
from wellhead.runtime.readback import read_back
from wellhead.runtime.replay import CLOCK_SKEW_MS, SeenRecords, load_seen
from wellhead.runtime.runner import TaskRunner
from wellhead.runtime.seenletters import load_seen_letters
from wellhead.runtime.supervise import TaskSupervisor
from wellhead.runtime.surroundings import Surroundings
from wellhead.runtime.task import AssembledTask
from wellhead.runtime.topics import topic_specs
from wellhead.runtime.turns import Turns
from wellhead.storage.followed import FollowedCursorStore
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.transforms import bind

if TYPE_CHECKING:
    import pyarrow as pa
    from confluent_kafka import Message

    from wellhead.api import Keep
    from wellhead.errors import PermanentError

# How often a held-back vendor call looks whether Kafka has answered.
WAITING_PAUSE_SECS = 0.2
_NO_PLACE = "this worker has lost its place in the group, so others may have its tasks; the vendor is not asked"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the tasks of one connector share.

    Attributes:
        turns: Lets `tasks.max` of them be polled at once.
        quota: What they may ask of the vendor.
    """

    turns: Turns
    quota: ConnectorQuota

    @classmethod
    def of(cls, loaded: LoadedConnector, around: Surroundings, turns: Turns, backfill: str = "") -> Shared:
        http, tenant = loaded.settings.http, loaded.settings.tenant
        member = f"{loaded.name}:{tenant}:{backfill}" if backfill else f"{loaded.name}:{tenant}"
        shared = around.budgets.join(http, member) if http.budget_group else None
        quota = ConnectorQuota(http, around.clock, {"connector": loaded.name, "tenant": tenant}, shared)
        return cls(turns, quota)


class Parts:
    """Builds one task; what talks to a server is made when the task starts, on its own thread.

    Args:
        loaded: The connector.
        identity: Which of its tasks.
        around: What the process shares.
        shared: What the connector's tasks share.
        backfill: What it reads, where it is not the live one.
    """

    def __init__(
        self,
        loaded: LoadedConnector,
        identity: TaskIdentity,
        around: Surroundings,
        shared: Shared,
        backfill: Backfill | None = None,
    ) -> None:
        self._backfill = backfill
        self._first = None if backfill is None else begin(loaded, identity.stream, backfill)
        self._door = around.doors.of(loaded.name, identity.stream.name, identity.tenant)
        if backfill is None:
            self._door.quota = shared.quota
        self._loaded = loaded
        self._shared = shared
        self._settings = loaded.settings
        self._identity = identity
        self._around = around
        self._topic = self._settings.topic_of(identity.stream.subject)
        self._schema = schemas.load(identity.stream.subject)
        self._transforms = bind(loaded, identity.stream, self._schema, around.clock)
        self._consumer_config = kafka_settings.consumer_config(around.worker)
        self._telemetry = TaskTelemetry(around.telemetry, **identity.metric_names, topic=self._topic)
        self._telemetry.quota(shared.quota.now)
        shared.quota.join()
        http = loaded.settings.http
        self._telemetry.alert_at(call_secs=http.alert_call_secs, failure_ratio=http.alert_failure_ratio)
        self._spool_dir = around.worker.spool_dir / f"wellhead-{around.worker.group_id}" / loaded.name / identity.place
        door = around.streams
        self._streams = None if door is None else door.of(loaded.name, identity.tenant, self._telemetry.upstream)
        self._http = HttpClient(
            loaded.settings.http,
            clock=around.clock,
            gate=self._when_allowed,
            on_call=self._count_call,
            secrets=loaded.secrets(),
            random=around.random,
            streams=self._streams,
        )
        self._kafka = where(self._consumer_config)
        self._asked = self._kafka
        self._waiting = ""
        self._ledger = self._make_ledger()
        self._task = KeptTask(self._make_task)

    def task(self) -> AssembledTask:
        supervisor = self._supervisor(
            identity=self._identity,
            ledger=self._ledger,
            start=self._start,
            forget=self._task.forget,
            seen=self._load_seen,
            waiting=lambda: (
                self._waiting
                or self._shared.quota.waiting
                or (self._streams.waiting if self._streams else "")
                or self._http.trouble
            ),
            turns=self._shared.turns,
            settings=self._settings,
            telemetry=self._telemetry,
            clock=self._around.clock,
            random=self._around.random,
            once=self._around.once,
            owned=self._around.owned,
            starting=self._around.starting,
            door=self._door,
        )
        return AssembledTask(
            self._identity, self._topic, supervisor, self._telemetry, self._ledger, self._http, self._shared.quota
        )

    def _supervisor(self, **parts: Any) -> TaskSupervisor:
        if self._backfill is None or self._first is None:
            return TaskSupervisor(**parts)
        return LaneSupervisor(backfill=self._backfill, first=self._first, **parts)

    def _make_ledger(self) -> Ledger:
        worker, identity = self._around.worker, self._identity
        config = kafka_settings.producer_config(worker, self._settings, identity.transactional_id(worker.group_id))
        limits = RecordLimits()
        letters = LetterBox(
            topic=self._settings.dead_letter_topic_of(identity.stream.subject),
            record_topic=self._topic,
            identity=identity,
            source_class=f"{identity.stream.task.__module__}.{identity.stream.task.__qualname__}",
            redact=self._around.redact,
        )
        return Ledger(
            topic=self._topic,
            producer=lambda: TransactionalProducer(config, step=self._around.step, clock=self._around.clock, limits=limits),
            cursors=self._cursor_store(),
            letters=letters,
            thread=CallThread(f"kafka-{identity.connector}-{identity.place}", self._tell_late, self._tell_answered),
            topic_id=self._look_up_topic if identity.stream.cleanup == "compact" else None,
            on_lost=self._tell_lost,
            history=history_of(identity, worker.offset_history_topic, self._around.worker_id, self._around.clock),
            lease=self._around.lease,
            placed=self._around.placed,
        )

    def _cursor_store(self) -> CursorStore:
        topic, identity = self._around.worker.offset_storage_topic, self._identity
        if self._around.cursors is None:
            return CursorStore(self._consumer_config, topic, identity.connector, identity.partition)
        return FollowedCursorStore(topic, identity.connector, identity.partition, self._around.cursors)

    async def _start(self) -> Callable[[], TaskRunner]:
        """Prepare schema, topics and spool folder; give what makes the runner of one run."""
        await asyncio.to_thread(sweep, self._spool_dir)
        self._asked = "the schema registry (schema.registry.url)"
        try:
            encoder = Encoder(self._schema, await self._ledger.on_thread(self._register))
        finally:
            self._asked = self._kafka
        await self._ledger.on_thread(self._make_topics)
        if self._backfill is None:  # whose calls are counted by its connector, too
            await self._shared.quota.restore(self._past_calls)
        by_event = self._settings.record_timestamp == "event"
        within = None if self._backfill is None else (self._backfill.from_ms, self._backfill.to_ms)
        preparer = Preparer(self._identity.stream, encoder, self._transforms, event_timestamps=by_event, within=within)
        headers = [(HEADER, self._identity.backfill.encode())] if self._identity.backfill else []
        task = self._task.start()

        def new_runner() -> TaskRunner:
            return TaskRunner(
                task=task,
                preparer=preparer,
                ledger=self._ledger,
                settings=self._settings,
                runs_topic=self._around.worker.runs_topic,
                telemetry=self._telemetry,
                clock=self._around.clock,
                redact=self._around.redact,
                headers=headers,
                live=self._identity.stream.live,
            )

        return new_runner

    def _make_task(self) -> SourceTask[Any, Any]:
        context = TaskContext(self._http, self._around.clock, self._spool_dir, self._report, self._published)
        stream = self._identity.stream
        return stream.task(self._loaded.config, stream.name, context)

    def _register(self) -> int:
        subject = f"{self._topic}-value"
        with self._around.registrar.registry() as registry:
            registry.check(subject, self._schema)
            return registry.register(subject, self._schema)

    def _make_topics(self) -> None:
        worker = self._around.worker
        self._around.topics.ensure(topic_specs(worker, self._settings, self._identity.stream))

    def _look_up_topic(self) -> str:
        return topic_id(kafka_settings.admin_config(self._around.worker), self._topic)

    def _tell_lost(self) -> None:
        message = (
            f"topic {self._topic} was deleted and made again since the cursor was written; everything is read again, to fill it"
        )
        self._telemetry.noticed("records_gone")
        get_logger("runtime").warning("records_gone", message=message, **self._identity.labels)

    def _tell_late(self) -> None:
        """Take note that a server keeps the task waiting."""
        advice = (
            ", that its topics stand and have leaders, and that kafka.bootstrap.servers is right"
            if self._asked == self._kafka
            else ""
        )
        self._waiting = f"waiting for {self._asked}, which does not answer; the vendor is not asked until it does. Check that it runs{advice}"
        get_logger("runtime").warning("waiting", reason=self._waiting, **self._identity.labels)

    def _tell_answered(self, answered: bool) -> None:  # noqa: FBT001 - a callback's one argument
        self._waiting = ""
        if answered:
            get_logger("runtime").info("answered", server=self._asked, **self._identity.labels)

    async def _when_allowed(self) -> None:
        """Let a vendor call through once its answer can be published and its turn has come."""
        await self._when_publishable()
        if await self._shared.quota.take():
            await self._when_publishable()
        if self._backfill is not None and self._door.quota is not None:
            await self._door.quota.take_along()
        while not await self._shared.quota.share():
            await self._when_publishable()
        if not self._around.lease.valid():  # I4: nothing is awaited between this and the request
            raise TemporaryError(_NO_PLACE)

    async def _when_publishable(self) -> None:
        """Let a vendor call through only while Kafka takes what is here: what cannot be published must not be fetched."""
        while self._waiting:
            await self._around.clock.sleep(WAITING_PAUSE_SECS)
        await asyncio.to_thread(self._around.broker.check)
        if not await self._around.lease.wait():
            raise TemporaryError(_NO_PLACE)

    async def _past_calls(self, since_ms: int) -> PastCalls:
        """Read what the connector's runs asked of the vendor since an epoch time."""
        config, topic, whose = self._consumer_config, self._around.worker.runs_topic, self._identity
        return await self._ledger.read_on_thread(past_calls, config, topic, whose.connector, whose.tenant, since_ms)

    async def _published(self, columns: Sequence[str], keep: Keep) -> pa.RecordBatch:
        """Look at what stands in the stream's topic; see `ReadBack`."""
        return await self._ledger.read_on_thread(self._read_back, columns, keep)

    def _read_back(self, columns: Sequence[str], keep: Keep) -> pa.RecordBatch:
        with self._around.registrar.registry() as registry:
            decoder = Decoder(registry.schema_text, self._schema)
            return read_back(
                self._consumer_config, self._topic, decoder, columns=columns, keep=keep, on_foreign=self._tell_foreign
            )

    async def _load_seen(self, from_ms: int) -> SeenRecords:
        return await self._ledger.read_on_thread(self._read_seen, from_ms)

    def _read_seen(self, from_ms: int) -> SeenRecords:
        with self._around.registrar.registry() as registry:
            decoder = Decoder(registry.schema_text, self._schema)
            stream = self._identity.stream
            seen = load_seen(
                self._consumer_config,
                self._topic,
                from_ms,
                stream=stream,
                decoder=decoder,
                on_foreign=self._tell_foreign,
                backfill=self._identity.backfill,
            )
        letters = self._settings.dead_letter_topic_of(stream.subject)
        seen.letters = load_seen_letters(self._consumer_config, letters, max(0, from_ms - CLOCK_SKEW_MS), self._identity)
        return seen

    def _tell_foreign(self, message: Message, reason: PermanentError) -> None:
        place = f"topic {message.topic()}, partition {message.partition()}, offset {message.offset()}"
        text = f"{place} holds a message that is none of ours; it is passed over. See who else writes to the topic. {reason}"
        self._telemetry.noticed("foreign_message")
        get_logger("runtime").warning("foreign_message", message=text, **self._identity.labels)

    def _report(self, event: str, message: str, **fields: str | float) -> None:
        self._telemetry.noticed(event)
        get_logger("connector").warning(event, message=message, **self._identity.labels, **fields)

    def _count_call(self, call: CallRecord) -> None:
        self._telemetry.api_call(call.host, call.status, call.secs, call.nbytes, call.method)
        self._shared.quota.answered(call)
        if self._backfill is not None and self._door.quota is not None:
            self._door.quota.answered_along(call)
