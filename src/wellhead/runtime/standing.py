"""Takes records that are about to be published late, gives which of them the topic holds already or has newer news of; never publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Message as Received

from wellhead.api import Stream
from wellhead.avro.decode import Decoder
from wellhead.avro.readable import readable
from wellhead.errors import PermanentError
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.messages import Message
from wellhead.recovery.letter import StoredLetter, headers_of
from wellhead.recovery.redrive import Remade
from wellhead.recovery.settled import REDRIVEN_MS, Outcome
from wellhead.runtime.replay import SeenRecords, load_seen

Identity = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a letter is by now.

    Attributes:
        letter: The letter.
        records: Its records.
        ends: Tombstones: keys that it says have ended.
        named: The identity of each record; None where it has none.
        times_ms: The event time of each record, epoch ms; None where it has none.
        filtered: Whether it was left out on purpose; there are no records then.
    """

    letter: StoredLetter
    records: tuple[Message, ...] = ()
    ends: tuple[Message, ...] = ()
    named: tuple[Identity | None, ...] = ()
    times_ms: tuple[int | None, ...] = ()
    filtered: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it, tombstones behind records."""
        return self.records + self.ends


class StandingLog:
    """A topic of events: what stands in it is told by identity.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The topic.
        stream: Its stream.
        decoder: Reads its records.
    """

    def __init__(self, consumer_config: Mapping[str, Any], topic: str, stream: Stream, decoder: Decoder) -> None:
        self._config = consumer_config
        self._topic = topic
        self._stream = stream
        self._decoder = decoder
        self._given: set[Identity] = set()

    def judge(self, candidates: Sequence[Candidate]) -> list[Remade]:
        """Say of each candidate what becomes of it, in order; what is to be published is remembered as standing from then on."""
        named = [identity for candidate in candidates for identity in candidate.named if identity is not None]
        standing = self._standing(named, candidates) if named else set()
        return [self._one(candidate, standing) for candidate in candidates]

    def _one(self, candidate: Candidate, standing: set[Identity]) -> Remade:
        if candidate.filtered:
            return Remade(Outcome.FILTERED)
        news = []
        for record, identity in zip(candidate.records, candidate.named, strict=True):
            if identity is None or (identity not in standing and identity not in self._given):
                news.append(record)
                if identity is not None:
                    self._given.add(identity)
        return Remade(Outcome.REDRIVEN, records=tuple(news)) if news else Remade(Outcome.THERE)

    def _standing(self, named: Sequence[Identity], candidates: Sequence[Candidate]) -> set[Identity]:
        times = [at_ms for candidate in candidates for at_ms in candidate.times_ms if at_ms is not None]
        from_ms = min(times, default=0) if self._stream.time is not None else 0
        seen = load_seen(
            self._config, self._topic, from_ms, stream=self._stream, decoder=self._decoder, on_foreign=_pass_over
        )  # fmt: skip
        return self._held(seen, named)

    def _held(self, seen: SeenRecords, named: Sequence[Identity]) -> set[Identity]:
        schema = pa.schema([self._decoder_field(name) for name in self._stream.identity])
        columns = [pa.array(values, field.type) for values, field in zip(zip(*named, strict=True), schema, strict=True)]
        table = pa.RecordBatch.from_arrays(columns, schema=schema)
        numbered = table.append_column("at", pa.array(np.arange(len(named)), pa.int64()))
        news = set(seen.unseen(numbered).column("at").to_pylist())
        return {identity for at, identity in enumerate(named) if at not in news}

    def _decoder_field(self, name: str) -> pa.Field[Any]:
        return self._decoder.decode([], columns=[name]).schema.field(name)


@dataclass(frozen=True, slots=True)
class _News:
    """The newest message of a key: since when it has been the vendor's news (epoch ms), and the record in it, None where it ended."""

    at_ms: int
    identity: Identity | None
    time_ms: int | None
    ended: bool


