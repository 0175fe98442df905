"""Takes an author's config, cursor, task and streams; gives the runtime one frozen value to run; never talks to Kafka or a vendor.

A source is a `SourceConnector` value: its config model, and its streams, each with a task, a cursor model and a schema subject.
`SourceTask.poll` depends on the cursor alone, so first run, steady state, restart and replay are one path.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pyarrow as pa

    from wellhead.clock import Clock
    from wellhead.http import HttpClient

    Keep = Callable[[pa.RecordBatch], pa.BooleanArray]

P = ParamSpec("P")
R = TypeVar("R")


class Config(BaseModel):
    """Base of a connector's options: frozen, unknown names refused, values never shown in errors.

    Give every option a `Field(description=...)`, a unit in its name, and `SecretStr` where it is a secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=False)


class Cursor(BaseModel):
    """Base of a stream's position: a flat model of str, int, float, bool or None, stored as JSON beside the records."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def replay_from_ms(self) -> int | None:
        """Epoch ms of event time from which records are being read again; None (the default) in normal reading.

        While it is not None the runtime drops, and counts, records whose `Stream.identity` already stands in the topic.
        """
        return None

    def not_before_ms(self) -> int | None:
        """Epoch ms before which the vendor must not be asked; None (the default) means it may be asked now."""
        return None


ConfigT = TypeVar("ConfigT", bound=Config)
CursorT = TypeVar("CursorT", bound=Cursor)


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be published: its raw bytes as the vendor sent them and why, for the dead-letter topic.

    Attributes:
        raw: Its bytes.
        reason: What is wrong with it, in one sentence.
        field: The field that is wrong, where it is one.
        context: What `Stream.redrive` needs beside the raw bytes, such as the header line they stood under; no secret.
        cut: Whether `raw` is only the beginning of it, so that it can never be read again.
    """

    raw: bytes
    reason: str
    field: str | None = None
    context: bytes = b""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Batch(Generic[CursorT]):
    """Records and the cursor that stands after them.

    Attributes:
        table: An Arrow record batch whose columns are fields of the stream's schema (absent nullable columns are null),
            or plain rows, which are converted once. May be empty: the commit then moves the cursor only.
        cursor: The resume point once this batch is committed.
        rejects: Records that could not be read, kept with their bytes.
        filtered: Records left out on purpose, by reason, so that every record is accounted for.
        deletes: Rows of which only the stream's key columns count: what stands under these keys has ended. Each becomes a
            tombstone behind the batch's records. Only for a stream that has a key and a compacted topic.
    """

    table: pa.RecordBatch | Sequence[Mapping[str, Any]]
    cursor: CursorT
    rejects: Sequence[Reject] = ()
    filtered: Mapping[str, int] = field(default_factory=dict)
    deletes: pa.RecordBatch | Sequence[Mapping[str, Any]] = ()


class Reporter(Protocol):
    """Where a task says that something a person should know has happened, without failing."""

    def __call__(self, event: str, message: str, **fields: str | float) -> None: ...


class ReadBack(Protocol):
    """How a task looks at what stands in its stream's compacted topic; the vendor is not asked (I5).

    Gives the newest record of each key, in its named columns, where `keep` says so; a key whose newest message is a tombstone
    has none. `keep` also sees `published_ms`, the record's Kafka timestamp. Memory grows with what is kept, not with the topic.
    What this run has yielded may not stand there yet, so call it before the first batch of a run.
    """

    async def __call__(self, columns: Sequence[str], keep: Keep) -> pa.RecordBatch: ...


