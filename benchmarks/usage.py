"""Takes a process, gives the CPU time and memory it used, from the kernel's books; never estimates."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_TICKS_PER_SEC = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Their places in /proc/PID/stat behind the name, which may hold spaces."""

SAMPLE_SECS = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """What a finished process used; `started_secs` on the monotonic clock."""

    cpu_secs: float
    wall_secs: float
    peak_rss_mb: float
    started_secs: float


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a job was at one moment: monotonic time, records in the topic, CPU seconds of the process so far."""

    at_secs: float
    records: int
    cpu_secs: float


def run(command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end and give what it used, children it waited for included.

    Raises:
        RuntimeError: It failed; names its log.
    """
    started_secs = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ)
    _, status, used = os.wait4(process.pid, 0)
    wall_secs = time.monotonic() - started_secs
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}: see {log}\n{tail(log)}")
    return Usage(used.ru_utime + used.ru_stime, wall_secs, used.ru_maxrss / 1024, started_secs)


def tail(log: Path, lines: int = 15) -> str:
    """Give the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def cpu_secs(pid: int) -> float:
    """Give the CPU seconds of a running process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_PER_SEC


def rss_mb(pid: int, entry: str = "VmRSS") -> float:
    """Give a running process's memory in MiB: `VmRSS` now, `VmHWM` at its peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(entry + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {entry}: it has ended")


class Watch:
    """Samples a job from a thread of its own, ten times a second, while the `with` block lasts."""

    def __init__(self, records: Callable[[], int], cpu: Callable[[], float] = lambda: 0.0) -> None:
        self._records = records
        self._cpu = cpu
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch")
        self.samples: list[Sample] = []

    def _work(self) -> None:
        while not self._ended.wait(SAMPLE_SECS):
            self.take()

    def take(self) -> Sample:
        """Take one sample now."""
        sample = Sample(time.monotonic(), self._records(), self._cpu())
        self.samples.append(sample)
        return sample

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()


def steady(samples: Sequence[Sample], rows: int, low: float = 0.1, high: float = 0.95) -> tuple[Sample, Sample]:
    """Give the samples between which a job ran steadily: the first past `low` of its rows, the first past `high`.

    Raises:
        RuntimeError: It was too quick to be seen at work.
    """
    begun = next((sample for sample in samples if sample.records >= low * rows), None)
    ended = next((sample for sample in samples if sample.records >= high * rows), None)
    if begun is None or ended is None or ended.records <= begun.records:
        raise RuntimeError(f"no steady window of {rows:,} rows was seen in {len(samples)} samples: use more rows")
    return begun, ended