class StandingState:
    """A compacted topic: what stands under a key is the newest news of it, and older news must not take its place.

    Arguments as for `StandingLog`.
    """

    def __init__(self, consumer_config: Mapping[str, Any], topic: str, stream: Stream, decoder: Decoder) -> None:
        self._config = consumer_config
        self._topic = topic
        self._stream = stream
        self._decoder = decoder
        self._given: dict[bytes, _News] = {}

    def judge(self, candidates: Sequence[Candidate]) -> list[Remade]:
        """Say of each candidate what becomes of it, in order; what is to be published is remembered as standing from then on."""
        keys = {message.key for candidate in candidates for message in candidate.messages if message.key is not None}
        standing = self._newest(keys) | self._given
        return [self._one(candidate, standing) for candidate in candidates]

    def _one(self, candidate: Candidate, standing: dict[bytes, _News]) -> Remade:
        if candidate.filtered:
            return Remade(Outcome.FILTERED)
        told = [
            (record, _News(candidate.letter.at_ms, identity, time_ms, ended=False))
            for record, identity, time_ms in zip(candidate.records, candidate.named, candidate.times_ms, strict=True)
        ]
        told += [(end, _News(candidate.letter.at_ms, None, None, ended=True)) for end in candidate.ends]
        news: list[Message] = []
        outcome = Outcome.THERE
        for message, ours in told:
            key = message.key or b""
            found = Outcome.REDRIVEN if message.key is None else _compared(ours, standing.get(key))
            if found is Outcome.REDRIVEN:
                news.append(message)
                standing[key] = self._given[key] = ours
            elif found is Outcome.SUPERSEDED:
                outcome = found
        return Remade(Outcome.REDRIVEN, records=tuple(news)) if news else Remade(outcome)

    def _newest(self, keys: set[bytes]) -> dict[bytes, _News]:
        """Read the whole topic for the newest message of each of `keys`."""
        found: dict[bytes, tuple[int, bytes | None]] = {}

        def keep(messages: list[Received]) -> None:
            for message in messages:
                key = message.key()
                if key in keys:
                    found[key] = (_news_since_ms(message), message.value())

        if keys:
            read_to_end(self._config, self._topic, keep)
        standing = {key: _News(at_ms, None, None, ended=True) for key, (at_ms, value) in found.items() if value is None}
        held = [(key, at_ms, value) for key, (at_ms, value) in found.items() if value is not None]
        if not held:
            return standing
        time = [] if self._stream.time is None else [self._stream.time]
        columns = list(dict.fromkeys([*self._stream.identity, *time]))
        table, foreign = readable(self._decoder, [value for _, _, value in held], columns)
        rows = iter(table.to_pylist())
        for index, (key, at_ms, _) in enumerate(held):
            if index in foreign:
                continue
            row = next(rows)
            identity = tuple(row[name] for name in self._stream.identity)
            moment = None if self._stream.time is None else row[self._stream.time]
            time_ms = None if moment is None else round(moment.timestamp() * 1000)
            standing[key] = _News(at_ms, identity, time_ms, ended=False)
        return standing


def _compared(ours: _News, there: _News | None) -> Outcome:
    """Say what becomes of a letter's news of a key, by what stands under it."""
    if there is None:
        return Outcome.THERE if ours.ended else Outcome.REDRIVEN
    if there.ended and ours.ended:
        return Outcome.THERE
    if not there.ended and ours.identity is not None and there.identity == ours.identity:
        return Outcome.THERE
    # A letter is the vendor's word of the moment it was written; what was published later is a later word.
    if there.at_ms > ours.at_ms:
        return Outcome.SUPERSEDED
    if None not in (there.time_ms, ours.time_ms) and (there.time_ms or 0) > (ours.time_ms or 0):
        return Outcome.SUPERSEDED
    return Outcome.REDRIVEN


def _news_since_ms(message: Received) -> int:
    """Give since when a message has been the vendor's news: a redriven record since its letter was written."""
    told = dict(headers_of(message)).get(REDRIVEN_MS) if message.headers() else None
    return int(told) if told is not None and told.isdigit() else message.timestamp()[1]


def _pass_over(_message: Received, _reason: PermanentError) -> None:
    """Leave what is none of ours alone."""
