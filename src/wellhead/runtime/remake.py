"""Takes dead letters and the connector as it is configured now, gives the records they are by now, or why they still are none; asks no vendor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from wellhead.api import Batch, Reject, Stream
from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rowtext import row_in
from wellhead.clock import Clock
from wellhead.config.deployment import LoadedConnector
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError
from wellhead.kafka.messages import Message
from wellhead.kafka.settings import admin_config, consumer_config
from wellhead.kafka.topics import ensure
from wellhead.recovery.letter import StoredLetter
from wellhead.recovery.redrive import Remade
from wellhead.recovery.settled import REDRIVEN, REDRIVEN_MS, Outcome
from wellhead.runtime.prepare import Prepared, Preparer, Transformed
from wellhead.runtime.standing import Candidate, StandingLog, StandingState
from wellhead.runtime.topics import topic_specs
from wellhead.telemetry.stage import Stage
from wellhead.transforms import bind

_NO_CURSOR = cast("Any", None)


class _NotNow(Exception):  # noqa: N818 - it never leaves this module
    """A letter stays open."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.remade = Remade(outcome, reason)


class Remaker:
    """Reads the letters of one connector again. Blocking; close it afterwards.

    Args:
        loaded: The connector, as it is configured now, once for each of its tenants.
        worker: The settings of its workers.
        clock: What transforms count ages from.
        redact: Takes secrets out of what a source's defect says.
        limit_bytes: How large a message to a topic may be.
        dry_run: Whether nothing may be written: schemas are then not registered, nor topics made.
    """

    def __init__(
        self,
        loaded: Sequence[LoadedConnector],
        worker: WorkerSettings,
        *,
        clock: Clock,
        redact: Callable[[str], str],
        limit_bytes: Callable[[str], int],
        dry_run: bool,
    ) -> None:
        self._loaded = loaded
        self._worker = worker
        self._clock = clock
        self._redact = redact
        self._limit_bytes = limit_bytes
        self._dry_run = dry_run
        self._registry = Registry(worker.schema_registry)
        self._streams: dict[tuple[str, str], _StreamParts] = {}

    def close(self) -> None:
        """Close its connections."""
        self._registry.close()

    def anew(self) -> Callable[[Sequence[StoredLetter]], list[Remade]]:
        """Give what remakes letters and remembers what it gave; a redrive that is tried again needs a new one."""
        standing: dict[str, StandingLog | StandingState] = {}

        def remake(letters: Sequence[StoredLetter]) -> list[Remade]:
            remade: dict[int, Remade] = {}
            drafts: dict[str, dict[int, Candidate]] = {}
            owners: dict[str, _StreamParts] = {}
            for index, letter in enumerate(letters):
                try:
                    parts = self._parts_of(letter)
                    drafts.setdefault(parts.topic, {})[index] = self._draft(letter, parts)
                    owners.setdefault(parts.topic, parts)
                except _NotNow as still_open:
                    remade[index] = still_open.remade
            for topic, candidates in drafts.items():
                if candidates:
                    known = standing.get(topic) or standing.setdefault(topic, self._standing(owners[topic]))
                    remade |= dict(zip(candidates, known.judge(list(candidates.values())), strict=True))
            return [remade[index] for index in range(len(letters))]

        return remake

    def _draft(self, letter: StoredLetter, parts: _StreamParts) -> Candidate:
        """Give the records that a letter is by now.

        Raises:
            _NotNow: It is none, or cannot be read again.
        """
        if letter.cut:
            raise _NotNow(Outcome.REFUSED, f"only its first {len(letter.raw)} bytes were kept, so it can never be read whole")
        try:
            transformed, prepared = parts.prepare(*self._batch(letter, parts))
        except PermanentError as error:
            raise _NotNow(Outcome.FAILED, self._redact(str(error))) from error
        if prepared.letters:
            first = prepared.letters[0]
            reason = first.reason if first.field is None else f"{first.field}: {first.reason}"
            raise _NotNow(Outcome.FAILED, self._redact(reason))
        if not prepared.values and not prepared.deletes:
            if not prepared.filtered:
                raise _NotNow(Outcome.FAILED, "the source finds no record in it")
            return Candidate(letter, filtered=True)
        candidate = parts.candidate(letter, transformed, prepared)
        self._check_sizes(candidate)
        return candidate

    def _parts_of(self, letter: StoredLetter) -> _StreamParts:
        """Give what letters of its tenant and stream are remade with."""
        loaded = next((each for each in self._loaded if each.settings.tenant == letter.tenant), None)
        if loaded is None:
            tenants = ", ".join(each.settings.tenant for each in self._loaded)
            raise _NotNow(
                Outcome.REFUSED, f"it is of tenant {letter.tenant!r}; connector {letter.connector} now reads: {tenants}"
            )
        stream = next((stream for stream in loaded.streams if stream.name == letter.stream), None)
        if stream is None:
            names = ", ".join(stream.name for stream in loaded.streams)
            raise _NotNow(Outcome.REFUSED, f"connector {loaded.name} has no stream {letter.stream!r} now; it has: {names}")
        key = (letter.tenant, letter.stream)
        if key not in self._streams:
            self._streams[key] = self._new_parts(loaded, stream)
        return self._streams[key]

    def _batch(self, letter: StoredLetter, parts: _StreamParts) -> tuple[Batch[Any], bool]:
        """Give the letter as a batch, and whether it went through the transforms already."""
        match letter.stage:
            case Stage.POLL:
                return self._read_again(letter, parts.loaded, parts.stream), False
            case Stage.ENCODE:
                try:
                    return Batch([row_in(letter.raw)], _NO_CURSOR), letter.transformed
                except ValueError as error:
                    raise _NotNow(Outcome.REFUSED, f"its bytes are no row: {error}") from error
            case Stage.PRODUCE:
                return Batch(parts.decoder.decode([letter.raw]), _NO_CURSOR), True
        raise _NotNow(Outcome.REFUSED, f"it was refused at stage {letter.stage!r}, which keeps nothing to read again")

    def _read_again(self, letter: StoredLetter, loaded: LoadedConnector, stream: Stream) -> Batch[Any]:
        if stream.redrive is None:
            raise _NotNow(
                Outcome.REFUSED,
                f"source {loaded.source.name} cannot read its rejects again: its stream {stream.name} has no `redrive`. "
                "Have the records read anew with 'wellhead offsets', or mend and load them by hand",
            )
        try:
            return stream.redrive(loaded.config, stream.name, Reject(letter.raw, letter.reason, context=letter.context))
        except PermanentError:
            raise
        except Exception as error:
            text = self._redact(str(error))[:200]
            raise _NotNow(
                Outcome.FAILED, f"the source raised {type(error).__name__}: {text}; that is a defect in it"
            ) from error

    def _check_sizes(self, candidate: Candidate) -> None:
        for message in candidate.messages:
            limit, size = self._limit_bytes(message.topic), message.size_bytes()
            if size > limit:
                raise _NotNow(
                    Outcome.FAILED,
                    f"the record has {size} bytes, more than topic {message.topic} takes ({limit}): raise its max.message.bytes, "
                    "and producer.override.message.max.bytes of the connector",
                )

    def _new_parts(self, loaded: LoadedConnector, stream: Stream) -> _StreamParts:
        schema = schemas.load(stream.subject)
        topic = loaded.settings.topic_of(stream.subject)
        encoder = Encoder(schema, self._schema_id(f"{topic}-value", schema, loaded, stream))
        by_event = loaded.settings.record_timestamp == "event"
        return _StreamParts(
            loaded,
            stream,
            topic,
            Preparer(stream, encoder, bind(loaded, stream, schema, self._clock), event_timestamps=by_event),
            Preparer(stream, encoder, event_timestamps=by_event),
            Decoder(self._registry.schema_text, schema),
        )

    def _schema_id(self, subject: str, schema: schemas.Schema, loaded: LoadedConnector, stream: Stream) -> int:
        self._registry.check(subject, schema)
        if self._dry_run:
            return self._registry.find(subject, schema) or 0
        ensure(admin_config(self._worker), topic_specs(self._worker, loaded.settings, stream))
        return self._registry.register(subject, schema)

    def _standing(self, parts: _StreamParts) -> StandingLog | StandingState:
        kind = StandingState if parts.stream.cleanup == "compact" and parts.stream.key else StandingLog
        return kind(consumer_config(self._worker), parts.topic, parts.stream, parts.decoder)


