"""What is released stays as it was; the lock only grows."""

import hashlib

import pytest

from wellhead.avro.lock import LOCK_NAME, broken, digests, read, release


@pytest.fixture
def root(tmp_path):
    (tmp_path / "acme.log").mkdir()
    (tmp_path / "acme.log" / "v1.avsc").write_text("one")
    return tmp_path


def messages(root):
    return [f"{problem.path}: {problem.message}" for problem in broken(root)]


def test_a_version_is_released_once(root):
    """The second time there is nothing to add and the file is not touched."""
    assert release(root) == ["acme.log/v1.avsc"]
    before = (root / LOCK_NAME).stat().st_mtime_ns
    assert release(root) == []
    assert (root / LOCK_NAME).stat().st_mtime_ns == before
    assert messages(root) == []


def test_a_changed_version_is_found_and_stays_locked(root):
    """Releasing again does not make the change legal."""
    release(root)
    locked = read(root)
    (root / "acme.log" / "v1.avsc").write_text("changed")
    (root / "acme.log" / "v2.avsc").write_text("two")
    assert release(root) == ["acme.log/v2.avsc"]
    assert read(root)["acme.log/v1.avsc"] == locked["acme.log/v1.avsc"]
    assert messages(root) == [
        "acme.log/v1.avsc: is released, but has changed. Restore it, and put the change into the next version."
    ]


def test_a_version_that_is_gone_is_missed(root):
    """Its messages are still in topics."""
    release(root)
    (root / "acme.log" / "v1.avsc").unlink()
    assert messages(root) == [
        "acme.log/v1.avsc: is released, but gone: messages written with it are still read. Restore the file."
    ]


def test_an_unreleased_version_is_told(root):
    """With the command that releases it."""
    assert messages(root) == ["acme.log/v1.avsc: is not in the lock. Run `wellhead schemas check --update-lock`."]
    assert set(digests(root)) == {"acme.log/v1.avsc"}


def test_sha256sum_reads_the_lock(root):
    """Nobody needs Wellhead to check it: each line is what `sha256sum -c` takes."""
    release(root)
    (line,) = (root / LOCK_NAME).read_text().splitlines()
    digest, name = line.split("  ")
    assert name == "acme.log/v1.avsc"
    assert digest == hashlib.sha256((root / name).read_bytes()).hexdigest()
