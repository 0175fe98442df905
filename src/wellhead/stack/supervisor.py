"""Takes a stack's wishes, gives a process that owns the servers until SIGTERM or Ctrl-C, never two for one cache folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from wellhead.stack.cache import try_lock
from wellhead.stack.errors import StackError
from wellhead.stack.kafka import KafkaOptions
from wellhead.stack.stack import Stack
from wellhead.stack.state import StackState, StateFile

START_SECS = 180.0
STOP_SECS = 40.0
POLL_SECS = 0.05


@dataclass(frozen=True)
class Wishes:
    """What `wellhead stack up` was asked for."""

    cache: str
    brokers: int = 1
    registry: bool = True
    data_dir: str | None = None
    java: str | None = None
    heap_mb: int = 256
    beside: Sequence[str] = ()


def supervise(wishes: Wishes, on_up: Callable[[StackState], None]) -> None:
    """Run the stack in this process until SIGTERM or SIGINT; tells `on_up` once it serves.

    Raises:
        StackError: another supervisor is up, or the stack does not start.
    """
    file = StateFile(Path(wishes.cache))
    lock = try_lock(file.lock_path)
    if lock is None:
        raise StackError(
            "a stack is already up or starting here. See `wellhead stack status`, stop it with `wellhead stack down`"
        )
    try:
        file.clear()
        signal.signal(signal.SIGTERM, _interrupt)
        with Stack.start(
            brokers=wishes.brokers,
            registry=wishes.registry,
            beside=wishes.beside,
            data_dir=wishes.data_dir,
            cache=wishes.cache,
            java=wishes.java,
            kafka=KafkaOptions(heap_mb=wishes.heap_mb),
        ) as stack:
            state = StackState.of(stack, os.getpid())
            file.write(state)
            on_up(state)
            _reap_forever(stack)
    except KeyboardInterrupt:
        return
    finally:
        file.clear()
        lock.release()


def start_in_background(wishes: Wishes) -> StackState:
    """Start a detached supervisor and return once its stack serves.

    Raises:
        StackError: it did not start; quotes what it said.
    """
    file = StateFile(Path(wishes.cache))
    file.folder.mkdir(parents=True, exist_ok=True)
    with file.log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wellhead.stack.supervisor", json.dumps(asdict(wishes))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    give_up = time.monotonic() + START_SECS
    while (state := file.read()) is None or state.pid != process.pid:
        if process.poll() is not None:
            raise StackError(f"the stack did not start: {file.log_path.read_text().strip()}")
        if time.monotonic() > give_up:
            process.terminate()
            raise StackError(f"the stack was not up within {START_SECS:.0f} s. See {file.log_path}")
        time.sleep(POLL_SECS)
    return state


def stop_background(cache: Path, timeout_secs: float = STOP_SECS) -> StackState | None:
    """Stop the background stack, by SIGKILL after `timeout_secs`; None when none was up."""
    file = StateFile(cache)
    state = file.read()
    if state is None:
        return None
    os.kill(state.pid, signal.SIGTERM)
    give_up = time.monotonic() + timeout_secs
    while file.owned():
        if time.monotonic() > give_up:
            # The servers die with it.
            os.kill(state.pid, signal.SIGKILL)
            break
        time.sleep(POLL_SECS)
    return state


def _reap_forever(stack: Stack) -> None:
    """Wait for the signal that ends us; a server that dies meanwhile must not stay a zombie, `status` would take it for alive."""
    child_ended = threading.Event()
    signal.signal(signal.SIGCHLD, lambda _number, _frame: child_ended.set())
    while True:
        child_ended.wait()
        child_ended.clear()
        for process in stack.processes:
            process.reap_if_ended()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argument: str) -> int:
    """Run as `python -m wellhead.stack.supervisor JSON`; what goes wrong is the last thing in its log."""
    try:
        supervise(Wishes(**json.loads(argument)), lambda _: None)
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
