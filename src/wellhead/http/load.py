"""Gives what this process holds, as the system counts it."""

from __future__ import annotations

from functools import lru_cache

import psutil

from wellhead.http.admission import Load


@lru_cache(maxsize=1)
def _process() -> psutil.Process:
    return psutil.Process()


def process_load() -> Load:
    """Give resident memory and open files and sockets."""
    process = _process()
    return Load(process.memory_info().rss, process.num_fds())
