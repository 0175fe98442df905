"""Takes a command, gives a child process that dies with this one even by SIGKILL, never one bound to a short-lived thread."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launch.py")
# What a server may see of our environment: Java and Quarkus read settings from many other names.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER")
KERNEL_WATCHES = sys.platform == "linux"


class Child:
    """A started program; `process.pid` is the program's own pid, not a wrapper's."""

    def __init__(self, process: subprocess.Popen[bytes], pipe_fd: int | None) -> None:
        self.process = process
        self._pipe_fd = pipe_fd

    def close(self) -> None:
        """Let go of the pipe; call only once the program has ended."""
        if self._pipe_fd is not None:
            os.close(self._pipe_fd)
            self._pipe_fd = None


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    output: IO[bytes],
    kernel_watches: bool = KERNEL_WATCHES,
    extra: Mapping[str, str] | None = None,
) -> Child:
    """Start a program in its own session, its output going to `output`; callable from any thread.

    Args:
        argv: The program's absolute path and its arguments.
        cwd: Where it runs.
        output: An open file for stdout and stderr.
        kernel_watches: Use Linux' parent-death signal; False uses the watcher process.
        extra: Environment variables to add.
    """
    start = partial(_start, list(argv), cwd, output, kernel_watches, dict(extra or {}))
    if not kernel_watches or threading.current_thread() is threading.main_thread():
        return start()
    return _spawner().run(start)


def _start(argv: list[str], cwd: Path, output: IO[bytes], kernel_watches: bool, extra: dict[str, str]) -> Child:  # noqa: FBT001
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | extra
    read_fd, write_fd = (-1, None) if kernel_watches else os.pipe()
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(read_fd)]
    try:
        process = subprocess.Popen(
            launcher + argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if kernel_watches else (read_fd,),
        )
    finally:
        if read_fd >= 0:
            os.close(read_fd)
    return Child(process, write_fd)


class _Spawner:
    """One thread that lives as long as the process: Linux sends the parent-death signal when the starting *thread* ends."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._jobs: queue.SimpleQueue[tuple[partial[Child], Future[Child]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="wellhead-spawner", daemon=True).start()

    def run(self, start: "partial[Child]") -> Child:
        answer: Future[Child] = Future()
        self._jobs.put((start, answer))
        return answer.result()

    def _work(self) -> None:
        while True:
            start, answer = self._jobs.get()
            try:
                answer.set_result(start())
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                answer.set_exception(error)


_guard = threading.Lock()
_current: list[_Spawner] = []


def _spawner() -> _Spawner:
    with _guard:
        # A forked process inherits the list but not the thread.
        if not _current or _current[0].pid != os.getpid():
            _current[:] = [_Spawner()]
        return _current[0]
