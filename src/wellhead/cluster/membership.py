"""Takes a group and three callbacks, gives what partitions this worker owns and until when, from a thread of its own; never runs a task."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wellhead.clock import Clock
from wellhead.cluster.joining import GroupPlace
from wellhead.cluster.lease import BootClock, Lease, Proofs
from wellhead.cluster.member import Callbacks, Member, MemberFailed, OnPartitions
from wellhead.errors import WellheadError
from wellhead.kafka.errors import recovery, where
from wellhead.telemetry.logs import get_logger

_BACKOFF_SECS = (1.0, 30.0)


class Membership:
    """This worker's place in the group; its properties may be read from any thread.

    Callbacks come from the membership's threads, one at a time, with the numbers of partitions:

    - `on_assigned`: owned from now on; start their tasks elsewhere, under `lease`, and return.
    - `on_revoked`: another worker waits for them and gets them when this returns: stop their tasks first. Proofs go on meanwhile. When it
      raises, something of theirs may still run, so the lease ends for good, that of all other tasks included.
    - `on_lost`: another may own them already; `lease` as the tasks hold it has ended for good. Must not wait.

    Args:
        consumer: What `settings.consumer_config` gives.
        group_id: The group.
        topic: The assignment topic; it must exist.
        lease_topic: The lease topic; it must exist.
        on_assigned: See above.
        on_revoked: See above.
        on_lost: See above.
        session_ms: How long a silent member stays one.
        heartbeat_ms: Between two signs of life.
        instance_id: Keeps the partitions over a restart that is shorter than the session.
        clock: The lease's time.
    """

    def __init__(
        self,
        consumer: Mapping[str, Any],
        group_id: str,
        topic: str,
        lease_topic: str,
        *,
        on_assigned: OnPartitions,
        on_revoked: OnPartitions,
        on_lost: OnPartitions,
        session_ms: int = 10_000,
        heartbeat_ms: int = 1_000,
        instance_id: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._place = GroupPlace(consumer, group_id, topic, lease_topic, session_ms, heartbeat_ms, instance_id)
        self._callbacks = Callbacks(on_assigned, on_revoked, on_lost)
        self._clock: Clock = BootClock() if clock is None else clock
        self._proofs = Proofs(self._clock, session_ms / 1000)
        self._log = get_logger("cluster")
        self._commands: queue.SimpleQueue[Callable[[Member], None]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._leave = True
        self._problem: str | None = None
        self._member: Member | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to join; returns at once, what is owned comes by the callbacks.

        Raises:
            PermanentError: A setting of the consumer is wrong.
        """
        self._member = self._build()
        self._thread = threading.Thread(target=self._run, name="membership", daemon=True)
        self._thread.start()

    def close(self, *, leave: bool = True) -> None:
        """Give back what is owned (by `on_revoked`) and leave the group; blocks, so never call it on the loop that `on_revoked` needs.

        Args:
            leave: Otherwise the worker only falls silent, as if it were killed: `on_lost` is called, and the group waits for its session.
        """
        if self._thread is None:
            return
        self._leave = leave
        self._closing.set()
        self._thread.join()
        self._thread = None

    def rescan(self, at_least: int = 0) -> None:
        """Say that the assignment topic has grown, to `at_least` partitions: they are assigned within about a second; returns at once."""
        self._commands.put(lambda member: member.rescan(at_least))

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this worker's; those that are being given away are no longer among them."""
        return self._member.owned if self._member is not None else frozenset()

    @property
    def lease(self) -> Lease:
        """The lease under which to start a task now; the task keeps the object, which ends for good when its partition is lost."""
        return self._proofs.lease

    @property
    def generation(self) -> int:
        """The group's generation as of its last change; -1 before the first."""
        return self._member.generation if self._member is not None else -1

    @property
    def member_id(self) -> str:
        """Under what id the group knows this worker; empty before it joined."""
        return self._member.member_id if self._member is not None else ""

    @property
    def joined(self) -> bool:
        """Whether the group knows this worker, as far as it has heard; one without partitions does not hear that the broker is away."""
        return self._member is not None and self._member.joined

    @property
    def problem(self) -> str | None:
        """What keeps this worker out of the group and what to do, or None."""
        return self._problem or (self._member.problem if self._member is not None else None)

    @property
    def topic_is_gone(self) -> bool:
        """Whether the assignment topic was missed, and nothing was assigned since."""
        return self._member is not None and self._member.topic_is_gone

    def _build(self) -> Member:
        return Member(self._place, self._callbacks, self._proofs, self._clock)

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                member = self._member = self._member or self._build()
                self._live(member)
            except MemberFailed as failed:
                self._explain(failed)
            except WellheadError as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 - told, and tried anew
                # Whatever it is: without this thread the worker would hold on to tasks it may not run.
                self._say(f"{type(error).__name__}: {error}")
            if not self._closing.is_set():
                failures = 0 if self.generation >= 0 else failures
                self._abandon()
                self._closing.wait(min(_BACKOFF_SECS[0] * 2**failures, _BACKOFF_SECS[1]))
                failures += 1
        self._end()

    def _live(self, member: Member) -> None:
        while not self._closing.is_set():
            member.turn()
            if member.generation >= 0:
                self._problem = None
            while not self._commands.empty():
                self._commands.get()(member)

    def _explain(self, failed: MemberFailed) -> None:
        what = f"{where(self._place.consumer)}: group {self._place.group_id!r}"
        if not failed.fenced:
            self._say(str(recovery(failed.error, what)))
            return
        self._say(
            f"{what}: another worker has joined with group.instance.id {self._place.instance_id!r}, so this one goes on without it. "
            "Give each worker its own and restart this one"
        )
        # With it the two would throw each other out for ever.
        self._place = replace(self._place, instance_id=None)

    def _say(self, text: str) -> None:
        if text != self._problem:
            self._problem = text
            self._log.error("membership_failed", group=self._place.group_id, reason=text)

    def _abandon(self) -> None:
        if self._member is not None:
            self._member.abandon()
        self._member = None

    def _end(self) -> None:
        if self._leave and self._member is not None:
            told = self._member.leave()
            self._log.info("left", group=self._place.group_id, broker_told=told)
            self._member = None
        self._abandon()
