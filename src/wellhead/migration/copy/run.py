"""Takes a job whose topic is followed, copies until it is done, stopped or cannot go on, gives its report; never leaves a thread behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.store.templates import put_templates
from wellhead.errors import TemporaryError
from wellhead.migration.copy.ends import Ends
from wellhead.migration.copy.opening import Opened
from wellhead.migration.copy.process import TURN_SECS, MigrationProcess, Pace
from wellhead.migration.copy.report import Report, report_of
from wellhead.telemetry.logs import get_logger

Show = Callable[[MigrationProcess], AbstractContextManager[Callable[[], None]]]
"""Gives what is called now and then while a process copies."""

_AGAIN_SECS = 1.0
_TRIES = 5

T = TypeVar("T")


def patiently(action: Callable[[], T], stop: threading.Event) -> T:
    """Do what the whole run begins with; a store or broker that is only busy gets some tries, one that is not there is told.

    Raises:
        TemporaryError: It did not come back.
    """
    for tries in range(_TRIES):
        try:
            return action()
        except TemporaryError as error:
            if tries == _TRIES - 1 or stop.is_set():
                raise
            get_logger("migration").warning("tried_again", reason=str(error))
            stop.wait(_AGAIN_SECS * 2**tries)
    raise AssertionError("unreachable")


def copy_all(
    opened: Opened,
    worker: WorkerSettings,
    ends: Ends,
    pace: Pace,
    *,
    clock: Clock,
    stop: threading.Event,
    show: Show,
    plan_only: bool = False,
) -> Report:
    """Take part in a job until all of it is done, by whomever, or `stop` is set.

    Args:
        opened: The job.
        worker: Whose group and Kafka it is.
        ends: Where documents come from and go to.
        pace: How much this process does at once.
        clock: Time.
        stop: Ends it after the pages that are under way.
        show: Tells how far it is.
        plan_only: Leave once the slices are written; others copy them.

    Raises:
        PermanentError: It cannot go on until a person changes something.
    """
    if opened.state.is_complete():
        return report_of(opened.job, opened.state)
    if not plan_only:
        patiently(lambda: put_templates(ends.target), stop)
    process = MigrationProcess(opened, worker, ends, pace, clock=clock, stop=stop)
    try:
        process.start()
        with show(process) as tell:
            _drive(process, opened, stop, tell, plan_only=plan_only)
    finally:
        process.close()
    with suppress(TemporaryError):  # the report then tells of what was heard so far
        opened.tail.caught_up()
    return report_of(opened.job, opened.state)


def _drive(
    process: MigrationProcess, opened: Opened, stop: threading.Event, tell: Callable[[], None], *, plan_only: bool
) -> None:
    said = ""
    while not stop.is_set():
        try:
            if process.turn(copying=not plan_only) or (plan_only and opened.state.is_planned()):
                break
        except TemporaryError as error:
            if said != str(error):
                said = str(error)
                get_logger("migration").warning("interrupted", job=process.name, reason=said)
            stop.wait(_AGAIN_SECS)
        if opened.tail.failure is not None:
            raise opened.tail.failure
        tell()
        stop.wait(TURN_SECS)
    tell()
