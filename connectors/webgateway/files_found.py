"""Takes glob patterns, gives the log files they match now, each once; never opens one.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.webgateway.files_text import Stamp


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file that is not empty."""

    path: Path
    stamp: Stamp


def matching(patterns: Sequence[str]) -> list[Found]:
    """Give what the patterns match, oldest first; two names of one file count once."""
    return _once(Path(path) for pattern in patterns for path in sorted(glob.iglob(pattern, recursive=True)))  # noqa: PTH207 - a pattern is no path


def beside(patterns: Sequence[str]) -> list[Found]:
    """Give every file in the folders of the patterns, where a file may stand under a name that no pattern matches."""
    folders = {folder for pattern in patterns for folder in glob.iglob(os.path.dirname(pattern) or ".", recursive=True)}  # noqa: PTH120, PTH207 - a pattern is no path
    return _once(path for folder in sorted(folders) for path in _entries(folder))


def _entries(folder: str) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(Path(entry.path) for entry in entries)
    except OSError:
        return  # gone since, or nothing that could be listed


def _once(paths: Iterator[Path]) -> list[Found]:
    found: dict[tuple[int, int], Found] = {}
    for path in paths:
        try:
            stamp = Stamp.of(path.stat())
        except OSError:
            continue  # renamed or deleted since it was listed
        if stamp is not None and stamp.size:
            found.setdefault(stamp.same_file, Found(path, stamp))
    return sorted(found.values(), key=lambda each: (each.stamp.mtime_ns, each.path))
