"""The lock names exact files, and says so when it cannot."""

import json
import re
from pathlib import Path

import pytest

from wellhead.stack.errors import StackError
from wellhead.stack.lock import LOCK_PATH, LockedArtifact, load_lock


def test_shipped_lock_pins_every_group():
    """The shipped lock holds the servers and the benchmark's groups, each file with SHA-256 and size."""
    lock = load_lock()

    assert set(lock.groups) == {"kafka", "registry", "connect", "compiler", "opensearch", "elasticsearch"}
    assert len(lock.groups["kafka"]) == 46
    for artifact in lock.artifacts(*lock.groups):
        assert re.fullmatch(r"[0-9a-f]{64}", artifact.sha256)
        assert artifact.size_bytes > 0


def test_shipped_lock_names_no_host():
    """Where files come from is configuration: the lock holds no address."""
    assert "://" not in LOCK_PATH.read_text()


@pytest.mark.parametrize(
    ("coordinates", "path"),
    [
        ("org.apache.kafka:kafka_2.13:4.3.1", "org/apache/kafka/kafka_2.13/4.3.1/kafka_2.13-4.3.1.jar"),
        ("a.b:c:zip:1", "a/b/c/1/c-1.zip"),
        ("a.b:c:tar.gz:all:1.0", "a/b/c/1.0/c-1.0-all.tar.gz"),
    ],
)
def test_path_follows_the_repository_layout(coordinates: str, path: str):
    """Coordinates with type and classifier give the path a Maven repository has."""
    assert LockedArtifact(coordinates, "", 0).path == path


def test_groups_share_artifacts_once():
    """A file of two groups is listed once, in the first group's place."""
    lock = load_lock()
    both = lock.artifacts("kafka", "connect")

    assert len(set(both)) == len(both)
    assert both[:46] == lock.groups["kafka"]


def test_unknown_group_names_the_known_ones():
    """A mistyped group is answered with the groups there are."""
    with pytest.raises(
        StackError, match="no group 'kafak'; it has: compiler, connect, elasticsearch, kafka, opensearch, registry"
    ):
        load_lock().artifacts("kafak")


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}",
        json.dumps({"groups": {"g": {"artifacts": ["a:b:1"]}}, "artifacts": {}}),
        json.dumps({"groups": {}, "artifacts": {"a:b:1": {"sha256": "short", "bytes": 1}}}),
        json.dumps({"groups": {}, "artifacts": {"nonsense": {"sha256": "0" * 64, "bytes": 1}}}),
    ],
)
def test_damaged_lock_says_how_to_mend_it(tmp_path: Path, text: str):
    """A lock that cannot be read is an error with its path and the next step, not a traceback."""
    file = tmp_path / "jars.lock.json"
    file.write_text(text)

    with pytest.raises(StackError, match=rf"{re.escape(str(file))} cannot be read.*wellhead\.stack\.relock"):
        load_lock(file)
