"""The contract of lookup targets, for every installed one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from wellhead.consumers.lookup.directory import DirectoryConfig, DirectoryTarget
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.targets import TargetConformance, TargetScene


class TestNgsiem(TargetConformance):
    """The newer generation of the API."""

    target = "ngsiem"
    patience: ClassVar = {"verify_secs": 4}


class TestNgsiemHumio(TargetConformance):
    """The older generation of the API."""

    target = "ngsiem"
    options: ClassVar = {"api": "humio"}
    patience: ClassVar = {"verify_secs": 4}


class TestLogscale(TargetConformance):
    """The file API."""

    target = "logscale"
    patience: ClassVar = {"verify_secs": 4}


class TestDirectory(TargetConformance):
    """A folder, which has no simulator: the disk is there."""

    target = "directory"

    @contextlib.contextmanager
    def scene(self, folder: Path, **options: Any) -> Iterator[TargetScene]:
        there = folder / "there"
        clock = SteppingClock()
        with DirectoryTarget(DirectoryConfig(path=there, **options), clock) as target:

            def kept(name: str) -> bytes | None:
                return (there / name).read_bytes() if (there / name).is_file() else None

            yield TargetScene(target, kept, lambda: len(list(there.glob("*"))), folder, clock)
