"""Takes Maven roots, gives a new jar lock (`python -m wellhead.stack.relock`), never run by users: it needs a system `mvn`.

Change the `roots` of a group in `jars.lock.json`, run the module, review the diff, run the integration tests.
Every group of servers needs `log4j-slf4j-impl`: without that binding they write no log at all.
"""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from wellhead.stack.lock import LOCK_PATH, LockedArtifact

# Archives hold their own dependencies; the compiler has none we call.
NOT_RESOLVED = {"registry", "compiler", "opensearch", "elasticsearch"}


def main() -> None:
    """Resolve every group with `mvn` and write the lock beside this module."""
    wanted = {name: group["roots"] for name, group in json.loads(LOCK_PATH.read_text())["groups"].items()}
    groups: dict[str, dict[str, list[str]]] = {}
    pins: dict[str, dict[str, str | int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        for name, roots in wanted.items():
            artifacts = roots if name in NOT_RESOLVED else _closure(roots, Path(folder), repository)
            if name in NOT_RESOLVED:
                _download(roots, repository)
            groups[name] = {"roots": roots, "artifacts": artifacts}
            pins |= {artifact: _pin(artifact, repository) for artifact in artifacts}
    document = {
        "about": "Locked Maven artifacts of the embedded stack. Made by: python -m wellhead.stack.relock",
        "groups": groups,
        "artifacts": dict(sorted(pins.items())),
    }
    LOCK_PATH.write_text(json.dumps(document, indent=1) + "\n")


def _closure(roots: list[str], folder: Path, repository: Path) -> list[str]:
    (folder / "pom.xml").write_text(_pom(roots))
    listing = folder / "list.txt"
    _mvn(repository, "dependency:copy-dependencies", "-DincludeScope=runtime", cwd=folder)
    _mvn(repository, "dependency:list", "-DincludeScope=runtime", f"-DoutputFile={listing}", cwd=folder)
    found = []
    for line in listing.read_text().splitlines():
        match line.split(" -- ")[0].strip().split(":"):
            case [group, name, "jar", version, _scope]:
                found.append(f"{group}:{name}:{version}")
            case [group, name, kind, version, _scope]:
                found.append(f"{group}:{name}:{kind}:{version}")
            case [group, name, kind, classifier, version, _scope]:
                found.append(f"{group}:{name}:{kind}:{classifier}:{version}")
    return sorted(found)


def _download(roots: list[str], repository: Path) -> None:
    for root in roots:
        parts = root.split(":")
        # mvn wants group:name:version[:type[:classifier]].
        coordinates = ":".join([*parts[:2], parts[-1], *parts[2:-1]])
        _mvn(repository, "dependency:get", f"-Dartifact={coordinates}", "-Dtransitive=false")


def _pin(coordinates: str, repository: Path) -> dict[str, str | int]:
    file = repository / LockedArtifact(coordinates, "", 0).path
    return {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}


def _pom(roots: list[str]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in (root.split(":") for root in roots)
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>wellhead</groupId><artifactId>lock</artifactId>"
        f"<version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )


def _mvn(repository: Path, *arguments: str, cwd: Path | None = None) -> None:
    command = ["mvn", "-B", "-ntp", "-q", f"-Dmaven.repo.local={repository}", *arguments]
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    main()
