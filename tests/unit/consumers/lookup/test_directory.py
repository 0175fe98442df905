"""A folder as the place of lookup files."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import stat
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from wellhead.consumers.lookup.directory import DirectoryConfig, DirectoryTarget, _refusal
from wellhead.errors import PermanentError, TemporaryError
from wellhead.targets import LookupFile
from wellhead.testing.blockingclock import SteppingClock


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "shared" / "lookups"


@pytest.fixture
def target(there: Path) -> DirectoryTarget:
    return DirectoryTarget(DirectoryConfig(path=there), SteppingClock(start_ms=0))


@pytest.fixture
def file(tmp_path: Path):
    def make(content: bytes = b"ip\n192.0.2.1\n", name: str = "ip.csv") -> LookupFile:
        path = tmp_path / f"built-{name}"
        path.write_bytes(content)
        return LookupFile(name, path, content.count(b"\n") - 1, len(content), hashlib.sha256(content).hexdigest(), ("ip",))

    return make


def test_the_folder_is_made_and_holds_the_file_alone(target, there, file):
    """Nothing is left beside it."""
    target.put(file())
    assert [path.name for path in there.iterdir()] == ["ip.csv"]
    assert target.size_of("ip.csv") == 13


@pytest.mark.parametrize(("mode", "bits"), [("0644", 0o644), ("0640", 0o640), ("0600", 0o600)])
def test_the_file_has_the_permissions_that_were_asked_for(there, file, mode, bits):
    """Whatever the process's own mask is; a temporary file would have 0600."""
    before = os.umask(0o077)
    try:
        DirectoryTarget(DirectoryConfig(path=there, mode=mode), SteppingClock()).put(file())
    finally:
        os.umask(before)
    assert stat.S_IMODE((there / "ip.csv").stat().st_mode) == bits


@pytest.mark.parametrize("mode", ["644", "0888", "u=rw", "01777"])
def test_permissions_are_octal(there, mode):
    """Anything else is refused with the option's name."""
    with pytest.raises(ValidationError, match="mode"):
        DirectoryConfig(path=there, mode=mode)


def test_a_reader_sees_the_old_file_or_the_new_one(target, there, file):
    """Read over and over while it is replaced: never missing, never a part."""
    contents = [b"ip\n" + digit * 3_000_000 for digit in (b"1", b"2")]
    target.put(file(contents[0]))
    odd: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen = (there / "ip.csv").read_bytes()
            if seen not in contents:
                odd.append(len(seen))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        target.put(file(contents[turn % 2]))
    done.set()
    reader.join()
    assert odd == []


def test_a_reader_that_has_the_file_open_keeps_what_it_opened(target, there, file):
    """The old file is not written into."""
    target.put(file(b"ip\nold\n"))
    with (there / "ip.csv").open("rb") as opened:
        target.put(file(b"ip\nnew value\n"))
        assert opened.read() == b"ip\nold\n"


def test_a_link_is_replaced_not_followed(target, there, file, tmp_path):
    """A link in the folder cannot lead a write out of it."""
    outside = tmp_path / "outside.csv"
    outside.write_text("untouched")
    there.mkdir(parents=True)
    (there / "ip.csv").symlink_to(outside)
    target.put(file())
    assert outside.read_text() == "untouched"
    assert not (there / "ip.csv").is_symlink()


def test_a_file_that_changed_under_our_hands_is_not_put(target, there, file):
    """Its checksum is compared with the manifest's before anything is replaced."""
    target.put(file(b"ip\nold\n"))
    torn = file(b"ip\nnew\n")
    torn.path.write_bytes(b"ip\nn")
    with pytest.raises(TemporaryError, match="another checksum"):
        target.put(torn)
    assert (there / "ip.csv").read_bytes() == b"ip\nold\n"
    assert len(list(there.iterdir())) == 1


def test_a_disk_that_is_full_leaves_the_old_file(target, there, file):
    """The write fails in the middle, as on a full disk; the message says how much is free, and nothing is left behind."""
    target.put(file(b"ip\nold\n"))
    large = file(b"ip\n" + b"x" * 3_000_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(
            TemporaryError, match=r"cannot put ip.csv \(3,000,003 bytes\) into .*bytes are free\)\. The former file stays"
        ):
            target.put(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (there / "ip.csv").read_bytes() == b"ip\nold\n"
    assert len(list(there.iterdir())) == 1


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, TemporaryError, "No space left on device.*make room"),
        (errno.EDQUOT, TemporaryError, "quota.*make room"),
        (errno.EACCES, PermanentError, "the right to write there"),
        (errno.EROFS, PermanentError, "directory.path to another folder"),
        (errno.EIO, TemporaryError, "tried again"),
        (errno.ESTALE, TemporaryError, "tried again"),
    ],
)
def test_each_failure_of_a_disk_says_its_recovery(tmp_path, number, kind, words):
    """Room and weather pass; rights are a person's matter."""
    error = _refusal(OSError(number, os.strerror(number)), "cannot put x.csv", tmp_path)
    assert type(error) is kind
    with pytest.raises(kind, match=f"(?i){words}"):
        raise error


def test_a_folder_where_a_file_stands_is_told(target, there, file):
    """Neither is removed."""
    (there / "ip.csv").mkdir(parents=True)
    with pytest.raises(PermanentError, match=r"ip.csv is not a regular file"):
        target.size_of("ip.csv")
    with pytest.raises(PermanentError, match=r"directory.path to another folder"):
        target.put(file())


def test_what_a_killed_copy_left_is_swept_once_it_is_old(target, there, file):
    """A young one may belong to a process that still writes it; others' files are none of ours."""
    there.mkdir(parents=True)
    left, young, other = (there / name for name in (".ip.csv.a.part", ".ip.csv.b.part", ".url.csv.c.part"))
    for path, age_secs in ((left, 7_200), (young, 60), (other, 7_200)):
        path.write_bytes(b"half")
        os.utime(path, (10_000 - age_secs, 10_000 - age_secs))
    target.clock.advance(10_000)
    target.put(file())
    assert sorted(path.name for path in there.iterdir()) == [".ip.csv.b.part", ".url.csv.c.part", "ip.csv"]


def test_the_folder_has_no_limit_unless_it_is_given_one(target, there):
    """The option is the limit."""
    assert target.max_bytes is None
    assert DirectoryTarget(DirectoryConfig(path=there, max_bytes=9), SteppingClock()).max_bytes == 9
