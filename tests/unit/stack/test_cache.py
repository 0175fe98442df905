"""The cache folder is where the user says, and its locks hold one at a time."""

from pathlib import Path

import pytest

from wellhead.stack.cache import HeldLock, cache_dir, try_lock


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WELLHEAD_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/wellhead"),
    ],
)
def test_environment_chooses_the_folder(environ: dict[str, str], expected: str):
    """`WELLHEAD_CACHE` wins over the desktop's own variable."""
    assert cache_dir(environ) == Path(expected)


def test_default_folder_is_the_users_cache():
    """Without a wish the folder lies below the user's home."""
    assert cache_dir({}).is_relative_to(Path.home())


def test_lock_is_exclusive_until_released(tmp_path: Path):
    """A second holder is turned away without waiting, and let in after the release."""
    first = try_lock(tmp_path / "deep" / "lock")
    assert isinstance(first, HeldLock)

    assert try_lock(tmp_path / "deep" / "lock") is None
    first.release()
    second = try_lock(tmp_path / "deep" / "lock")
    assert isinstance(second, HeldLock)
    second.release()