async def _nothing_to_read_back(columns: Sequence[str], keep: Keep) -> pa.RecordBatch:
    raise NotImplementedError(f"this task was made without a topic to read {', '.join(columns)} back from with {keep}")


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What the runtime hands to a task: the HTTP client, time, a private folder for spooled downloads, a place to report, its topic."""

    http: HttpClient
    clock: Clock
    spool_dir: Path
    report: Reporter
    published: ReadBack = _nothing_to_read_back


class SourceTask(ABC, Generic[ConfigT, CursorT]):
    """Reads one stream of one tenant. Never sleeps, retries, logs or touches Kafka: the runtime does.

    `self.config` is the validated config, `self.stream` the stream's name, `self.http`, `self.clock`, `self.spool_dir`,
    `self.report` and `self.published` come from the runtime. Do not keep state between polls that the cursor does not hold.

    Attributes:
        outlives_rollback: Whether the task goes on, its memory with it, after Kafka has rolled back what it gave; else it is made anew.
            For a source whose senders never send again: its `poll` must give anew, by itself, what came behind the cursor it is asked with.
    """

    outlives_rollback: ClassVar[bool] = False

    def __init__(self, config: ConfigT, stream: str, context: TaskContext) -> None:
        self.config = config
        self.stream = stream
        self.http = context.http
        self.clock = context.clock
        self.spool_dir = context.spool_dir
        self.report = context.report
        self.published = context.published

    @abstractmethod
    def poll(self, cursor: CursorT | None) -> AsyncIterator[Batch[CursorT]]:
        """Yield batches from `cursor` on until caught up; None means from the configured start.

        Polling the same cursor again returns the same records or newer, never fewer. The generator's life is the
        upstream connection's life: when it is closed, so must be every socket it opened.

        Raises:
            TemporaryError: Worth another try, the cursor stays.
            PermanentError: A person must change something.
            CursorExpired: The vendor forgot the cursor.
        """

    async def probe(self) -> str:
        """Ask the vendor the cheapest question that needs the credentials, for `wellhead doctor --ask-vendor`.

        It must take nothing from whoever reads the tenant meanwhile (I5): no token, no place in a queue, no quiet that the vendor wants after it.

        Returns:
            What was asked, in a few words; empty (the default) where there is no such question.

        Raises:
            TemporaryError: Worth another try.
            PermanentError: A person must change something.
        """
        return ""

    async def committed(self, cursor: CursorT) -> None:
        """Hear that all batches up to the one that bore `cursor` are committed: records, dead letters and the cursor itself.

        For a source that owes its vendor an answer: what is not known to be committed must not be acknowledged. Called once for
        each transaction that holds a batch, in order, never before it is committed, also for what was polled before the generator
        was closed; not called for what was never committed. The next transaction waits until it returns, so return at once.
        """


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of a source: one task, one topic, one schema.

    Attributes:
        name: The stream's name, unique in its connector; stands in offsets, metrics and logs.
        task: The class that polls it.
        cursor: The model of its position.
        subject: The schema folder under `schemas/` and, after the configured prefix, the topic.
        description: One sentence for the docs.
        key: Columns of the Kafka message key; empty for logs.
        identity: Columns that together name one record, for de-duplication on replay; a null in any of them means "unknown".
        time: The event-time column (timestamp-millis), or None.
        cleanup: The topic's cleanup policy: logs are deleted by time, keyed state is compacted.
        interval_secs: Seconds between polls once caught up, unless the operator sets a schedule.
        live: Whether its poll stays open and waits for what comes, such as pushed events. It takes no turn of `tasks.max`, ends only
            when it is stopped or fails, is left out of a run that ends once caught up, and says by an empty batch now and then that
            it is well although nothing came.
        redrive: Reads one reject again, for `wellhead dlq redrive`: called with the config, the stream's name and the reject as it
            was kept, `raw` and `context` byte for byte. Gives a batch of the record it is by now, or of the reject anew with what
            is wrong still; the batch's cursor counts for nothing. CPU work: it may ask nobody. None: rejects cannot be redriven.
    """

    name: str
    task: type[SourceTask[Any, Any]]
    cursor: type[Cursor]
    subject: str
    description: str
    key: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    time: str | None = None
    cleanup: Literal["delete", "compact"] = "delete"
    interval_secs: float = 60.0
    live: bool = False
    redrive: Callable[[Any, str, Reject], Batch[Any]] | None = None
    since: Callable[[Any, int, int], Cursor] | None = None


@dataclass(frozen=True, slots=True)
class SourceConnector:
    """A source, as a value: what `wellhead connectors describe` shows and the runtime runs.

    Attributes:
        name: The connector's name, equal to its entry point and folder.
        title: The vendor system in a few words.
        config: The model of its options.
        streams: Its streams, or a function of the validated config that gives them.
        defaults: Framework options this source sets where the operator does not, written as in a file (`"run.max.secs": 7200`).
    """

    name: str
    title: str
    config: type[Config]
    streams: tuple[Stream, ...] | Callable[[Any], tuple[Stream, ...]]
    defaults: Mapping[str, str | float | bool] = field(default_factory=dict)

    def streams_of(self, config: Config) -> tuple[Stream, ...]:
        """Give the streams that `config` selects."""
        return self.streams(config) if callable(self.streams) else self.streams


async def in_thread(work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run CPU work off the event loop and give its result; its exceptions pass through."""
    return await asyncio.to_thread(work, *args, **kwargs)
