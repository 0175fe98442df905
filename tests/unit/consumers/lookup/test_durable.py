"""Tests of files that get their name only when they are whole."""

import pytest

from wellhead.consumers.lookup.durable import disk_trouble, publish, publish_text, sha256_of, size_of, temporary
from wellhead.errors import PermanentError, TemporaryError


def test_a_text_replaces_another_whole(tmp_path):
    """The name holds the old text or the new one, and nothing is left beside it."""
    publish_text(tmp_path / "a.json", "old")
    publish_text(tmp_path / "a.json", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "new")]


def test_a_file_that_others_have_open_stays_theirs(tmp_path):
    """A reader that began with the old file ends with it."""
    publish_text(tmp_path / "a.csv", "old")
    with (tmp_path / "a.csv").open() as reader:
        written = temporary(tmp_path, "a.csv")
        written.write_text("new")
        publish(written, tmp_path / "a.csv")
        assert reader.read() == "old"
    assert (tmp_path / "a.csv").read_text() == "new"


def test_what_is_not_there_has_no_size(tmp_path):
    """Missing is None, not an error; a digest is of the bytes."""
    assert size_of(tmp_path / "a") is None
    (tmp_path / "a").write_bytes(b"abc")
    assert (size_of(tmp_path / "a"), sha256_of(tmp_path / "a")[:8]) == (3, "ba7816bf")


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (PermissionError(13, "Permission denied", "/x"), PermanentError, "cannot write a: Permission denied (/x); give this process's user"),
        (OSError(28, "No space left on device"), TemporaryError, "cannot write a: No space left on device; what stood there before"),
    ],
)  # fmt: skip
def test_trouble_with_the_disk_says_what_happens_next(error, kind, told):
    """A full disk is tried again, missing rights need a person."""
    with pytest.raises(kind) as caught, disk_trouble("write a"):
        raise error
    assert str(caught.value).startswith(told)
