"""Takes group names of the lock, gives checked files in the cache, never a file whose SHA-256 is not the locked one."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wellhead.stack.cache import file_lock
from wellhead.stack.errors import ArtifactError
from wellhead.stack.fetch import ATTEMPTS, Fetch, MavenRepository, UnreachableError
from wellhead.stack.lock import Lock, LockedArtifact, load_lock
from wellhead.stack.progress import ConsoleReporter, Meter, Reporter

DOWNLOAD_THREADS = 8


class JarCache:
    """Locked files under `<root>/maven`, laid out as a Maven repository so that a copied one works offline.

    Args:
        root: The cache folder.
        lock: What to hold; None means the lock shipped with the package.
        fetch: Where missing files come from; None means the Maven repository, looked up only when one is missing.
        reporter: Hears about downloads.
    """

    def __init__(
        self, root: Path, lock: Lock | None = None, fetch: Fetch | None = None, reporter: Reporter | None = None
    ) -> None:
        # Resolved, since the JVM refuses a class archive made under another name of the same file.
        self._folder = (root / "maven").resolve()
        self._lock = lock or load_lock()
        self._fetch = fetch
        self._reporter = reporter or ConsoleReporter()
        self._verified = _Verified(self._folder / "verified.json")

    def paths(self, *groups: str) -> list[Path]:
        """Return the files of the groups in class-path order, downloading what is missing.

        Raises:
            ArtifactError: a file cannot be had, or is not the locked one; names it, what was tried, and the next step.
        """
        artifacts = self._lock.artifacts(*groups)
        if not all(self._verified.holds(self._file(artifact), artifact) for artifact in artifacts):
            with file_lock(self._folder / ".lock"):
                self._complete(artifacts)
        return [self._file(artifact) for artifact in artifacts]

    def _complete(self, artifacts: Iterable[LockedArtifact]) -> None:
        self._verified.reload()
        unverified = [artifact for artifact in artifacts if not self._verified.holds(self._file(artifact), artifact)]
        missing = [artifact for artifact in unverified if not self._seeded(artifact)]
        if missing:
            self._download(missing)
        self._verified.save({self._file(artifact): artifact for artifact in unverified})

    def _seeded(self, artifact: LockedArtifact) -> bool:
        """Tell whether someone already put the right file there; a wrong one is replaced by a download."""
        file = self._file(artifact)
        if not file.is_file() or file.stat().st_size != artifact.size_bytes:
            return False
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest() == artifact.sha256

    def _download(self, artifacts: list[LockedArtifact]) -> None:
        fetch = self._fetch or MavenRepository()
        total_bytes = sum(artifact.size_bytes for artifact in artifacts)
        with (
            self._reporter.downloading(len(artifacts), total_bytes) as meter,
            ThreadPoolExecutor(DOWNLOAD_THREADS, "wellhead-download") as pool,
        ):
            jobs = [pool.submit(self._download_one, fetch, artifact, meter) for artifact in artifacts]
            try:
                for job in jobs:
                    job.result()
            except ArtifactError:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _download_one(self, fetch: Fetch, artifact: LockedArtifact, meter: Meter) -> None:
        import stamina  # noqa: PLC0415 - only downloads need it

        file = self._file(artifact)
        stamina.instrumentation.set_on_retry_hooks([])  # the error at the end says all of it once
        try:
            for attempt in stamina.retry_context(UnreachableError, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    _save(fetch, artifact, file, meter)
        except ArtifactError as error:
            raise ArtifactError(
                f"cannot get {artifact.coordinates}: {error}. "
                f"Set WELLHEAD_MAVEN_BASE to a Maven repository or mirror this machine reaches, "
                f"or put the file at {file}"
            ) from error

    def _file(self, artifact: LockedArtifact) -> Path:
        return self._folder / artifact.path


def _save(fetch: Fetch, artifact: LockedArtifact, file: Path, meter: Meter) -> None:
    """Write to a temporary file, check, rename: a reader never sees half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    digest, size_bytes = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".part-", delete=False) as part:
        try:
            for chunk in fetch(artifact):
                part.write(chunk)
                digest.update(chunk)
                size_bytes += len(chunk)
                meter.advance(len(chunk))
            _check(artifact, digest.hexdigest(), size_bytes)
            part.flush()
            Path(part.name).replace(file)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _check(artifact: LockedArtifact, sha256: str, size_bytes: int) -> None:
    if sha256 != artifact.sha256:
        raise ArtifactError(
            f"{size_bytes} bytes came with SHA-256 {sha256}, "
            f"locked are {artifact.size_bytes} bytes with {artifact.sha256}; the repository serves another file"
        )


class _Verified:
    """Remembers which files were checked, by size and time of change, so that a start does not hash 190 MB again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, list[object]] = {}
        self.reload()

    def reload(self) -> None:
        try:
            self._entries = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._entries = {}

    def holds(self, file: Path, artifact: LockedArtifact) -> bool:
        try:
            return self._entries.get(artifact.path) == _fingerprint(file, artifact)
        except OSError:
            return False

    def save(self, files: dict[Path, LockedArtifact]) -> None:
        for file, artifact in files.items():
            self._entries[artifact.path] = _fingerprint(file, artifact)
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(self._entries))
        part.replace(self._path)


def _fingerprint(file: Path, artifact: LockedArtifact) -> list[object]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, artifact.sha256]
