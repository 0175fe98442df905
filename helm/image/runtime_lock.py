"""Takes requirements.lock and what is installed, gives the part of the lock that Wellhead itself needs to run; never asks an index."""  # noqa: INP001

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# A requirement with its hashes: the line that names it, and those that it goes on in.
_BLOCK = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def needed(roots: list[str]) -> set[str]:
    """Give the names of everything that `roots` need, themselves included, on this machine and Python."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        name = str(canonicalize_name(requirement.name))
        extras = found.setdefault(name, set())
        if name in found and extras and requirement.extras <= extras:
            continue
        extras |= {"", *requirement.extras}
        waiting += _of(name, extras)
    return set(found)


def _of(name: str, extras: set[str]) -> Iterator[Requirement]:
    for text in requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def part(lock: str, names: set[str]) -> str:
    """Give the requirements of a lock that have these names, with their hashes.

    Raises:
        SystemExit: One is not in the lock.
    """
    blocks: dict[str, str] = {}
    for block in _BLOCK.finditer(lock):
        # A name may stand there once for each range of Pythons; the marker of each says which it is for.
        name = str(canonicalize_name(block["name"]))
        blocks[name] = blocks.get(name, "") + block[0]
    missing = sorted(names - blocks.keys())
    if missing:
        raise SystemExit(f"requirements.lock lacks {', '.join(missing)}: run 'make lock'")
    return "".join(blocks[name] for name in sorted(names))


def main(root: Path) -> None:
    """Write it to standard output."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    sys.stdout.write(part(lock, needed(project["dependencies"])))


if __name__ == "__main__":
    main(Path(__file__).parents[2])