@dataclass(frozen=True, slots=True)
class _StreamParts:
    """What letters of one stream of one tenant are remade with; `bare` leaves the transforms out."""

    loaded: LoadedConnector
    stream: Stream
    topic: str
    preparer: Preparer
    bare: Preparer
    decoder: Decoder

    def prepare(self, batch: Batch[Any], transformed: bool) -> tuple[Transformed, Prepared]:  # noqa: FBT001 - the pair that _batch gives
        preparer = self.bare if transformed else self.preparer
        whole = preparer.transform(batch, None)
        return whole, preparer.encode(whole)

    def candidate(self, letter: StoredLetter, transformed: Transformed, prepared: Prepared) -> Candidate:
        headers = ((REDRIVEN, str(letter.place).encode()), (REDRIVEN_MS, str(letter.at_ms).encode()))
        keys = prepared.keys or [None] * len(prepared.values)
        times: Sequence[int | None] = prepared.timestamps_ms or [None] * len(prepared.values)
        records = [
            Message(self.topic, value, key=key, timestamp_ms=at_ms or None, headers=headers)
            for value, key, at_ms in zip(prepared.values, keys, times, strict=True)
        ]
        ends = [Message(self.topic, None, key=key, headers=headers) for key in prepared.deletes]
        return Candidate(letter, tuple(records), tuple(ends), self._named(transformed.table), self._times_ms(transformed.table))

    def _named(self, table: pa.RecordBatch) -> tuple[tuple[Any, ...] | None, ...]:
        """Give each row's identity; None where a null stands in it, or the stream has none."""
        if not self.stream.identity:
            return (None,) * table.num_rows
        rows = zip(*(table.column(name).to_pylist() for name in self.stream.identity), strict=True)
        return tuple(None if None in row else row for row in rows)

    def _times_ms(self, table: pa.RecordBatch) -> tuple[int | None, ...]:
        if self.stream.time is None:
            return (None,) * table.num_rows
        column: Any = table.column(self.stream.time)
        times: list[int | None] = column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
        return tuple(times)
