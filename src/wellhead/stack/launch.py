"""Becomes the program in its arguments, bound to die with its parent; run as a script, imports nothing of Wellhead.

    python -I -S launch.py PARENT_PID PIPE_FD PROGRAM ARGUMENT...

With PIPE_FD `-1` (Linux) the kernel kills us when the thread that started us ends. Elsewhere a small watcher
process stays beside the program and kills it when the pipe, held open only by the parent, ends.
"""

import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_GONE = 70


def main(parent_pid: int, pipe_fd: int, argv: list[str]) -> None:
    if pipe_fd < 0:
        bind_to_parent(parent_pid)
    elif os.fork() == 0:
        watch(pipe_fd, os.getppid())
    else:
        os.close(pipe_fd)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is the point


def bind_to_parent(parent_pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the line above: then nobody will ever tell us.
    if os.getppid() != parent_pid:
        sys.exit(PARENT_GONE)


def watch(pipe_fd: int, program_pid: int) -> None:
    """Wait for the pipe's end, then kill the program; leave when the program went first."""
    os.setsid()
    while os.getppid() == program_pid:
        if select.select([pipe_fd], [], [], 0.5)[0]:
            os.kill(program_pid, signal.SIGKILL)
            break
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
