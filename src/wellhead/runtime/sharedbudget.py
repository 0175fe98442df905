"""Takes the groups a process's connectors name, gives each connector its fair part of the calls, never one while Kafka is away."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from threading import Event, RLock, Thread
from typing import Final

from wellhead.clock import Clock
from wellhead.config.http import HttpSettings
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.http import CallRecord
from wellhead.http.account import GroupAccount
from wellhead.http.reports import from_bytes, to_bytes
from wellhead.http.share import Share
from wellhead.runtime.budgetlog import BudgetLog, Entry, TopicGone
from wellhead.runtime.budgetshare import BudgetShare
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.tally import GroupQuota

LONGEST_WAIT_SECS: Final = 60.0  # where no call comes free for longer the task is sent away
_AGAIN_SECS: Final = 1.0
_REFUSED_SECS: Final = 30.0
_FIRST_BACK: Final = 2_000  # messages read back for a state to go on from; eight times as many next


@dataclass(slots=True)
class _Group:
    """One group as this process knows it.

    Attributes:
        account: Its part in the budget.
        shares: The connectors that take part.
        until: The log is read up to here before anything is reported.
        back: How many messages were read back.
    """

    account: GroupAccount
    shares: list[BudgetShare]
    until: int = -1
    back: int = 0
    differs: bool = False


class SharedBudgets:
    """All groups of a process: one thread that follows the budget topic from the first call on.

    Args:
        worker: Where the topic is.
        clock: The process's time.
        random: Names the process.
    """

    def __init__(self, worker: WorkerSettings, clock: Clock, random: Random) -> None:
        self._worker = worker
        self._clock = clock
        self._member = f"{random.getrandbits(96):024x}"
        self._groups: dict[str, _Group] = {}
        self._lock = RLock()
        self._log: BudgetLog | None = None
        self._thread: Thread | None = None
        self._closing = Event()
        self._numbers = count(1)
        self._trouble: WellheadError | None = None
        self._quiet_until_secs = 0.0
        self._said = get_logger("runtime")

    def join(self, http: HttpSettings, connector: str) -> BudgetShare:
        """Give a connector its part in the group that its settings name; nothing is opened before its first call.

        Args:
            http: Names the group, its calls, its window and the class.
            connector: Who asks; all that join by one name and the same settings have one part together.
        """
        assert http.budget_group is not None
        assert http.budget_group_calls is not None
        window_ms = int(http.budget_group_window_secs * 1000)
        share = Share(connector, http.budget_class == "live", http.budget_group_calls, window_ms)
        with self._lock:
            group = self._groups.get(http.budget_group)
            if group is None:
                account = GroupAccount(self._member, partial(self._wake, http.budget_group))
                group = self._groups[http.budget_group] = _Group(account, [])
            made = next((part for part in group.shares if part.is_for(share)), None)
            if made is None:
                if any(part.share.name == connector for part in group.shares):
                    share.name = (
                        f"{connector}#{next(self._numbers)}"  # its settings were changed while it runs on elsewhere here
                    )
                made = BudgetShare(self, http.budget_group, share, self._clock)
                group.account.add(share)
                group.shares.append(made)
            made.users += 1
        return made

    def leave(self, part: BudgetShare) -> None:
        """Take a connector out once all that joined have left; what it holds goes back with the next report."""
        with self._lock:
            part.users -= 1
            if part.users:
                return
            group = self._groups[part.group]
            group.account.remove(part.share)
            group.shares.remove(part)

    def open(self) -> None:
        """Start following the topic, if that has not begun."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="shared-budgets", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread; a broker that is gone is not waited for."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_AGAIN_SECS * 2)

    # What a connector asks; all of it returns at once

    def want(self, part: BudgetShare, callers: int) -> None:
        """Note that so many more wait for a call; the log is told at once."""
        with self._lock:
            part.share.callers = max(0, part.share.callers + callers)
            if callers > 0:
                self._report(self._groups[part.group], part.group)

    def take(self, part: BudgetShare) -> bool:
        """Take a call for now."""
        with self._lock:
            return self._groups[part.group].account.take(part.share, self._clock.monotonic_secs())

    def has_call(self, part: BudgetShare) -> bool:
        """Whether a call could be taken now."""
        with self._lock:
            return self._groups[part.group].account.may_take(part.share, self._clock.monotonic_secs())

    def answered(self, part: BudgetShare, call: CallRecord) -> None:
        """Learn from an attempt that has ended."""
        with self._lock:
            group = self._groups[part.group]
            group.account.answered(part.share, call, self._clock.monotonic_secs())
            if call.is_refused:
                self._report(group, part.group)
        if call.is_refused:
            self._said.warning("group_refused", group=part.group, message=_REFUSED.format(group=part.group))

    def check(self, part: BudgetShare) -> None:
        """See `BudgetShare.check`."""
        with self._lock:
            if isinstance(self._trouble, PermanentError):
                raise PermanentError(str(self._trouble))
            window = self._groups[part.group].account.window
            after_secs = window.next_free_ms(is_live=part.share.is_live) / 1000
        if after_secs > LONGEST_WAIT_SECS:
            raise TemporaryError(self.why(part), after_secs=after_secs)

    def why(self, part: BudgetShare) -> str:
        """Give why a call of a connector has to wait."""
        with self._lock:
            account, window = self._groups[part.group].account, self._groups[part.group].account.window
            name = f"the shared budget {part.group!r}"
            if self._trouble is not None or self._log is None or not account.is_based:
                return f"waiting for {name}: {self._trouble or 'its topic is being read'}; the vendor is not asked until then"
            if account.is_unheard(self._clock.monotonic_secs()):
                return f"waiting for {name}: topic {self._worker.budget_topic!r} takes no message; the vendor is not asked until it does. Check Kafka"
            at = self._time_in(window.next_free_ms(is_live=part.share.is_live) / 1000)
            if window.paused_ms:
                return f"{name} rests until {at}: the vendor refused a call of one of those who share it (429)"
            if not part.share.is_live and window.left():
                return f"{name} leaves its rest to live connectors; this one's http.budget.class is backfill"
            return (
                f"{name} of {window.limit:,} calls in {window.window_ms / 1000:g} s is used up by those who share it; a call is free by {at}. "
                "Poll less often, or raise http.budget.group.calls if the vendor allows more"
            )

    def quota(self, part: BudgetShare) -> GroupQuota:
        """Give the state of a group's budget."""
        with self._lock:
            group = self._groups[part.group]
            window = group.account.window
            known = group.account.is_based and self._log is not None
            return GroupQuota(
                name=part.group,
                budget=window.limit if known and window.limit else part.share.calls,
                remaining=window.left() if known and window.limit else None,
                held=group.account.held_by(part.share) if known else None,
                paused_secs=window.paused_ms / 1000,
            )

    # The thread

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                log = BudgetLog(self._worker)
            except WellheadError as error:
                self._rest(error)
                continue
            try:
                self._follow(log)
            except WellheadError as error:
                self._rest(error)
            finally:
                with self._lock:
                    self._log = None
                log.close()

    def _rest(self, error: WellheadError) -> None:
        if self._trouble is None:
            self._said.warning("shared_budget_away", message=f"{error}; no call is made meanwhile that shares a budget")
        with self._lock:
            self._trouble = error
            if isinstance(error, TopicGone):
                # What was granted is forgotten: a window later none of it counts any more.
                longest_ms = max((part.share.window_ms for part in self._parts()), default=0)
                self._quiet_until_secs = self._clock.monotonic_secs() + longest_ms / 1000
            for part in self._parts():
                part.wake()
        self._closing.wait(_REFUSED_SECS if isinstance(error, PermanentError) else _AGAIN_SECS)

    def _follow(self, log: BudgetLog) -> None:
        with self._lock:
            for group in self._groups.values():
                group.until, group.back = -1, 0
        while not self._closing.is_set():
            self._join_groups(log)
            with self._lock:
                if self._trouble is not None:
                    self._said.info("shared_budget_back")
                self._log, self._trouble = log, None
                now_secs = self._clock.monotonic_secs()
                due_secs = min((group.account.due_in_secs(now_secs) for group in self._groups.values()), default=1.0)
            entries = log.poll(min(max(due_secs, 0.005), 1.0))
            with self._lock:
                self._read(entries)
                for name, group in self._groups.items():
                    self._report(group, name)
        with self._lock:
            for name, group in self._groups.items():
                self._report(group, name, last=True)

    def _join_groups(self, log: BudgetLog) -> None:
        """Read back, for groups that are not based, until a state is found to go on from."""
        with self._lock:
            fresh = [
                group
                for group in self._groups.values()
                if group.until < 0 or (not group.account.is_based and log.reached >= group.until)
            ]
        if not fresh:
            return
        low, high = log.span()
        with self._lock:
            first = high
            for group in fresh:
                group.back = max(_FIRST_BACK, group.back * 8)
                group.until = high
                begin = max(low, high - group.back)
                group.account.begin(begin, is_start=begin == low)
                first = min(first, begin)
            log.read_from(min(first, log.reached) if log.reached else first)

    def _read(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            group = self._groups.get(entry.group)
            report = None if group is None else from_bytes(entry.value)
            if group is not None and report is not None:
                group.account.read(entry.offset, entry.stamp_ms, report)
                self._tell_differing(entry.group, group)

    def _report(self, group: _Group, name: str, *, last: bool = False) -> None:
        """Append what is due, once the log has been read to its end; the `last` one is due at once."""
        now_secs = self._clock.monotonic_secs()
        if self._log is None or not 0 <= group.until <= self._log.reached or now_secs < self._quiet_until_secs:
            return
        report = group.account.report(now_secs, at_once=last)
        if report is not None:
            with suppress(TemporaryError):  # the thread meets the same
                self._log.append(name, to_bytes(report))

    def _tell_differing(self, name: str, group: _Group) -> None:
        differs = group.account.window.differs
        if differs and not group.differs:
            window = group.account.window
            self._said.warning(
                "group_differs",
                group=name,
                message=f"those who share the budget {name!r} do not agree on its calls or window; {window.limit:,} calls in "
                f"{window.window_ms / 1000:g} s hold. Set http.budget.group.calls and http.budget.group.window.secs alike",
            )
        group.differs = differs

    def _wake(self, name: str) -> None:
        for part in self._groups[name].shares:
            part.wake()

    def _parts(self) -> Iterable[BudgetShare]:
        return [part for group in self._groups.values() for part in group.shares]

    def _time_in(self, secs: float) -> str:
        return f"{datetime.fromtimestamp(self._clock.now_ms() / 1000 + secs, UTC):%H:%M:%SZ}"


_REFUSED: Final = (
    "the vendor refused a call (429) of the shared budget {group!r}; all who share it rest. "
    "Look for other clients of this account, or lower http.budget.group.calls to what the vendor allows"
)
