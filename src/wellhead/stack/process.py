"""Takes a server's command, gives its life (start, ready, pause, stop, kill, restart), always by pid, never waits without bound."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from wellhead.stack.errors import PortTakenError, StartError
from wellhead.stack.spawn import Child, spawn

POLL_SECS = 0.02
KILL_WAIT_SECS = 10.0
TAIL_LINES = 15
TAIL_BYTES = 64 * 1024
STACK_FRAME = ("at ", "... ")
PORT_TAKEN = ("Address already in use", "seems to be in use by another process", "BindException")


class ServerProcess:
    """One server and its log file.

    Args:
        name: How messages call it.
        argv: Absolute program path and arguments; the same for every start.
        folder: Where it runs and where its log `<name>.log` grows.
        is_ready: Asked with the log written since the start, until it says yes.
    """

    def __init__(self, name: str, argv: list[str], folder: Path, is_ready: Callable[[str], bool]) -> None:
        self.name = name
        self.log_path = folder / f"{name}.log"
        self._argv = argv
        self._folder = folder
        self._is_ready = is_ready
        self._child: Child | None = None
        self._log_start_bytes = 0

    @property
    def pid(self) -> int | None:
        """The server's pid; None when it does not run."""
        return self._child.process.pid if self._child and self._child.process.poll() is None else None

    def start(self) -> None:
        """Start without waiting; a second start while it runs does nothing."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._log_start_bytes = log.tell()
            self._child = spawn(self._argv, cwd=self._folder, output=log)

    def wait_ready(self, timeout_secs: float) -> None:
        """Return once the server serves.

        Raises:
            PortTakenError: it could not bind.
            StartError: it exited, or was not ready in time; the message quotes the log's end.
        """
        give_up = time.monotonic() + timeout_secs
        while not self._is_ready(self._log_since_start()):
            if self.pid is None:
                raise self._start_error(f"exited with code {self._exit_code()} while starting")
            if time.monotonic() > give_up:
                raise self._start_error(f"was not ready within {timeout_secs:.0f} s")
            time.sleep(POLL_SECS)

    def reap_if_ended(self) -> None:
        """Take note of a server that ended by itself; never waits."""
        if self._child is not None:
            self._child.process.poll()

    def signal_stop(self) -> None:
        """Ask for a clean stop without waiting for it."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)

    def stop(self, timeout_secs: float) -> None:
        """Stop cleanly (SIGTERM), and by SIGKILL after `timeout_secs`; does nothing when it does not run."""
        self.signal_stop()
        if self._child is None:
            return
        try:
            self._child.process.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._reap()

    def kill(self) -> None:
        """SIGKILL; returns once the process is gone."""
        self._signal(signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nothing answers; returns once it is frozen."""
        if self.pid is None:
            return
        self._signal(signal.SIGSTOP)
        # The kernel freezes it a moment later; WNOWAIT leaves an exit to whoever reaps.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.process.send_signal(number)

    def _reap(self) -> None:
        if self._child is not None:
            self._child.process.wait(KILL_WAIT_SECS)
            self._child.close()
            self._child = None

    def _exit_code(self) -> int | None:
        return self._child.process.returncode if self._child else None

    def _log_since_start(self) -> str:
        with self.log_path.open("rb") as log:
            log.seek(self._log_start_bytes)
            return log.read().decode(errors="replace")

    def _start_error(self, what: str) -> StartError:
        text = self._log_since_start()
        taken = any(sign in text for sign in PORT_TAKEN)
        # A Java trace is longer than the quote, and would push the reason out of it.
        lines = [line for line in text[-TAIL_BYTES:].splitlines() if not line.lstrip().startswith(STACK_FRAME)]
        tail = "\n".join(f"  | {line}" for line in lines[-TAIL_LINES:])
        kind = PortTakenError if taken else StartError
        return kind(
            f"{self.name} {what}{': its port is taken by another process' if taken else ''}. "
            f"The end of {self.log_path}:\n{tail or '  | (empty)'}"
        )
