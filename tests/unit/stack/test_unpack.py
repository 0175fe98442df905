"""An archive is unpacked once and whole."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from wellhead.stack.unpack import unpacked, unpacked_folder


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for name in names:
            bundle.writestr(name, name)
    return path


def tarred(path: Path, name: str) -> Path:
    with tarfile.open(path, "w:gz") as bundle:
        member = tarfile.TarInfo(name)
        member.size = len(name)
        bundle.addfile(member, io.BytesIO(name.encode()))
    return path


def test_only_wanted_members_of_a_zip(tmp_path: Path):
    """What is not wanted does not come out."""
    archive = zipped(tmp_path / "store-1.2.zip", "store/lib/a.jar", "store/modules/big/b.jar")

    folder = unpacked(tmp_path, archive, lambda name: "/big/" not in name)

    assert folder == unpacked_folder(tmp_path, archive) == tmp_path / "unpacked" / "store-1.2"
    assert [found.name for found in folder.rglob("*.jar")] == ["a.jar"]


def test_a_tar_is_unpacked_whole(tmp_path: Path):
    """The registry's archive is a tar, and its folder's name loses both endings."""
    folder = unpacked(tmp_path, tarred(tmp_path / "registry-1.tar.gz", "lib/a.jar"))

    assert (folder.name, (folder / "lib" / "a.jar").read_text()) == ("registry-1", "lib/a.jar")


def test_a_second_time_nothing_is_written(tmp_path: Path):
    """What is there stays as it is: a running server may be reading it."""
    archive = zipped(tmp_path / "store.zip", "a")
    (unpacked(tmp_path, archive) / "a").write_text("in use")

    assert (unpacked(tmp_path, archive) / "a").read_text() == "in use"


def test_a_broken_archive_leaves_no_folder(tmp_path: Path):
    """What could not be unpacked whole is not taken for unpacked by the next start."""
    archive = tmp_path / "store.zip"
    archive.write_bytes(b"no zip")

    with pytest.raises(zipfile.BadZipFile):
        unpacked(tmp_path, archive)

    assert not unpacked_folder(tmp_path, archive).exists()
