"""Takes a locked artifact, gives its bytes from a Maven repository, never trusts or keeps them."""

import os
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from wellhead.stack.errors import ArtifactError, StackError
from wellhead.stack.lock import LockedArtifact

CHUNK_BYTES = 256 * 1024
ATTEMPTS = 3
TIMEOUT_SECS = 60.0

Fetch = Callable[[LockedArtifact], Iterator[bytes]]


class UnreachableError(ArtifactError):
    """The repository did not answer, or answered 5xx: worth another attempt."""


class MavenRepository:
    """A Maven repository read through the `maven-artifact` library.

    Args:
        base: The repository's base address; None means `WELLHEAD_MAVEN_BASE`, else the library's default.
        environ: Where `WELLHEAD_MAVEN_BASE` is looked up.
    """

    def __init__(self, base: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        try:
            from maven_artifact import Downloader  # noqa: PLC0415 - an extra of the package
        except ImportError as error:
            raise StackError(
                "the embedded stack needs the maven-artifact package to download. Run: pip install 'wellhead[stack]'"
            ) from error
        base = base or environ.get("WELLHEAD_MAVEN_BASE")
        downloader = Downloader(base=base) if base else Downloader()
        self._requestor: Any = downloader.requestor
        self._resolver: Any = downloader.resolver

    def __call__(self, artifact: LockedArtifact) -> Iterator[bytes]:
        """Yield the artifact's bytes.

        Raises:
            UnreachableError: no answer, a cut answer, or 5xx.
            ArtifactError: the repository has no such file or refuses it.
        """
        import requests  # noqa: PLC0415 - comes with maven-artifact
        from maven_artifact import Artifact  # noqa: PLC0415 - an extra of the package

        url = self._resolver.uri_for_artifact(Artifact.parse(artifact.coordinates))
        try:
            with self._requestor.request(url, _refuse, stream=True, timeout=TIMEOUT_SECS) as response:
                yield from response.iter_content(CHUNK_BYTES)
        except requests.RequestException as error:
            raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from error


def _refuse(url: str, error: Exception) -> NoReturn:
    response = getattr(error, "response", None)
    if response is None:
        raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from error
    # The library leaves a refused response, and so its socket, open.
    response.close()
    kind = UnreachableError if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else ArtifactError
    raise kind(f"{url}: answered {response.status_code}") from error
