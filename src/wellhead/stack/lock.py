"""Takes the lock file of Maven coordinates, gives the artifacts of a named group, never reaches the network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wellhead.stack.errors import StackError

SHA256_CHARACTERS = 64
LOCK_PATH = Path(__file__).with_name("jars.lock.json")


@dataclass(frozen=True)
class LockedArtifact:
    """One file of a Maven repository, pinned by its SHA-256 and size."""

    coordinates: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """The file's name as a Maven repository has it."""
        _, name, version, extension, classifier = self._parts()
        return f"{name}-{version}{f'-{classifier}' if classifier else ''}.{extension}"

    @property
    def path(self) -> str:
        """The file's path below the repository's base address."""
        group, name, version, _, _ = self._parts()
        return f"{group.replace('.', '/')}/{name}/{version}/{self.filename}"

    def _parts(self) -> tuple[str, str, str, str, str]:
        match self.coordinates.split(":"):
            case [group, name, version]:
                return group, name, version, "jar", ""
            case [group, name, extension, version]:
                return group, name, version, extension, ""
            case [group, name, extension, classifier, version]:
                return group, name, version, extension, classifier
        raise ValueError(f"{self.coordinates}: not group:name[:type[:classifier]]:version")


@dataclass(frozen=True)
class Lock:
    """Groups of artifacts; a group's order is its class path's order."""

    groups: Mapping[str, tuple[LockedArtifact, ...]]

    def artifacts(self, *groups: str) -> tuple[LockedArtifact, ...]:
        """Return the artifacts of the groups, each once, in order.

        Raises:
            StackError: a group is not in the lock.
        """
        found: dict[str, LockedArtifact] = {}
        for group in groups:
            if group not in self.groups:
                known = ", ".join(sorted(self.groups))
                raise StackError(f"the jar lock has no group {group!r}; it has: {known}")
            found.update((artifact.coordinates, artifact) for artifact in self.groups[group])
        return tuple(found.values())


def load_lock(path: Path = LOCK_PATH) -> Lock:
    """Read the lock file.

    Raises:
        StackError: the file is missing, is not JSON, or names an artifact it does not pin.
    """
    try:
        document = json.loads(path.read_text())
        pins = {name: _pinned(name, pin) for name, pin in document["artifacts"].items()}
        groups = {
            name: tuple(pins[coordinates] for coordinates in group["artifacts"]) for name, group in document["groups"].items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(
            f"jar lock {path} cannot be read ({type(error).__name__}: {error}). "
            "Reinstall wellhead, or write it anew with: python -m wellhead.stack.relock"
        ) from error
    return Lock(groups)


def _pinned(coordinates: str, pin: Mapping[str, Any]) -> LockedArtifact:
    artifact = LockedArtifact(coordinates, str(pin["sha256"]), int(pin["bytes"]))
    path = artifact.path
    if len(artifact.sha256) != SHA256_CHARACTERS:
        raise ValueError(f"{path}: its pin is not a SHA-256")
    return artifact
