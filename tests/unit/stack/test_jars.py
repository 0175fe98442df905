"""The jar cache holds locked files or says what is missing."""

import hashlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from wellhead.stack.errors import ArtifactError
from wellhead.stack.fetch import UnreachableError
from wellhead.stack.jars import JarCache
from wellhead.stack.lock import Lock, LockedArtifact
from wellhead.stack.progress import ConsoleReporter

CONTENT = {f"g:jar{number}:1": f"content of {number}".encode() for number in range(20)}
LOCK = Lock(
    {
        "all": tuple(
            LockedArtifact(coordinates, hashlib.sha256(content).hexdigest(), len(content))
            for coordinates, content in CONTENT.items()
        )
    }
)


@pytest.fixture(autouse=True)
def _no_waiting_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


class Repository:
    """Serves CONTENT, except where told otherwise; remembers what it was asked for."""

    def __init__(self, **instead: bytes | Exception | list[bytes | Exception]) -> None:
        self.asked: list[str] = []
        self._instead = instead
        self._guard = threading.Lock()

    def __call__(self, artifact: LockedArtifact) -> Iterator[bytes]:
        name = artifact.coordinates.split(":")[1]
        with self._guard:
            self.asked.append(name)
            answer = self._instead.get(name, CONTENT[artifact.coordinates])
            if isinstance(answer, list):
                answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield answer[:3]
        yield answer[3:]


def cache(root: Path, repository: Repository) -> JarCache:
    return JarCache(root, LOCK, repository, ConsoleReporter(io.StringIO()))


def test_missing_files_are_downloaded_once(tmp_path: Path):
    """A first use downloads every file of the group; a second cache on the same folder asks for nothing."""
    first, second = Repository(), Repository()

    paths = cache(tmp_path, first).paths("all")

    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert len(first.asked) == len(CONTENT)
    assert cache(tmp_path, second).paths("all") == paths
    assert second.asked == []


def test_preseeded_folder_needs_no_network(tmp_path: Path):
    """Files copied in from elsewhere are checked and used without one request."""
    for artifact in LOCK.groups["all"]:
        file = tmp_path / "maven" / artifact.path
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[artifact.coordinates])
    repository = Repository()

    assert len(cache(tmp_path, repository).paths("all")) == len(CONTENT)
    assert repository.asked == []


def test_damaged_file_in_the_cache_is_replaced(tmp_path: Path):
    """A file of the right size but other content is not trusted, neither when seeded nor when changed later."""
    cache(tmp_path, Repository()).paths("all")
    damaged = tmp_path / "maven" / LOCK.groups["all"][3].path
    damaged.write_bytes(b"C" + damaged.read_bytes()[1:])
    repository = Repository()

    cache(tmp_path, repository).paths("all")

    assert repository.asked == ["jar3"]
    assert damaged.read_bytes() == CONTENT["g:jar3:1"]


def test_wrong_sha256_is_refused_and_leaves_nothing(tmp_path: Path):
    """A file that is not the locked one never reaches the cache; the error names it, both sums and the next step."""
    with pytest.raises(
        ArtifactError, match=r"cannot get g:jar5:1: 4 bytes came with SHA-256 .*WELLHEAD_MAVEN_BASE.*jar5-1\.jar"
    ):
        cache(tmp_path, Repository(jar5=b"evil")).paths("all")

    folder = (tmp_path / "maven" / LOCK.groups["all"][5].path).parent
    assert list(folder.iterdir()) == []


def test_unreachable_repository_is_tried_three_times(tmp_path: Path):
    """Two lost connections cost nothing but time; the third is an error that says what was tried."""
    lost = UnreachableError("http://127.0.0.1:9/jar7: ConnectionError")
    patient, desperate = Repository(jar7=[lost, lost, CONTENT["g:jar7:1"]]), Repository(jar7=lost)

    assert cache(tmp_path / "a", patient).paths("all")
    with pytest.raises(ArtifactError, match=r"cannot get g:jar7:1: http://127\.0\.0\.1:9/jar7: ConnectionError\. Set"):
        cache(tmp_path / "b", desperate).paths("all")

    assert patient.asked.count("jar7") == desperate.asked.count("jar7") == 3


def test_missing_file_is_not_tried_again(tmp_path: Path):
    """A repository that does not have the file will not have it a second later."""
    repository = Repository(jar2=ArtifactError("http://127.0.0.1:9/jar2: answered 404"))

    with pytest.raises(ArtifactError, match="answered 404"):
        cache(tmp_path, repository).paths("all")

    assert repository.asked.count("jar2") == 1


def test_files_that_came_before_a_failure_are_kept(tmp_path: Path):
    """After a failed download the next try asks only for what is still missing."""
    with pytest.raises(ArtifactError):
        cache(tmp_path, Repository(jar19=ArtifactError("answered 404"))).paths("all")
    repository = Repository()

    cache(tmp_path, repository).paths("all")

    assert "jar19" in repository.asked
    assert "jar0" not in repository.asked
