"""Keeps the digests of released schema versions, in a file beside them; adds to it, never changes a line of it.

The format is that of `sha256sum`, so that `sha256sum -c schemas.lock` in the folder says the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from wellhead.avro.schema import subjects, versions
from wellhead.errors import Problem

LOCK_NAME = "schemas.lock"


def broken(root: Path) -> list[Problem]:
    """Give every released version below `root` that is gone or has been changed, and every version not yet released."""
    locked, present = read(root), digests(root)
    problems = []
    for name, digest in locked.items():
        if name not in present:
            problems.append(Problem(name, "is released, but gone: messages written with it are still read. Restore the file."))
        elif present[name] != digest:
            problems.append(
                Problem(name, "is released, but has changed. Restore it, and put the change into the next version.")
            )
    unlocked = [name for name in present if name not in locked]
    return problems + [Problem(name, "is not in the lock. Run `wellhead schemas check --update-lock`.") for name in unlocked]


def release(root: Path) -> list[str]:
    """Add the versions below `root` that are not in the lock, and name them."""
    locked, present = read(root), digests(root)
    added = {name: digest for name, digest in present.items() if name not in locked}
    if added:
        lines = [f"{digest}  {name}\n" for name, digest in sorted({**locked, **added}.items())]
        (root / LOCK_NAME).write_text("".join(lines), encoding="utf-8")
    return sorted(added)


def read(root: Path) -> dict[str, str]:
    """Give the digests in the lock by file, `<subject>/v<n>.avsc`; none if there is no lock."""
    file = root / LOCK_NAME
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines if line.strip())}


def digests(root: Path) -> dict[str, str]:
    """Give the digest of every schema file below `root`."""
    names = [f"{subject}/v{version}.avsc" for subject in subjects(root) for version in versions(subject, root)]
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in names}
