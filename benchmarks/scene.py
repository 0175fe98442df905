"""Gives a benchmark its place: a folder on tmpfs that goes away, a broker with a generous heap, and corpora made outside of us."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.corpus import Corpus
from wellhead.stack import KafkaOptions, Stack

BROKER = KafkaOptions(
    heap_mb=1024,
    java_flags=("-XX:+UseG1GC",),
    # A deleted topic's segments are memory here, so they go at once; by default they stay a minute.
    properties={"file.delete.delay.ms": "1000", "log.segment.bytes": str(256 << 20)},
)


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Give an empty folder on tmpfs, or a temporary one where there is none; it is deleted afterwards."""
    shared = Path("/dev/shm")  # noqa: S108 - memory, on purpose
    folder = Path(tempfile.mkdtemp(prefix="wellhead-bench-", dir=shared if shared.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def servers(folder: Path) -> Iterator[Stack]:
    """Run one broker and a registry with their data in `folder`."""
    with Stack.start(data_dir=folder / "stack", kafka=BROKER) as stack:
        yield stack


def corpus(rows: int, folder: Path) -> Corpus:
    """Write a corpus by a process of its own: a child's peak memory counts from what its parent ever held."""
    command = [sys.executable, "-m", "benchmarks.corpus", str(rows), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Corpus.from_json(done.stdout)
