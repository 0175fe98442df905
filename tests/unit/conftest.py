"""Gives every unit test an installed vendor of its own: `fake_vendor/` is what `pip install fakevendor` would leave behind."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wellhead import plugins

FAKE_VENDOR = Path(__file__).parent / "fake_vendor"


@pytest.fixture
def fake_vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the connectors `fake` (sound) and `broken` for one test; gives the folder, to stand on a child's PYTHONPATH."""
    monkeypatch.syspath_prepend(str(FAKE_VENDOR))
    plugins.installed.cache_clear()
    yield FAKE_VENDOR
    plugins.installed.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "fakevendor"]:
        del sys.modules[name]
