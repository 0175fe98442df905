"""Takes topics and a callback for each, gives every committed message in order as it comes, never joins a group and never misses one unsaid."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from wellhead.clock import Clock, SystemClock
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.storage.marks import Marks, Place
from wellhead.telemetry.logs import get_logger

OnMessages = Callable[[list[Message]], None]

_BATCH = 10_000
_WAIT_SECS = 0.1  # between two looks at what else is to be done; a message that comes ends the wait
_PROBE_SECS = 1.0  # between two looks at where the topics end
_JOIN_SECS = 10.0
_LOST = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001


class TopicTail:
    """Follows several topics from their beginning for ever, on one thread with one read-committed consumer.

    Callbacks run on that thread, with the messages of one topic at a time, those of a partition in order. A partition that is added is
    followed from its beginning. A topic that was deleted and made again, or cut, ends the tail: what its callbacks have heard is no
    longer true. `failure` says so then, and `caught_up` raises it.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        follow: The topics and who takes their messages; they must exist.
        clock: Bounds waits and dates what is known.
        on_failure: Called once, on the tail's thread, when it ends by itself.
    """

    def __init__(
        self,
        consumer_config: Mapping[str, Any],
        follow: Mapping[str, OnMessages],
        *,
        clock: Clock | None = None,
        on_failure: Callable[[WellheadError], None] = lambda _error: None,
    ) -> None:
        # A position that is gone must be heard of: any reset would skip or repeat in silence.
        self._config = {**consumer_config, "auto.offset.reset": "error"}
        self._follow = dict(follow)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._on_failure = on_failure
        self._what = f"{where(consumer_config)}: topics {', '.join(sorted(follow))}"
        self._marks = Marks(consumer_config, self._follow)
        self._hearing = Hearing()
        self._changed = threading.Condition()
        self._reached: dict[Place, int] = {}
        self._wanted: set[Place] = set()
        self._at_end_secs = float("-inf")
        self._closing = False
        self._failure: WellheadError | None = None
        self._thread: threading.Thread | None = None

    @property
    def failure(self) -> WellheadError | None:
        """Why the tail ended by itself, None while it follows."""
        return self._failure

    def hear(self, on_failure: Callable[[WellheadError], None]) -> None:
        """Have `on_failure` called instead when the tail ends by itself, at once where it has."""
        with self._changed:
            self._on_failure, failure = on_failure, self._failure
        if failure is not None:
            on_failure(failure)

    @property
    def healthy_secs(self) -> float:
        """Seconds since the tail last knew that it was at the end of all topics; infinite before that, and after it failed."""
        return float("inf") if self._failure else self._clock.monotonic_secs() - self._at_end_secs

    def start(self) -> None:
        """Begin to follow; returns once the topics are known, not when they are read.

        Raises:
            TemporaryError: The broker cannot be reached, or a topic does not exist.
            PermanentError: It refuses the credentials or rights.
        """
        assert self._thread is None, "started before"
        self._wanted = self._marks.places(self._follow)
        self._thread = threading.Thread(target=self._run, name="topic-tail", daemon=True)
        self._thread.start()

    def caught_up(self, topic: str | None = None, secs: float = 30.0, *, behind_open: bool = True) -> None:
        """Return once all that was committed when this was called has been given to the callbacks; not to be called from one.

        Args:
            topic: The topic that matters; None means all.
            secs: The longest wait.
            behind_open: Wait, too, for the end of transactions that are open now: what was committed behind their beginning is hidden
                until then. False takes what can be read now.

        Raises:
            TemporaryError: Not in time, or the broker cannot be reached.
            PermanentError: The tail has failed, or the broker refuses the rights.
        """
        assert self._thread is not None, "start() comes first"
        assert threading.current_thread() is not self._thread, "a callback cannot wait for itself"
        if self._closing:
            raise TemporaryError(f"{self._what}: this process is stopping and follows them no longer. Ask another worker")
        deadline_secs = self._clock.monotonic_secs() + secs
        places = self._marks.places([topic] if topic else self._follow)
        with self._changed:
            self._wanted |= places
        ends = self._marks.ends(places, committed=not behind_open)
        with self._changed:
            while behind := self._behind(ends):
                if self._failure is not None:
                    raise self._failure
                left_secs = deadline_secs - self._clock.monotonic_secs()
                if left_secs <= 0 or self._closing:
                    raise self._late(behind, ends, secs)
                self._changed.wait(min(left_secs, _WAIT_SECS))

    def close(self) -> None:
        """End the thread and the connections; whoever waits for it is told that it is late."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_SECS)
        self._marks.close()

    def _behind(self, ends: Mapping[Place, int]) -> list[Place]:
        return sorted(place for place, end in ends.items() if self._reached.get(place, 0) < end)

    def _late(self, behind: list[Place], ends: Mapping[Place, int], secs: float) -> TemporaryError:
        topic, number = behind[0]
        refusal = self._hearing.refusal
        reason = (
            f"the broker refuses us: {refusal.str()}"
            if refusal is not None
            else "the broker is away or slow, or a transaction is open"
        )
        return TemporaryError(
            f"{self._what}: partition {number} of {topic} was not read to offset {ends[behind[0]]} within {secs:g} s, only to "
            f"{self._reached.get(behind[0], 0)}: {reason}. It is read on; try again"
        )

    # Below runs on the tail's thread.

    def _run(self) -> None:
        consumer = Consumer(self._hearing.settings(self._config), logger=ClientLog())
        try:
            self._follow_all(consumer)
        except WellheadError as error:
            self._fail(error)
        except KafkaException as error:
            self._fail(recovery(kafka_error(error), f"{self._what}: cannot follow"))
        except Exception as error:  # noqa: BLE001 - a defect of a callback must not pass for silence
            get_logger("storage").exception("tail_failed", topics=sorted(self._follow))
            self._fail(
                PermanentError(
                    f"{self._what}: {type(error).__name__} while taking in what was read; the log holds the trace. Restart the process"
                )
            )
        finally:
            with suppress(KafkaException, RuntimeError):
                consumer.close()

    def _fail(self, error: WellheadError) -> None:
        with self._changed:
            self._failure, on_failure = error, self._on_failure
            self._changed.notify_all()
        on_failure(error)

    def _follow_all(self, consumer: Consumer) -> None:
        probed_secs = float("-inf")
        while not self._closing:
            self._assign_wanted(consumer)
            first = consumer.poll(_WAIT_SECS)
            if first is not None:
                # One wait for the first, none for the rest: consume() alone would wait for a full batch.
                self._take([first, *consumer.consume(_BATCH, 0)])
            now_secs = self._clock.monotonic_secs()
            if now_secs - probed_secs >= _PROBE_SECS:
                probed_secs = now_secs
                self._marks.probe(self._reached, now_secs)
            self._judge()

    def _assign_wanted(self, consumer: Consumer) -> None:
        with self._changed:
            added = sorted(self._wanted - self._reached.keys())
            self._reached |= dict.fromkeys(added, 0)
        if added:
            consumer.incremental_assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in added])

    def _take(self, messages: list[Message]) -> None:
        """Hand on what came, topic by topic, then tell how far that is."""
        by_topic: dict[str, list[Message]] = {}
        reached: dict[Place, int] = {}
        for message in messages:
            place, offset = (message.topic() or "", message.partition() or 0), message.offset() or 0
            error = message.error()
            if error is None:
                by_topic.setdefault(place[0], []).append(message)
                reached[place] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                reached[place] = offset  # behind the markers of transactions, which are no messages
            elif error.code() in _LOST:
                raise PermanentError(
                    f"{self._what}: what was to be read next of {place[0]}, partition {place[1]}, is gone ({error.str()}): the topic was "
                    "cut or made again. Restart the process to read it from its beginning"
                )
        for topic, found in by_topic.items():
            self._follow[topic](found)
        with self._changed:
            self._reached |= reached
            self._changed.notify_all()

    def _judge(self) -> None:
        """Take in what the last probe found: new partitions, another topic of the same name, and whether we are at the end."""
        found = self._marks.found()
        if found is None:
            return
        with self._changed:
            self._wanted |= found.places
            if found.places <= found.ends.keys() and not self._behind(found.ends):
                self._at_end_secs = max(self._at_end_secs, found.asked_secs)
