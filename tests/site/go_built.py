"""Takes the locked sources of a Go program, gives the program, built once in the cache folder; never asks for another Go than the locked one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from wellhead.stack.cache import cache_dir, file_lock


def go_built(name: str, version: str, lock: Path, package: str, *, link: str = "-s -w") -> Path:
    """Give a program, built where it is not there yet, which takes up to some minutes, beside whatever else runs.

    Args:
        name: How messages and the cache call it.
        version: As the lock has it.
        lock: The folder of its go.mod and go.sum.
        package: What is built.
        link: Flags of the linker.
    """
    folder = cache_dir() / "go"
    built = folder / f"{name}-{version}"
    with file_lock(folder / f"{name}.lock"):
        if not built.exists():
            fresh = built.with_suffix(".new")
            go = Path(sys.executable).parent / "go"
            command = ["nice", "-n", "19", str(go), "build", "-mod=readonly", "-trimpath", "-ldflags", link, "-o", str(fresh)]
            environ = {**os.environ, "GOPATH": str(folder / "path"), "GOCACHE": str(folder / "build"), "GOTOOLCHAIN": "local"}
            environ["GOFLAGS"] = "-modcacherw -buildvcs=false"
            done = subprocess.run([*command, package], cwd=lock, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{name} was not built by {' '.join(command)}: {done.stderr[-2_000:]}"
            fresh.replace(built)
    return built
