"""A data folder has one owner, and throw-away ones do not pile up."""

import tempfile
from pathlib import Path

import pytest

from wellhead.stack.data_dir import DataDir
from wellhead.stack.errors import StackError


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_kept_folder_stays_and_remembers(tmp_path: Path):
    """A kept folder survives `close` and tells the next start its ports."""
    first = DataDir(tmp_path / "data")
    assert first.layout() == {}
    first.remember({"brokers": 1, "ports": [1, 2]})
    first.close()

    second = DataDir(tmp_path / "data")
    assert second.layout() == {"brokers": 1, "ports": [1, 2]}
    second.close()


def test_folder_in_use_is_refused(tmp_path: Path):
    """A second stack on the same folder is refused with the way out."""
    first = DataDir(tmp_path / "data")

    with pytest.raises(StackError, match=r"data is in use by another stack.*wellhead stack down.*--data"):
        DataDir(tmp_path / "data")
    first.close()


def test_throw_away_folder_goes():
    """A throw-away folder is deleted by `close`, also when called twice."""
    data = DataDir(None)
    assert data.path.is_dir()

    data.close()
    data.close()

    assert not data.path.exists()


def test_folders_of_the_dead_are_swept_and_those_of_the_living_stay():
    """The next throw-away stack deletes what a killed one left, and nothing else."""
    living, dead = DataDir(None), DataDir(None)
    dead.abandon()

    after = DataDir(None)

    assert living.path.exists()
    assert not dead.path.exists()
    living.close()
    after.close()


def test_damaged_layout_is_explained(tmp_path: Path):
    """A layout file that is not JSON names itself and the remedy."""
    data = DataDir(tmp_path / "data")
    (data.path / "layout.json").write_text("{")

    with pytest.raises(StackError, match=r"layout\.json is damaged.*Delete"):
        data.layout()
    data.close()
